//! One run: check the target, hand goose its settings, and turn what it says into an outcome.

use std::time::Duration;

use goose::config::GooseConfiguration;
use goose::metrics::GooseMetrics;
use goose::{GooseAttack, GooseError};
use tokio::time::{Instant, interval_at};

use crate::failure::Failure;
use crate::journeys;
use crate::options::Options;
use crate::progress::Progress;
use crate::report::Reports;
use crate::target;
use crate::thresholds::{self, Verdict};

/// How often `run` tells how far it has come.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// All users have started after about this many seconds.
const RAMP_SECONDS: usize = 5;

/// What a run that came to its end showed.
#[derive(Debug)]
pub struct Outcome {
    /// The reports, which are written.
    pub reports: Reports,
    /// How the run did against the thresholds.
    pub verdict: Verdict,
}

/// Run the load that `options` describe and on_progress `on_progress` how far it has come; goose prints all figures at the end.
pub async fn run(options: &Options, on_progress: impl Fn(Progress)) -> Result<Outcome, Failure> {
    target::check(&options.target, options.allow_remote).await?;
    let reports = Reports::prepare(&options.report_dir)?;
    let mut attack = GooseAttack::initialize_with_config(configuration(options, &reports))?;
    for scenario in journeys::scenarios(options.think_ms)? {
        attack = attack.register_scenario(scenario);
    }
    let judged = match execute(attack, on_progress).await {
        Ok(metrics) => metrics.thresholds,
        Err(GooseError::ThresholdsFailed { metrics, .. }) => metrics.0.thresholds,
        Err(other) => return Err(other.into()),
    };
    Ok(Outcome { reports, verdict: Verdict::new(&judged) })
}

/// Let goose work and on_progress how far it has come until it is done.
async fn execute(attack: GooseAttack, on_progress: impl Fn(Progress)) -> Result<GooseMetrics, GooseError> {
    let started = Instant::now();
    let mut ticks = interval_at(started + PROGRESS_EVERY, PROGRESS_EVERY);
    let mut work = Box::pin(attack.execute());
    loop {
        tokio::select! {
            result = &mut work => return result,
            _ = ticks.tick() => on_progress(Progress::after(started.elapsed())),
        }
    }
}

/// Goose's settings. Nothing is read from the command line by goose itself.
fn configuration(options: &Options, reports: &Reports) -> GooseConfiguration {
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(options.target.to_string());
    configuration.users = Some(options.users);
    configuration.increase_rate = Some(options.users.div_ceil(RAMP_SECONDS).to_string());
    configuration.run_time = Some(options.duration.as_secs().to_string());
    configuration.report_file = reports.goose_paths();
    configuration.threshold = thresholds::rules().map(|rule| rule.text).collect();
    // A slow first request is part of the run, not a reason to stop it: rules are judged over all of it.
    configuration.no_threshold_abort = true;
    // Shoppers register and log in while users are still starting; a reset would lose just those requests.
    configuration.no_reset_metrics = true;
    // Nothing but the load: no port is opened to steer it.
    configuration.no_telnet = true;
    configuration.quiet = 1;
    configuration
}

//! The run of the process: start, map, traffic, tables, and the summary at its end.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chassis::StartError;
use clap::Parser;
use telemetry::{LogFormat, LogOutput, Tap};

use crate::data::{Data, DataError};
use crate::shopper::Tally;
use crate::stack::{SERVICES, Stack, StackConfig, StackError};
use crate::table::{self, Counts};
use crate::traces::Traces;
use crate::traffic::Traffic;
use crate::{pages, waterfall};

/// Longest time until every service is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(15);

/// Every service in one process, with traffic and everything it tells about itself.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version)]
pub struct Arguments {
    /// Folder for databases, log and admin password [default: your data directory]
    #[arg(long, value_name = "DIR", conflicts_with = "ephemeral")]
    data_dir: Option<PathBuf>,
    /// Use a folder that is removed at the end
    #[arg(long)]
    ephemeral: bool,
    /// Walks the built-in shopper starts per second; 0 turns it off
    #[arg(long, value_name = "PER_SECOND", default_value_t = 0.5, value_parser = rate)]
    traffic: f64,
    /// Stop after this long, such as 20s or 5m; fail if anything failed
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    limit: Option<Duration>,
    /// Time between two tables, such as 10s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    every: Duration,
    /// File with overrides, one section per service, such as [gateway.http]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Send traces of all services to this OTLP gRPC endpoint, such as http://127.0.0.1:4317
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
}

/// The run ended badly.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A service cannot start.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// Something around the services cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The system has no threads or files left.
    #[error("cannot start a runtime: {0}")]
    Runtime(std::io::Error),
    /// Services started but did not become ready.
    #[error("not ready after {0:?}; GET /readyz on the admin ports tells why, and the log has details")]
    NotReady(Duration),
    /// Something failed during a timed run.
    #[error("the run failed: {0}")]
    Failed(String),
}

impl From<telemetry::StartError> for RunError {
    fn from(error: telemetry::StartError) -> Self {
        StartError::from(error).into()
    }
}

impl From<chassis::config::ConfigError> for RunError {
    fn from(error: chassis::config::ConfigError) -> Self {
        StartError::from(error).into()
    }
}

/// Runs until a signal comes or the time is up.
///
/// # Errors
/// If it cannot start, or if a timed run had failures.
pub fn run(arguments: Arguments) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(RunError::Runtime)?.block_on(run_stack(arguments))
}

async fn run_stack(arguments: Arguments) -> Result<(), RunError> {
    let begin = Instant::now();
    let stop = chassis::stop_signal();
    let data = if arguments.ephemeral { Data::ephemeral()? } else { Data::open(arguments.data_dir.clone())? };
    let log = data.path().join("signalbox.jsonl");
    let _logs = telemetry::install(LogFormat::Json, &LogOutput::File(log))?;
    let traces = Arc::new(Traces::default());
    let config = stack_config(&arguments, &data, &traces)?;
    let stack = Stack::start(&config).await?;
    wait_until_ready(&stack).await?;
    print(&address_overview(&stack, &data, &config, begin.elapsed()));
    let tally = Arc::new(Tally::default());
    let gateway = stack.address("gateway", "http").filter(|_| arguments.traffic > 0.0);
    let traffic = gateway
        .map(|address| Traffic::start(address, arguments.traffic, arguments.otlp_endpoint.as_deref(), &traces, &tally))
        .transpose()?;
    watch(&arguments, &stack, &traces, stop).await;
    drop(traffic);
    match finish(stack, &traces, &tally, begin).await {
        Err(failures) if arguments.limit.is_some() => Err(RunError::Failed(failures)),
        // Whoever stops it by hand has seen the tables; only a timed run is a check.
        _ => Ok(()),
    }
}

fn stack_config(arguments: &Arguments, data: &Data, traces: &Arc<Traces>) -> Result<StackConfig, RunError> {
    let overrides = match &arguments.config {
        Some(path) => read(path)?,
        None => toml::Table::new(),
    };
    Ok(StackConfig {
        data: data.path().to_owned(),
        overrides,
        environment: true,
        otlp_endpoint: arguments.otlp_endpoint.clone(),
        tap: Some(Arc::clone(traces) as Arc<dyn Tap>),
        pages: Some(pages::router(Arc::clone(traces))),
        admin: Some(data.admin()?),
    })
}

fn read(path: &PathBuf) -> Result<toml::Table, RunError> {
    use chassis::config::ConfigError;
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
    let invalid = |error: toml::de::Error| ConfigError::Invalid {
        origin: path.display().to_string(),
        message: error.to_string().trim().to_owned(),
    };
    Ok(text.parse().map_err(invalid)?)
}

async fn wait_until_ready(stack: &Stack) -> Result<(), RunError> {
    let poll = async {
        while !stack.ready().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(READY_TIMEOUT, poll).await.map_err(|_| RunError::NotReady(READY_TIMEOUT))
}

/// Prints a table every few seconds until it is time to stop.
async fn watch(arguments: &Arguments, stack: &Stack, traces: &Traces, signal: impl Future<Output = ()>) {
    let stop = async {
        match arguments.limit {
            Some(limit) => tokio::select! {
                () = tokio::time::sleep(limit) => {}
                () = signal => {}
            },
            None => signal.await,
        }
    };
    tokio::pin!(stop);
    let mut before = (Instant::now(), Counts::of(stack));
    loop {
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(arguments.every) => {}
        }
        let now = (Instant::now(), Counts::of(stack));
        print(&now.1.table(&before.1, now.0 - before.0, traces, false));
        before = now;
    }
}

/// Stops the services and sums up; the error says what failed.
async fn finish(stack: Stack, traces: &Traces, tally: &Tally, begin: Instant) -> Result<(), String> {
    stack.flush().await;
    let counts = Counts::of(&stack);
    let panics: f64 = stack.services().iter().map(|service| table::metrics(service).sum("panics_total", &[])).sum();
    let drained = stack.stop().await;
    print(&format!("Since the start:\n{}", counts.table(&Counts::default(), begin.elapsed(), traces, true)));
    if let Some(slowest) = traces.slowest() {
        print(&format!("The slowest trace:\n{}", waterfall::draw(&slowest)));
    }
    let (answered, failed) = (tally.answered.load(Ordering::Relaxed), tally.failed.load(Ordering::Relaxed));
    print(&format!("Shopper: {answered} requests answered, {failed} failed."));
    let mut failures = Vec::new();
    if failed > 0 {
        failures.push(format!("{failed} shopper requests, first {}", tally.first_failure().unwrap_or_default()));
    }
    if counts.errors() > 0 {
        failures.push(format!("{} requests were answered with a server error", counts.errors()));
    }
    if panics > 0.0 {
        failures.push(format!("{panics} panics"));
    }
    if !drained {
        failures.push("requests were cut at shutdown".to_owned());
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
}

fn address_overview(stack: &Stack, data: &Data, config: &StackConfig, took: Duration) -> String {
    let url =
        |service, kind| stack.address(service, kind).map(|address| format!("http://{address}")).unwrap_or_default();
    let mut text = format!("Signalbox is ready ({} ms).\n\n", took.as_millis());
    let public = url("gateway", "http");
    text += &format!("  API          {public}         try: curl {public}/v1/products?limit=3\n");
    text += &format!("  API docs     {public}/docs\n");
    text += &format!("  traces       {}/traces\n", url("gateway", "admin"));
    for service in SERVICES.iter().rev() {
        text += &format!("  {service:<12} {}/metrics  /readyz  /log-level  /build\n", url(service, "admin"));
    }
    text += &format!("  mails        {}\n", data.path().join("mail").display());
    if let Some(admin) = &config.admin {
        text +=
            &format!("  admin        {}  password in {}\n", admin.email, data.path().join("admin-password").display());
    }
    text + &format!("  log          {}\n\nCtrl-C stops it.\n", data.path().join("signalbox.jsonl").display())
}

#[allow(clippy::print_stdout, reason = "the terminal is this program's user interface")]
fn print(text: &str) {
    // A closed pipe is no reason to stop serving.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 500ms, 20s or 5m");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let amount: u64 = text[..split].parse().map_err(|_| wrong())?;
    let duration = match &text[split..] {
        "ms" => Duration::from_millis(amount),
        "s" => Duration::from_secs(amount),
        "m" => Duration::from_secs(amount * 60),
        "h" => Duration::from_secs(amount * 3600),
        _ => return Err(wrong()),
    };
    if duration.is_zero() { Err(wrong()) } else { Ok(duration) }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate == 0.0 || (0.001..=100.0).contains(&rate) => Ok(rate),
        _ => Err(format!("`{text}` is not a rate: 0, or 0.001 to 100 walks per second")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_rates_are_read_or_refused_with_a_reason() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        for bad in ["", "20", "s", "0s", "-1s", "1d"] {
            assert!(duration(bad).is_err_and(|error| error.contains("20s")), "{bad}");
        }
        assert_eq!(rate("0"), Ok(0.0));
        assert!(rate("1000").is_err() && rate("NaN").is_err());
    }
}

//! The whole system under observation: services, servers, exporters, Prometheus, Alertmanager, a receiver and a load.

use std::sync::Arc;
use std::time::Duration;

use testkit::observe::{ADMIN, Load, Observability, Profile, Prometheus, Receiver, Series};
use testkit::{ProcessOptions, Processes, eventually_within};

/// Longest time for everything to be scraped, and for a first look at everything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Walks of the shopper a second.
const WALKS: f64 = 1.0;

/// Time between two rounds of the keeper.
const ROUND: Duration = Duration::from_secs(2);

pub(crate) struct World {
    pub(crate) prometheus: Prometheus,
    pub(crate) receiver: Receiver,
    pub(crate) load: Load,
    /// When Prometheus started, in seconds since 1970.
    pub(crate) begin: f64,
    // Last: dropped after what uses them.
    _observability: Observability,
    _processes: Arc<Processes>,
}

impl World {
    /// Starts everything and waits until every target was scraped and the load goes well.
    pub(crate) async fn start() -> Self {
        let options = ProcessOptions { admin: Some(ADMIN.to_owned()), ..ProcessOptions::default() };
        let start = move || Arc::new(Processes::start(&options, |_| {}).unwrap());
        let processes = tokio::task::spawn_blocking(start).await.unwrap();
        let receiver = Receiver::start(0, Profile::Demo.watchdog_timeout(), |line| println!("{line}")).await.unwrap();
        let (webhook, observed) = (receiver.address(), processes.clone());
        let start = move || Observability::start(&observed, Profile::Demo, webhook, None, |_| {}).unwrap();
        let observability = tokio::task::spawn_blocking(start).await.unwrap();
        let gateway = processes.service("gateway").address().unwrap();
        let load = Load::start(gateway, &processes.secret("admin_password").unwrap(), WALKS, ROUND);
        let prometheus = Prometheus::at(observability.prometheus.address());
        let begin = value(&prometheus, "process_start_time_seconds{job=\"prometheus\"}").await;
        let world = Self { prometheus, receiver, load, begin, _observability: observability, _processes: processes };
        world.settle().await;
        world
    }

    async fn settle(&self) {
        eventually_within(PATIENCE, "a load that goes well", || async {
            self.must_be_well();
            (self.load.tally().answered() > 50 && self.load.tally().rounds() > 1).then_some(())
        })
        .await;
        let targets = self.prometheus.get("/api/v1/targets", &[("state", "active")]).await.unwrap();
        let targets = targets["activeTargets"].as_array().map_or(0, Vec::len);
        assert!(targets >= 11, "only {targets} targets");
        eventually_within(PATIENCE, "every target to be up", || async {
            let up = self.prometheus.query("up == 1").await.unwrap();
            (up.len() == targets).then_some(())
        })
        .await;
    }

    /// A run in which something fails is not healthy, and its silence means nothing.
    pub(crate) fn must_be_well(&self) {
        let failure = self.load.tally().first_failure();
        assert!(failure.is_none(), "the load failed: {}", failure.unwrap_or_default());
    }

    /// Seconds since Prometheus started.
    pub(crate) async fn age(&self) -> f64 {
        value(&self.prometheus, "time()").await - self.begin
    }
}

/// The only value of a query, as soon as it has one.
async fn value(prometheus: &Prometheus, query: &str) -> f64 {
    eventually_within(PATIENCE, query, || async {
        let series = prometheus.query(query).await.ok()?;
        series.first().and_then(|series| series.samples.first()).map(|(_, value)| *value)
    })
    .await
}

/// Whether there is something to see: a value that is a number.
pub(crate) fn has_data(series: &[Series]) -> bool {
    series.iter().flat_map(|series| &series.samples).any(|(_, value)| !value.is_nan())
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

//! The proof on a real Prometheus that scrapes the running stack under a shopper's load, in the profile `demo`, where
//! three minutes are three hours: every query of every panel and every recording rule has data, or is listed with the
//! reason why not; and nothing fires but the Watchdog.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a test that prints its counts")]

mod dashboards;
mod expected;
mod parts;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use testkit::eventually;
use testkit::observe::{Prometheus, TimeRange};

use crate::dashboards::{Dashboard, Query, fill};
use crate::expected::{Category, Entry};
use crate::world::{World, has_data};

/// How long nothing may fire, in seconds. Every window of the rules is sixty times shorter than in production.
const QUIET: f64 = 180.0;

/// Alerts with this `service` are about the machine, such as its disk: they are told, and no fault of the run.
const MACHINE: &str = "node";

/// Time between two looks at what has no data yet.
const AGAIN: Duration = Duration::from_secs(5);

type Values = BTreeMap<String, Vec<Vec<(String, String)>>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_on_show_has_data_and_a_healthy_run_is_quiet() {
    let start = Instant::now();
    let dashboards = Dashboard::all(&root().join("grafana/dashboards"));
    assert!(!dashboards.is_empty(), "there is no dashboard in grafana/dashboards; `make rules` writes them");
    let expected = expected::read(&root().join("observability/expected-empty.toml"));
    let world = World::start().await;
    let rules = rules(&world.prometheus).await;
    let mut proof = Proof::new(&dashboards, &rules.recording);
    let mut values = Values::new();
    let mut ticks = tokio::time::interval(AGAIN);
    while world.age().await < QUIET {
        ticks.tick().await;
        world.must_be_well();
        nothing_fires(&world).await;
        if values.is_empty() {
            values = values_of(&dashboards, &world.prometheus).await;
        }
        proof.look(&world.prometheus, &values, world.begin).await;
    }
    nothing_fired(&world).await;
    the_watchdog_arrived(&world);
    annotations_are_understood(&dashboards, &values, &world.prometheus).await;
    let report = proof.judge(&expected);
    backends::print_uncaptured(&format!(
        "prometheus: {} dashboards, {} panels, {} alerts quiet for {QUIET} s but the Watchdog; {report}; {:.0?}",
        dashboards.len(),
        dashboards.iter().map(|dashboard| dashboard.panels).sum::<usize>(),
        rules.alerts.len(),
        start.elapsed(),
    ));
}

/// The rules that were loaded.
struct Rules {
    recording: BTreeSet<String>,
    alerts: BTreeSet<String>,
}

/// What Prometheus has loaded; a rule that it cannot evaluate fails.
async fn rules(prometheus: &Prometheus) -> Rules {
    let groups = eventually("rules in observability/prometheus/rules/demo, which `make rules` writes", || async {
        let mut data = prometheus.get("/api/v1/rules", &[]).await.unwrap();
        data["groups"].as_array_mut().map(std::mem::take).filter(|groups| !groups.is_empty())
    })
    .await;
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    let mut found = Rules { recording: BTreeSet::new(), alerts: BTreeSet::new() };
    for rule in rules {
        let name = rule["name"].as_str().unwrap().to_owned();
        assert_ne!(rule["health"], "err", "{name}: {}", rule["lastError"]);
        if rule["type"] == "recording" { &mut found.recording } else { &mut found.alerts }.insert(name);
    }
    found
}

async fn values_of(dashboards: &[Dashboard], prometheus: &Prometheus) -> Values {
    let mut values = Values::new();
    for dashboard in dashboards {
        values.insert(dashboard.uid.clone(), dashboard.values(prometheus).await);
    }
    values
}

/// What has had data, and what has not.
struct Proof<'a> {
    shown: Vec<(&'a Query, bool)>,
    recorded: Vec<(&'a str, bool)>,
}

impl<'a> Proof<'a> {
    fn new(dashboards: &'a [Dashboard], recording: &'a BTreeSet<String>) -> Self {
        let shown = dashboards.iter().flat_map(|dashboard| &dashboard.queries).map(|query| (query, false));
        Self { shown: shown.collect(), recorded: recording.iter().map(|name| (name.as_str(), false)).collect() }
    }

    /// Asks everything again that has had no data so far.
    async fn look(&mut self, prometheus: &Prometheus, values: &Values, begin: f64) {
        for (query, seen) in self.shown.iter_mut().filter(|(query, seen)| query.prometheus && !seen) {
            for set in &values[&query.uid] {
                let text = fill(&query.text, set);
                *seen = answers(prometheus, &text, begin)
                    .await
                    .unwrap_or_else(|error| panic!("{}: {error}\n{text}", query.place()));
                if *seen {
                    break;
                }
            }
        }
        for (name, seen) in self.recorded.iter_mut().filter(|(_, seen)| !seen) {
            *seen = answers(prometheus, name, begin).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    /// Holds what had no data against the list; answers the counts.
    fn judge(&self, expected: &[Entry]) -> String {
        let (mut missing, mut healthy, mut skipped) = (Vec::new(), 0, 0);
        let mut needed = BTreeSet::new();
        let mut count = |place: String, entry: Option<(usize, &Entry)>| match entry {
            Some((number, entry)) => {
                needed.insert(number);
                match entry.category {
                    Category::Healthy => healthy += 1,
                    Category::Program(_) => skipped += 1,
                }
            }
            None => missing.push(place),
        };
        for (query, _) in self.shown.iter().filter(|(_, seen)| !seen) {
            let entry = expected.iter().enumerate().find(|(_, entry)| entry.is_about(query));
            count(format!("{}: {}", query.place(), query.text), entry);
        }
        for (name, _) in self.recorded.iter().filter(|(_, seen)| !seen) {
            let entry = expected.iter().enumerate().find(|(_, entry)| entry.is_about_rule(name));
            count(format!("rule {name}"), entry);
        }
        let stale = expected.iter().enumerate().filter(|(number, _)| !needed.contains(number));
        let stale: Vec<_> = stale.map(|(_, entry)| entry.name()).collect();
        assert!(
            missing.is_empty() && stale.is_empty(),
            "no data, and not in observability/expected-empty.toml: {missing:#?}\nlisted there, but with data, or not on \
             any dashboard: {stale:#?}"
        );
        let shown = self.shown.iter().filter(|(_, seen)| *seen).count();
        let recorded = self.recorded.iter().filter(|(_, seen)| *seen).count();
        format!(
            "{shown} panel queries and {recorded} recording rules with data, {healthy} empty when healthy, skipped: \
             {skipped} that need a program which does not run here"
        )
    }
}

/// Whether a query has data, now or at any moment of the run so far, as a graph would show.
async fn answers(prometheus: &Prometheus, query: &str, begin: f64) -> Result<bool, String> {
    if has_data(&prometheus.query(query).await?) {
        return Ok(true);
    }
    let range = TimeRange { from: begin, to: world::now(), step: 5 };
    Ok(has_data(&prometheus.query_range(query, range).await?))
}

async fn annotations_are_understood(dashboards: &[Dashboard], values: &Values, prometheus: &Prometheus) {
    for dashboard in dashboards {
        for text in &dashboard.annotations {
            let query = fill(text, &values[&dashboard.uid][0]);
            let answer = prometheus.query(&query).await;
            assert!(answer.is_ok(), "annotation of {}: {answer:?}\n{query}", dashboard.uid);
        }
    }
}

/// Fails on the first alert, while it can still be looked at.
async fn nothing_fires(world: &World) {
    let query = format!("ALERTS{{alertstate=\"firing\", alertname!=\"Watchdog\", service!=\"{MACHINE}\"}}");
    let firing = world.prometheus.query(&query).await.unwrap();
    assert!(firing.is_empty(), "in a healthy run fires {firing:#?}");
}

/// Over the whole run, at every evaluation.
async fn nothing_fired(world: &World) {
    let range = TimeRange { from: world.begin, to: world::now(), step: 1 };
    let alerts = world.prometheus.query_range("ALERTS", range).await.unwrap();
    let names = |state: &str| -> BTreeMap<String, usize> {
        let matching = alerts.iter().filter(|series| series.label("alertstate") == state);
        matching.map(|series| (format!("{:?}", series.labels), series.samples.len())).collect()
    };
    for (alert, seconds) in names("pending") {
        backends::print_uncaptured(&format!("pending for {seconds} s: {alert}"));
    }
    let firing = alerts.iter().filter(|series| series.label("alertstate") == "firing");
    let (machine, ours): (Vec<_>, Vec<_>) = firing.partition(|series| series.label("service") == MACHINE);
    for alert in machine {
        backends::print_uncaptured(&format!("about this machine: {}", alert.label("alertname")));
    }
    let fired: BTreeSet<_> = ours.into_iter().map(|series| series.label("alertname").to_owned()).collect();
    assert_eq!(fired, BTreeSet::from(["Watchdog".to_owned()]), "fired in a healthy run: {:#?}", names("firing"));
}

fn the_watchdog_arrived(world: &World) {
    let deliveries = world.receiver.deliveries();
    let strangers = deliveries.iter().filter(|one| one.name() != "Watchdog" && one.labels["service"] != MACHINE);
    let strangers: Vec<_> = strangers.map(|one| one.line()).collect();
    assert!(strangers.is_empty(), "{strangers:#?}");
    assert!(!deliveries.is_empty() && !world.receiver.is_silent(), "the Watchdog does not arrive");
}

//! Total outages of one callee: how many calls for each request of a client while nothing is answered, compared with
//! health. Each outage has a gateway of its own, whose callee is a door to the real service that can be shut in three
//! ways; all of them run at the same time.

use std::time::Duration;

use chassis::Running;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{FakeService, value_of};
use tokio::time::Instant;
use tonic::Code;

use crate::generator::open;
use crate::stand::Stand;
use crate::tally::Kind;
use crate::terminal::say;

/// Most calls for each request, as a multiple of health.
pub(crate) const MAX_RATIO: f64 = 1.2;

/// Length of the phases. The first fills the breaker's window with successes, so that it opens as late as it can.
const HEALTHY: Duration = Duration::from_secs(10);
const OUTAGE: Duration = Duration::from_secs(12);
const BACK: Duration = Duration::from_secs(10);

/// Longer than the gateway waits for a callee: the breaker does not count calls that their client gave up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause between two looks at the counts.
const LOOK: Duration = Duration::from_millis(50);

/// How the callee fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Unavailable,
    Refused,
    Hangs,
}

/// What an outage did.
pub(crate) struct Outage {
    pub(crate) callee: &'static str,
    failure: Failure,
    /// Calls for each request before the outage.
    pub(crate) healthy: f64,
    /// The same until the breaker opened, as a multiple of before.
    pub(crate) until_open: f64,
    /// The same in the worst whole second.
    pub(crate) worst_second: f64,
    /// The same over the whole outage.
    pub(crate) whole: f64,
    pub(crate) retries: f64,
    pub(crate) over_budget: f64,
    /// From the begin of the outage to the opening of the breaker, and from its end to the closing.
    pub(crate) opened: Option<Duration>,
    pub(crate) closed: Option<Duration>,
    pub(crate) transitions: [f64; 3],
    /// Share of the requests that were right again after the breaker had closed.
    pub(crate) good_after: f64,
}

impl Outage {
    /// The failure in words.
    pub(crate) fn failure(&self) -> &'static str {
        match self.failure {
            Failure::Unavailable => "answers UNAVAILABLE",
            Failure::Refused => "port refuses",
            Failure::Hangs => "hangs",
        }
    }

    /// What was missed, in words.
    pub(crate) fn missed(&self) -> Vec<String> {
        let name = format!("{} {}", self.callee, self.failure());
        let mut missed = Vec::new();
        let worst = self.until_open.max(self.whole);
        if worst > MAX_RATIO {
            missed.push(format!("{name}: {worst:.2} times the calls"));
        }
        if self.opened.is_none() {
            missed.push(format!("{name}: the breaker did not open"));
        }
        if self.closed.is_none() {
            missed.push(format!("{name}: the breaker did not close"));
        }
        missed
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "callee": self.callee,
            "failure": self.failure(),
            "healthy_calls_per_request": self.healthy,
            "ratio_until_open": self.until_open,
            "ratio_worst_second": self.worst_second,
            "ratio_whole_outage": self.whole,
            "retries": self.retries,
            "retries_over_budget": self.over_budget,
            "opened_after_s": self.opened.map(|time| time.as_secs_f64()),
            "closed_after_s": self.closed.map(|time| time.as_secs_f64()),
            "transitions": { "open": self.transitions[0], "half_open": self.transitions[1], "closed": self.transitions[2] },
            "good_share_after": self.good_after,
        })
    }
}

/// Measures every failure of product and of user, all at the same time, with `rate` requests a second each.
pub(crate) async fn measure(stand: &Stand, rate: f64) -> Vec<Outage> {
    say(&format!(
        "outages: product and user, three failures each, at the same time, {rate:.0} requests/s each: {} s of health, \
         {} s of outage, then back",
        HEALTHY.as_secs(),
        OUTAGE.as_secs()
    ));
    let failures = [Failure::Unavailable, Failure::Refused, Failure::Hangs];
    let each = failures.into_iter().flat_map(|failure| ["product", "user"].map(|callee| (callee, failure)));
    let mut outages = join_all(each.map(|(callee, failure)| outage(stand, callee, failure, rate))).await;
    outages.sort_by_key(|outage| outage.callee);
    outages
}

async fn outage(stand: &Stand, callee: &'static str, failure: Failure, rate: f64) -> Outage {
    let real = stand.stack.address(callee, "grpc").expect("the callee listens");
    let mut door = FakeService::start().await;
    door.forward(real);
    let gateway = stand.second_gateway(callee, &door.url()).await;
    let target = if callee == "user" { stand.user_reads(&gateway) } else { stand.product_reads(&gateway) };
    let before = door.calls();
    let health = open(&target, rate, HEALTHY, REQUEST_TIMEOUT).await;
    let healthy = (door.calls() - before) as f64 / health.records.len() as f64;

    shut(&mut door, failure).await;
    let retries = value(&gateway, "rpc_client_retries_total", callee, ("outcome", "repeated"));
    let load = { tokio::spawn(async move { (open(&target, rate, OUTAGE, REQUEST_TIMEOUT).await, target) }) };
    let samples = watch(&gateway, &door, callee, failure, rate).await;
    let (sent, target) = load.await.expect("the load does not panic");
    let received = samples.last().map_or(0.0, |last| last.received);
    let opened = samples.iter().find(|sample| sample.open);
    say(&format!("  {callee}, {failure:?}: {received:.0} calls for {} requests", sent.records.len()));
    let spent = value(&gateway, "rpc_client_retries_total", callee, ("outcome", "repeated")) - retries;

    door.forward(real);
    if failure == Failure::Refused {
        door.open().await;
    }
    let begin = Instant::now();
    let load = tokio::spawn(async move { open(&target, rate, BACK, REQUEST_TIMEOUT).await });
    let closed = closed(&gateway, callee, begin).await;
    let after = load.await.expect("the load does not panic");
    let later = || after.records.iter().filter(|record| closed.is_some_and(|closed| record.at > closed));
    let transition = |state| value(&gateway, "rpc_client_breaker_transitions_total", callee, ("state", state));
    Outage {
        callee,
        failure,
        healthy,
        until_open: opened.map_or(f64::NAN, |sample| sample.received / (sample.at.as_secs_f64() * rate) / healthy),
        worst_second: worst_second(&samples) / rate / healthy,
        whole: received / sent.records.len() as f64 / healthy,
        retries: spent,
        over_budget: value(&gateway, "rpc_client_retries_total", callee, ("outcome", "over_budget")),
        opened: opened.map(|sample| sample.at),
        closed,
        transitions: ["open", "half_open", "closed"].map(transition),
        good_after: later().filter(|record| record.kind == Kind::Good).count() as f64 / later().count().max(1) as f64,
    }
}

async fn shut(door: &mut FakeService, failure: Failure) {
    match failure {
        Failure::Unavailable => door.refuse(Code::Unavailable),
        Failure::Refused => door.close().await,
        Failure::Hangs => door.hang(),
    }
}

/// One look during the outage.
struct Sample {
    at: Duration,
    /// Calls since its begin.
    received: f64,
    open: bool,
}

/// Looks at door and breaker until the outage is over. Nobody counts at a port that refuses: there it is the gateway
/// that says what it has tried, which is what it was asked, less what its breaker refused, plus what it repeated.
async fn watch(gateway: &Running, door: &FakeService, callee: &str, failure: Failure, rate: f64) -> Vec<Sample> {
    let tried = |at: Duration| {
        let metrics = gateway.metrics();
        let count = |name, label| value_of(&metrics, name, &[("callee", callee), label]);
        let refused = count("rpc_client_rejections_total", ("reason", "breaker_open"));
        at.as_secs_f64() * rate - refused + count("rpc_client_retries_total", ("outcome", "repeated"))
    };
    let (begin, before) = (Instant::now(), door.calls());
    let mut samples = Vec::new();
    while begin.elapsed() < OUTAGE {
        tokio::time::sleep(LOOK).await;
        let at = begin.elapsed();
        let open = value(gateway, "rpc_client_breaker_transitions_total", callee, ("state", "open")) > 0.0;
        let received = if failure == Failure::Refused { tried(at) } else { (door.calls() - before) as f64 };
        samples.push(Sample { at, received, open });
    }
    samples
}

/// Most calls in any second.
fn worst_second(samples: &[Sample]) -> f64 {
    let second = Duration::from_secs(1);
    let since = |sample: &Sample| {
        let earlier = samples.iter().rev().find(|earlier| earlier.at + second <= sample.at);
        let seconds = sample.at.saturating_sub(earlier.map_or(Duration::ZERO, |earlier| earlier.at)).as_secs_f64();
        (sample.received - earlier.map_or(0.0, |earlier| earlier.received)) / seconds.max(1.0)
    };
    samples.iter().map(since).fold(0.0, f64::max)
}

async fn closed(gateway: &Running, callee: &str, begin: Instant) -> Option<Duration> {
    while begin.elapsed() < BACK {
        if value(gateway, "rpc_client_breaker_state", callee, ("state", "closed")) > 0.0 {
            return Some(begin.elapsed());
        }
        tokio::time::sleep(LOOK).await;
    }
    None
}

fn value(gateway: &Running, name: &str, callee: &str, label: (&str, &str)) -> f64 {
    value_of(&gateway.metrics(), name, &[("callee", callee), label])
}

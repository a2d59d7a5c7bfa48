//! Goodput under overload: what a server can do is found with a closed loop, then three times as much is offered, then
//! half. Peak and overload take turns, since the machine is never the same twice.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cpu;
use crate::generator::{closed, open};
use crate::tally::{Kind, Record, Tally, median, p99_ms};
use crate::terminal::say;
use crate::wire::Target;

/// Least share of the peak that has to be left at three times capacity.
pub(crate) const MIN_RATIO: f64 = 0.9;

/// Longest time until all is well again.
pub(crate) const MAX_RECOVERY: Duration = Duration::from_secs(10);

/// Load in multiples of the capacity: too much, and afterwards.
const OVERLOAD: f64 = 3.0;
const AFTERWARDS: f64 = 0.5;

/// Share of what is offered afterwards that has to be good for a recovery.
const RECOVERED: f64 = 0.95;

/// Part of the time afterwards that is looked at by itself, and how many of them have to be well in a row.
const BUCKET: Duration = Duration::from_millis(250);
const IN_A_ROW: usize = 4;

/// Gain below which more clients are no gain; two doublings without one end the search.
const GAIN: f64 = 1.05;

/// Most clients that are tried. More would be refused for their number.
const MAX_CLIENTS: usize = 128;

/// How long the phases are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Pairs of peak and overload.
    pub(crate) pairs: usize,
    /// One phase of a pair.
    pub(crate) phase: Duration,
    /// A client's patience.
    pub(crate) deadline: Duration,
}

/// A peak, an overload of three times that, and what came after.
pub(crate) struct Pair {
    pub(crate) peak: Tally,
    pub(crate) overload: Tally,
    /// None if it took longer than is looked.
    pub(crate) recovery: Option<Duration>,
    /// CPU time of the gateway at the peak, then that of gateway and generator in the overload, in cores.
    peak_cores: f64,
    gateway_cores: f64,
    generator_cores: f64,
}

impl Pair {
    /// CPU time of the gateway for a good answer at the peak, in microseconds.
    pub(crate) fn answer_us(&self) -> f64 {
        self.peak_cores / self.peak.goodput() * 1e6
    }

    /// CPU time of the gateway for anything else in the overload, in microseconds: what good answers do not explain.
    pub(crate) fn refusal_us(&self) -> f64 {
        let seconds = self.overload.span.as_secs_f64();
        let other = self.overload.records.len() - self.overload.count(Kind::Good) - self.overload.count(Kind::Unsent);
        let spent = self.gateway_cores * 1e6 - self.answer_us() * self.overload.goodput();
        spent.max(0.0) / (other as f64 / seconds)
    }
}

/// The figures of one operation.
pub(crate) struct Goodput {
    pub(crate) operation: &'static str,
    pub(crate) clients: usize,
    pub(crate) pairs: Vec<Pair>,
}

impl Goodput {
    /// Goodput under overload as a share of the peak before it, one for each pair.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        self.pairs.iter().map(|pair| pair.overload.goodput() / pair.peak.goodput()).collect()
    }

    /// A figure of every pair.
    pub(crate) fn each(&self, figure: impl Fn(&Pair) -> f64) -> Vec<f64> {
        self.pairs.iter().map(figure).collect()
    }

    /// What was missed, in words.
    pub(crate) fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let ratio = median(&self.ratios());
        if ratio < MIN_RATIO {
            missed.push(format!("{}: {:.0} % of the peak at three times capacity", self.operation, ratio * 100.0));
        }
        if self.pairs.iter().any(|pair| pair.recovery.is_none_or(|time| time > MAX_RECOVERY)) {
            missed.push(format!("{}: not recovered within {} s", self.operation, MAX_RECOVERY.as_secs()));
        }
        missed
    }

    pub(crate) fn json(&self) -> Value {
        let pair = |pair: &Pair| {
            json!({
                "peak_per_s": pair.peak.goodput(),
                "peak_p99_ms": pair.peak.p99_ms(Kind::Good),
                "offered_per_s": pair.overload.records.len() as f64 / pair.overload.span.as_secs_f64(),
                "goodput_per_s": pair.overload.goodput(),
                "ratio": pair.overload.goodput() / pair.peak.goodput(),
                "good_p99_ms": pair.overload.p99_ms(Kind::Good),
                "refused_share": pair.overload.share(Kind::Refused),
                "refused_p99_ms": pair.overload.p99_ms(Kind::Refused),
                "late_share": pair.overload.share(Kind::Late),
                "failed_share": pair.overload.share(Kind::Failed),
                "generator_lag_p99_ms": pair.overload.lag_p99_ms(),
                "unsent_share": pair.overload.share(Kind::Unsent),
                "gateway_cores": pair.gateway_cores,
                "gateway_us_per_answer": pair.answer_us(),
                "gateway_us_per_refusal": pair.refusal_us(),
                "generator_cores": pair.generator_cores,
                "recovery_s": pair.recovery.map(|time| time.as_secs_f64()),
            })
        };
        json!({
            "operation": self.operation,
            "clients_at_peak": self.clients,
            "median_ratio": median(&self.ratios()),
            "pairs": self.pairs.iter().map(pair).collect::<Vec<_>>(),
        })
    }
}

/// Measures one operation.
pub(crate) async fn measure(operation: &'static str, target: &Arc<Target>, plan: Plan) -> Goodput {
    let clients = capacity(operation, target, plan).await;
    let mut pairs = Vec::new();
    for number in 1..=plan.pairs {
        let before = cpu::by_thread_name();
        let peak = closed(target, clients, plan.phase, plan.deadline).await;
        let peak_cores = cpu::since(&before, "gateway").as_secs_f64() / peak.span.as_secs_f64();
        let rate = peak.goodput();
        let normal = open(target, rate * AFTERWARDS, plan.phase / 2, plan.deadline).await.p99_ms(Kind::Good);
        let (before, opened) = (cpu::by_thread_name(), target.opened());
        let overload = open(target, rate * OVERLOAD, plan.phase, plan.deadline).await;
        let cores = |name| cpu::since(&before, name).as_secs_f64() / overload.span.as_secs_f64();
        let (gateway_cores, generator_cores) = (cores("gateway"), cores(crate::generator::THREADS));
        let recovery = recovery(target, rate * AFTERWARDS, normal, plan).await;
        say(&format!(
            "  {operation} {number}/{}: peak {rate:.0}/s, at three times {:.0}/s = {:.0} %; refused {:.0} %, late {:.1} %, \
             failed {:.1} %, unsent {:.1} %; p99 {:.0} ms; {} connections more; cores: gateway {gateway_cores:.2}, generator \
             {generator_cores:.2}; recovered after {}",
            plan.pairs,
            overload.goodput(),
            overload.goodput() / rate * 100.0,
            overload.share(Kind::Refused) * 100.0,
            overload.share(Kind::Late) * 100.0,
            overload.share(Kind::Failed) * 100.0,
            overload.share(Kind::Unsent) * 100.0,
            overload.p99_ms(Kind::Good),
            target.opened() - opened,
            recovery.map_or_else(|| "too long".to_owned(), |time| format!("{:.2} s", time.as_secs_f64())),
        ));
        pairs.push(Pair { peak, overload, recovery, peak_cores, gateway_cores, generator_cores });
    }
    Goodput { operation, clients, pairs }
}

/// The largest number of clients of a closed loop that gets about the most done.
async fn capacity(operation: &str, target: &Arc<Target>, plan: Plan) -> usize {
    let (mut found, mut most, mut last_gain, mut clients) = (Vec::new(), 0.0, 1, 1);
    while clients <= last_gain * 4 && clients <= MAX_CLIENTS {
        let goodput = closed(target, clients, Duration::from_secs(1), plan.deadline).await.goodput();
        say(&format!("  {operation}: {clients} clients get {goodput:.0}/s"));
        if goodput > most * GAIN {
            last_gain = clients;
        }
        most = f64::max(most, goodput);
        found.push((goodput, clients));
        clients *= 2;
    }
    // As many as possible: what is at work is then never too little, whoever else uses the machine.
    found.iter().rev().find(|(goodput, _)| goodput * GAIN >= most).map_or(1, |(_, clients)| *clients)
}

/// How long after the overload all is well: as much good as is offered, about as fast as it was before.
async fn recovery(target: &Arc<Target>, rate: f64, normal_ms: f64, plan: Plan) -> Option<Duration> {
    let limit_ms = (normal_ms * 2.0).max(normal_ms + 20.0);
    let mut passed = Duration::ZERO;
    while passed <= MAX_RECOVERY {
        let begin = tokio::time::Instant::now();
        let after = open(target, rate, plan.phase, plan.deadline).await;
        if let Some(found) = well_from(&after, limit_ms) {
            return Some(passed + found);
        }
        passed += begin.elapsed();
    }
    None
}

/// The begin of the first few parts in a row that were well.
fn well_from(after: &Tally, limit_ms: f64) -> Option<Duration> {
    let parts = (after.span.as_millis() / BUCKET.as_millis()) as usize;
    let mut buckets: Vec<Vec<Record>> = vec![Vec::new(); parts];
    for record in &after.records {
        if let Some(bucket) = buckets.get_mut((record.at.as_millis() / BUCKET.as_millis()) as usize) {
            bucket.push(*record);
        }
    }
    let well = |bucket: &Vec<Record>| {
        let good = || bucket.iter().filter(|record| record.kind == Kind::Good);
        let share = good().count() as f64 / bucket.len().max(1) as f64;
        share >= RECOVERED && p99_ms(good().map(|record| record.took)) <= limit_ms
    };
    let first = buckets.windows(IN_A_ROW).position(|window| window.iter().all(well))?;
    Some(BUCKET * first as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(kind: impl Fn(u64) -> (Kind, u64)) -> Tally {
        let record = |ms: u64| {
            let (kind, took) = kind(ms);
            let took = Duration::from_millis(took);
            Record { at: Duration::from_millis(ms), lag: Duration::ZERO, took, kind }
        };
        Tally { records: (0..4000).step_by(10).map(record).collect(), span: Duration::from_secs(4) }
    }

    #[test]
    fn a_recovery_is_a_second_of_good_and_quick_answers() {
        assert_eq!(well_from(&tally(|_| (Kind::Good, 5)), 10.0), Some(Duration::ZERO));
        let late_at_first = tally(|ms| if ms < 900 { (Kind::Late, 1000) } else { (Kind::Good, 5) });
        assert_eq!(well_from(&late_at_first, 10.0), Some(Duration::from_millis(1000)));
        let slow_at_first = tally(|ms| if ms < 600 { (Kind::Good, 50) } else { (Kind::Good, 5) });
        assert_eq!(well_from(&slow_at_first, 10.0), Some(Duration::from_millis(750)));
        let one_in_ten_refused = tally(|ms| if ms % 100 == 0 { (Kind::Refused, 1) } else { (Kind::Good, 5) });
        assert_eq!(well_from(&one_in_ten_refused, 10.0), None);
    }
}

//! What became of the requests of one phase.

use std::time::Duration;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The right status before the client's deadline.
    Good,
    /// 503 or 429 with `Retry-After` before the deadline.
    Refused,
    /// Nothing until the deadline.
    Late,
    /// Another status, or a connection that broke or could not be made.
    Failed,
    /// Never sent: the generator was later than the client's patience.
    Unsent,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// When it was to be sent, since the begin of the phase.
    pub(crate) at: Duration,
    /// How much later than that it was sent.
    pub(crate) lag: Duration,
    /// From when it was to be sent to its end.
    pub(crate) took: Duration,
    pub(crate) kind: Kind,
}

/// The requests of one phase.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) records: Vec<Record>,
    /// Length of the phase.
    pub(crate) span: Duration,
}

impl Tally {
    /// Good answers a second. What was still waiting when the phase ended does not count: a full queue would else pass
    /// for throughput.
    pub(crate) fn goodput(&self) -> f64 {
        let in_time = |record: &&Record| record.kind == Kind::Good && record.at + record.took <= self.span;
        self.records.iter().filter(in_time).count() as f64 / self.span.as_secs_f64()
    }

    /// How many requests ended so.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.records.iter().filter(|record| record.kind == kind).count()
    }

    /// Share of the requests that ended so.
    pub(crate) fn share(&self, kind: Kind) -> f64 {
        self.count(kind) as f64 / self.records.len().max(1) as f64
    }

    /// 99th percentile of the time of those that ended so, in milliseconds.
    pub(crate) fn p99_ms(&self, kind: Kind) -> f64 {
        p99_ms(self.records.iter().filter(|record| record.kind == kind).map(|record| record.took))
    }

    /// 99th percentile of how much too late the generator was, in milliseconds.
    pub(crate) fn lag_p99_ms(&self) -> f64 {
        p99_ms(self.records.iter().map(|record| record.lag))
    }
}

/// 99th percentile in milliseconds; 0 of nothing.
pub(crate) fn p99_ms(times: impl Iterator<Item = Duration>) -> f64 {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    let rank = (times.len() * 99).div_ceil(100).saturating_sub(1);
    times.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

/// Middle value, or the mean of the two in the middle; 0 of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_after_the_phase_is_no_goodput() {
        let record = |at, took| Record {
            at: Duration::from_millis(at),
            lag: Duration::ZERO,
            took: Duration::from_millis(took),
            kind: Kind::Good,
        };
        let records = vec![record(0, 10), record(900, 100), record(950, 100)];
        let tally = Tally { records, span: Duration::from_secs(1) };
        assert!((tally.goodput() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn percentiles_and_medians_are_values_that_were_there_or_between_them() {
        let times = (1..=200).rev().map(Duration::from_millis);
        assert!((p99_ms(times) - 198.0).abs() < 1e-9);
        assert!(p99_ms(std::iter::empty()).abs() < 1e-9);
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}

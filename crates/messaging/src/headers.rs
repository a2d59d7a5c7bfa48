//! The headers we put on messages, beside `traceparent`.

use chrono::{DateTime, SecondsFormat, Utc};

/// Headers as text.
pub(crate) type Headers = telemetry::MessageHeaders;

/// Failed attempts so far.
pub(crate) const FAILURES: &str = "x-failed-attempts";
/// Why it was parked.
pub(crate) const DEAD_REASON: &str = "x-dead-reason";
/// The queue it was parked from.
pub(crate) const DEAD_QUEUE: &str = "x-dead-queue";
/// When it was parked.
pub(crate) const DEAD_AT: &str = "x-dead-at";
/// Set by the broker if it gave up on a message itself.
pub(crate) const BROKER_DEAD_REASON: &str = "x-first-death-reason";
/// The queue from which the broker took it.
pub(crate) const BROKER_DEAD_QUEUE: &str = "x-first-death-queue";

/// Bytes of a reason; headers have to fit into one frame.
const MAX_REASON: usize = 2_000;

/// Failed attempts so far.
pub(crate) fn failures(headers: &Headers) -> u32 {
    headers.get(FAILURES).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Headers for another attempt after `failures` failed ones.
pub(crate) fn for_retry(headers: &Headers, failures: u32) -> Headers {
    let mut headers = without_broker_headers(headers);
    headers.insert(FAILURES.to_owned(), failures.to_string());
    headers
}

/// Why a message is parked, from which queue and when.
pub(crate) struct Parking<'a> {
    /// The queue it was to be handled from.
    pub(crate) queue: &'a str,
    /// Why it is parked.
    pub(crate) reason: &'a str,
    /// The time.
    pub(crate) at: DateTime<Utc>,
}

/// Headers for the dead letters after `failures` failed attempts.
pub(crate) fn for_parking(headers: &Headers, failures: u32, parking: &Parking<'_>) -> Headers {
    let Parking { queue, reason, at } = parking;
    let mut headers = for_retry(headers, failures);
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    headers.insert(DEAD_REASON.to_owned(), reason[..end].to_owned());
    headers.insert(DEAD_QUEUE.to_owned(), (*queue).to_owned());
    headers.insert(DEAD_AT.to_owned(), at.to_rfc3339_opts(SecondsFormat::Millis, true));
    headers
}

/// Headers for a fresh start.
pub(crate) fn for_replay(headers: &Headers) -> Headers {
    let mut headers = without_broker_headers(headers);
    headers.retain(|name, _| ![FAILURES, DEAD_REASON, DEAD_QUEUE, DEAD_AT].contains(&name.as_str()));
    headers
}

/// Without what the broker notes about expiries: it would take a message that comes by again for one in a circle.
fn without_broker_headers(headers: &Headers) -> Headers {
    let broker =
        |name: &str| ["x-death", "x-first-death-", "x-last-death-"].iter().any(|prefix| name.starts_with(prefix));
    headers.iter().filter(|(name, _)| !broker(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_climb_park_and_start_again() {
        let start = Headers::from([("traceparent".to_owned(), "t".to_owned()), ("x-death".to_owned(), "d".to_owned())]);
        let second = for_retry(&start, 1);
        assert_eq!(failures(&second), 1);
        assert!(!second.contains_key("x-death"));
        let (reason, at) =
            ("ä".repeat(MAX_REASON), DateTime::from_timestamp_millis(1_767_225_600_123).expect("a time"));
        let dead = for_parking(&second, 2, &Parking { queue: "mail.user", reason: &reason, at });
        assert_eq!((failures(&dead), dead[DEAD_QUEUE].as_str()), (2, "mail.user"));
        assert_eq!(dead[DEAD_REASON].len(), MAX_REASON);
        assert_eq!(dead[DEAD_AT], "2026-01-01T00:00:00.123Z");
        assert_eq!(for_replay(&dead), Headers::from([("traceparent".to_owned(), "t".to_owned())]));
    }

    #[test]
    fn odd_attempt_headers_count_as_none() {
        for text in ["", "-1", "many"] {
            assert_eq!(failures(&Headers::from([(FAILURES.to_owned(), text.to_owned())])), 0);
        }
    }
}

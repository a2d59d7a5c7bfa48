//! What the service measures. Every series that can be known in advance exists from the start, with zero.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::{Backlog, Kind, Verdict};

/// Label of freshness for effects without a mail.
pub(crate) const NO_MAIL: &str = "none";

/// Begins all series.
pub(crate) fn init(transport: &'static str) {
    let kinds = Kind::ALL.map(Kind::as_str);
    telemetry::init_to_zero("mails_total", &[("kind", &kinds), ("outcome", &Verdict::OUTCOMES)]);
    telemetry::init_to_zero("notification_freshness_seconds", &[("kind", &kinds)]);
    telemetry::init_to_zero("notification_freshness_seconds", &[("kind", &[NO_MAIL])]);
    telemetry::init_to_zero("mail_send_duration_seconds", &[("transport", &[transport])]);
    set_backlog(Backlog { count: 0, oldest: Duration::ZERO });
}

/// One mail came to an outcome.
pub(crate) fn count_outcome(kind: Kind, outcome: &'static str) {
    telemetry::counter!("mails_total", "kind" => kind.as_str(), "outcome" => outcome).increment(1);
}

/// All is done for an event; `kind` is that of its mail, or [`NO_MAIL`].
pub(crate) fn observe_freshness(kind: &'static str, occurred_at: DateTime<Utc>) {
    let age = (Utc::now() - occurred_at).to_std().unwrap_or_default();
    telemetry::histogram!("notification_freshness_seconds", "kind" => kind).record(age.as_secs_f64());
}

/// One attempt to hand a mail over.
pub(crate) fn observe_attempt(transport: &'static str, error: Option<&'static str>, took: Duration) {
    let histogram = match error {
        Some(error) => {
            telemetry::histogram!("mail_send_duration_seconds", "transport" => transport, "error_type" => error)
        }
        None => telemetry::histogram!("mail_send_duration_seconds", "transport" => transport),
    };
    histogram.record(took.as_secs_f64());
}

/// What waits now.
pub(crate) fn set_backlog(backlog: Backlog) {
    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    telemetry::gauge!("mails_pending").set(backlog.count as f64);
    telemetry::gauge!("mails_oldest_pending_age_seconds").set(backlog.oldest.as_secs_f64());
}

//! What other services are told of sessions. `docs/events.md` and the schemas in `crates/contracts/events` describe it.

use chrono::{DateTime, SecondsFormat, Utc};
use messaging::{Envelope, Malformed};
use serde_json::json;
use uuid::Uuid;

/// Where the events of this service are published.
pub const CONTEXT: &str = "auth";

/// Somebody used a refresh token a second time; the session has been ended.
pub(super) fn refresh_token_reused(user: Uuid, session: Uuid, at: DateTime<Utc>) -> Result<Envelope, Malformed> {
    let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let payload = json!({ "user_id": user, "session_id": session, "detected_at": at });
    Envelope::new("auth.refresh_token_reused", 1, &session.to_string(), payload)
}

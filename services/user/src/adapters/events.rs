//! What other services are told of users. `docs/events.md` and the schemas in `crates/contracts/events` describe it.

use chrono::{DateTime, SecondsFormat, Utc};
use messaging::{Envelope, Malformed};
use serde_json::{Value, json};

use crate::domain::{Role, User, UserId};

/// Where the events of this service are published.
pub const CONTEXT: &str = "user";

/// Version of all payloads.
const VERSION: u16 = 1;

/// There is a new user.
pub(super) fn registered(user: &User) -> Result<Envelope, Malformed> {
    let payload = json!({
        "user_id": user.id().uuid(),
        "email": user.email().as_str(),
        "name": user.name().as_str(),
        "role": user.role().as_str(),
        "registered_at": time(user.created_at()),
    });
    event("user.registered", user.id(), payload)
}

/// A user is gone.
pub(super) fn deleted(id: UserId, at: DateTime<Utc>) -> Result<Envelope, Malformed> {
    event("user.deleted", id, json!({ "user_id": id.uuid(), "deleted_at": time(at) }))
}

/// A user, as it is now, had the role `old`; `by` is who changed it, if that is known.
pub(super) fn role_changed(user: &User, old: Role, by: Option<UserId>) -> Result<Envelope, Malformed> {
    let payload = json!({
        "user_id": user.id().uuid(),
        "old_role": old.as_str(),
        "new_role": user.role().as_str(),
        "changed_by": by.map(UserId::uuid),
        "changed_at": time(user.updated_at()),
    });
    event("user.role_changed", user.id(), payload)
}

fn event(kind: &str, id: UserId, payload: Value) -> Result<Envelope, Malformed> {
    Envelope::new(kind, VERSION, &id.uuid().to_string(), payload)
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

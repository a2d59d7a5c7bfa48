//! The time.

use chrono::{DateTime, SubsecRound, Utc};

/// The time, in the precision both databases keep.
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

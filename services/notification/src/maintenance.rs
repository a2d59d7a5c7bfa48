//! What goes on beside consuming and sending: the gauges, and the removal of what nobody needs any more.

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tokio::time::{MissedTickBehavior, interval};

use crate::metrics;
use crate::ports::Store;

/// Time between two looks at the backlog.
const GAUGES_INTERVAL: Duration = Duration::from_secs(2);

/// Time between two clean-ups.
const PURGE_INTERVAL: Duration = Duration::from_hours(1);

/// Keeps the gauges of the backlog current, for ever.
pub(crate) async fn gauges(store: Arc<dyn Store>) {
    let mut timer = interval(GAUGES_INTERVAL);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        // The sender reports a store that fails; the gauges stay as they are.
        if let Ok(backlog) = store.backlog().await {
            metrics::set_backlog(backlog);
        }
    }
}

/// Removes what is older than `keep`, for ever.
pub(crate) async fn purge(store: Arc<dyn Store>, keep: TimeDelta) {
    let mut timer = interval(PURGE_INTERVAL);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        match store.purge(Utc::now() - keep).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "old mails removed"),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "old mails were not removed"),
        }
    }
}

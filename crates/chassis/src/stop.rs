//! The signals of a shutdown, shared by everything that serves.

use tokio_util::sync::CancellationToken;

/// The two signals of a shutdown, in order.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    /// Finish what runs, take no new connections.
    pub(crate) drain: CancellationToken,
    /// Requests still running now are cut.
    pub(crate) cut: CancellationToken,
}

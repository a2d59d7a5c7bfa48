//! Load tests for the Signalbox gateway: what users do, which service levels they must see, and the reports of a run.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should say where"))]

mod attack;
mod failure;
mod journeys;
mod options;
mod progress;
mod report;
mod target;
mod thresholds;

pub use attack::{Outcome, run};
pub use failure::{Failure, THRESHOLDS_MISSED};
pub use options::Options;
pub use progress::Progress;
pub use report::Reports;
pub use thresholds::{Missed, Verdict};

//! The whole stack in one process, with nothing installed: hosts every service, makes traffic, keeps recent
//! traces, prints what happens.

mod data;
mod pages;
mod run;
mod shopper;
mod stack;
mod svg;
mod table;
mod trace_rows;
mod traces;
mod traffic;
mod waterfall;

pub use data::{Data, DataError};
pub use run::{Arguments, RunError, run};
pub use shopper::{Shopper, Tally};
pub use stack::{Admin, SERVICES, Stack, StackConfig, StackError, broker_name};
pub use table::{Count, Counts};
pub use traces::{Trace, Traces};
pub use waterfall::draw;

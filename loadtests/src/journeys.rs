//! What users do: visitors look around, shoppers have an account. Requests and their checks are shared by both.

pub(crate) mod account;
pub(crate) mod call;
pub(crate) mod catalogue;
mod client;
pub(crate) mod routes;
pub(crate) mod shopper;
pub(crate) mod visitor;

use std::time::Duration;

use goose::GooseError;
use goose::prelude::Scenario;

/// Both journeys, with pauses around `think_ms` between two steps of a user.
pub(crate) fn scenarios(think_ms: u32) -> Result<[Scenario; 2], GooseError> {
    let think = Duration::from_millis(think_ms.into());
    let (shortest, longest) = (think / 2, think * 3 / 2);
    Ok([visitor::scenario()?.set_wait_time(shortest, longest)?, shopper::scenario()?.set_wait_time(shortest, longest)?])
}

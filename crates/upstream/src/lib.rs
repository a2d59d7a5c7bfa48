//! Calls other services over gRPC, and survives it when a callee is slow, gone, overloaded or back in parts. Serving calls,
//! the error table and the deadline of the running work are left to `chassis`.
//!
//! Layers of every call, outermost first:
//!
//! 1. **telemetry**: one span and one observation for the whole call, its retries included
//! 2. **deadline**: the call ends when its time is over, whatever the layers inside are waiting for
//! 3. **retry**: keeps the request in memory and repeats it, if its contract allows that and the budget has room
//! 4. **breaker**: sees each attempt, so that repeating a failed one counts twice; refuses while it is open
//! 5. **bulkhead**: at most so many attempts at a time. A pause between attempts holds no place
//! 6. **balance**: picks an address, tells it what remains of the time, and turns a broken exchange into `UNAVAILABLE`
//!
//! From the second layer on nothing fails but by a gRPC status, so each layer decides by the code. What a layer refuses
//! itself carries the mark [`attempt::Refused`]: no layer outside takes it for the callee's doing.
//!
//! A client is for unary calls: the retry layer reads the whole request before it sends it.

mod attempt;
mod balance;
mod breaker;
mod budget;
mod bulkhead;
mod channel;
mod endpoint;
mod limit;
mod resolve;
mod retry;
mod settings;
mod target;
#[cfg(test)]
mod testing;
mod window;

pub use channel::{Channel, connect, connect_with};
pub use resolve::{Resolve, system_resolver};
pub use settings::Settings;
pub use target::{BadTarget, Targets};

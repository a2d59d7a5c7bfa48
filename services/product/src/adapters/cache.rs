//! Products and pages kept for the next who asks, in front of a store: in memory ([`CachedStore`]) or in Redis, for all
//! replicas ([`shared::SharedStore`]). Callers who miss the same thing at the same time wait for one read.

mod encoding;
mod entries;
mod generations;
mod in_memory;
mod limits;
mod loading;
mod metrics;
pub mod shared;
mod writes;

pub use in_memory::CachedStore;
pub use limits::Limits;

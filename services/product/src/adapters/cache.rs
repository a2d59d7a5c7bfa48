//! Products and pages kept for the next who asks, in front of a store: in memory ([`CachedStore`]) or in Redis, for all
//! replicas ([`shared::SharedStore`]). Callers who miss the same thing at the same time wait for one read.

#[cfg(feature = "backing-services")]
mod encoding;
#[cfg(feature = "backing-services")]
mod entries;
#[cfg(feature = "backing-services")]
mod generations;
mod in_memory;
mod limits;
mod loading;
mod metrics;
#[cfg(feature = "backing-services")]
pub mod shared;
mod writes;

pub use in_memory::CachedStore;
pub use limits::Limits;

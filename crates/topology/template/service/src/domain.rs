//! What sample items are and what can be done with them, free of transport and storage: values and errors at the bottom,
//! the use cases ([`SampleItems`]) above the ports.

mod error;
mod sample_item;
mod use_cases;

pub use self::error::{Cause, Error};
pub use self::sample_item::{Creation, Draft, Name, SampleItem, SampleItemId, StoredSampleItem};
pub use self::use_cases::SampleItems;

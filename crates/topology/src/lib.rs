//! The one list of services, `services.yaml`: read, checked, and written into every file that repeats it. It knows no
//! other crate of ours, and leaves starting and calling services to others.

mod check;
mod files;
mod model;
mod outputs;
mod read;

pub use files::{FileError, Output, drift, write};
pub use model::{Part, Service, Store, Topology};
pub use outputs::outputs;
pub use read::TopologyError;

/// Path of the list from the root of the repository.
pub const FILE: &str = "services.yaml";

//! The one list of services, `services.yaml`: read, checked, and written into every file that repeats it. It knows no
//! other crate of ours, and leaves starting and calling services to others.

mod check;
mod error;
mod files;
mod model;
mod outputs;
mod read;
mod template;
mod verbs;

pub use error::{FILE, TopologyError};
pub use files::{FileError, Output, drift, write};
pub use model::{Part, Service, Store, Topology};
pub use outputs::outputs;
pub use template::{NewServiceError, new_service};
pub use verbs::run;

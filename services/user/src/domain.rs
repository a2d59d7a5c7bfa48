//! What users are and what can be done with them, free of transport and storage: values and errors at the bottom, the use
//! cases ([`Users`]) above the ports.

mod error;
mod page;
mod user;
mod users;

pub use self::error::{Cause, Error};
pub use self::page::{Page, PageRequest, Position};
pub use self::user::{Creation, Draft, Email, Name, Role, StoredUser, User, UserId};
pub use self::users::Users;

//! What auth decides: who may have an account, who is signed in, which key signs. Free of any transport or storage.
//!
//! Values and errors are at the bottom; the use cases ([`accounts`], [`sessions`], [`key_rotation`]) are above the ports.

pub mod account;
pub mod accounts;
mod common_passwords;
mod error;
pub mod key_rotation;
pub mod keys;
pub mod refresh_token;
pub mod session;
pub mod sessions;
mod time;

pub use error::{Cause, Error};
pub use time::now;

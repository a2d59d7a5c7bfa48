//! What the service uses outside: one module a thing.

pub mod file;
pub mod mime;
pub mod smtp;
pub mod sql;
pub mod templates;

//! What the service uses outside: one module a thing.

pub mod sql;

//! The outside world: the database, the memory in front of it, and the products that come with the program.

pub mod cache;
pub mod events;
pub mod seed;
pub mod sql;

//! The outside world: the database, the caches in front of it, and the products that come with the program.

pub mod cache;
pub mod events;
mod row;
pub mod seed;
pub mod sql;

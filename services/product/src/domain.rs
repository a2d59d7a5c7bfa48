//! The catalogue: what a product may be stands in [`details`] and [`product`], what can be searched for in [`search`],
//! and what can be done with all of it in [`Catalogue`], above the ports.

mod catalogue;
pub mod details;
mod error;
pub mod product;
pub mod search;

pub use catalogue::Catalogue;
pub use error::{Cause, Error};

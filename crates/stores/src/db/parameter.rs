//! Values that every database of this build takes as the parameter of a query.

#[cfg(feature = "postgres")]
use sqlx::Postgres;
use sqlx::{Encode, Sqlite, Type};

/// A parameter of a query whose text is the same on every database.
#[cfg(feature = "postgres")]
pub trait Parameter:
    for<'q> Encode<'q, Sqlite> + Type<Sqlite> + for<'q> Encode<'q, Postgres> + Type<Postgres> + Send
{
}

#[cfg(feature = "postgres")]
impl<T> Parameter for T where
    T: for<'q> Encode<'q, Sqlite> + Type<Sqlite> + for<'q> Encode<'q, Postgres> + Type<Postgres> + Send
{
}

/// A parameter of a query.
#[cfg(not(feature = "postgres"))]
pub trait Parameter: for<'q> Encode<'q, Sqlite> + Type<Sqlite> + Send {}

#[cfg(not(feature = "postgres"))]
impl<T> Parameter for T where T: for<'q> Encode<'q, Sqlite> + Type<Sqlite> + Send {}

//! Products: the entries of the catalogue, their ids and their history. What they hold stands in [`details`](super::details).

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use super::details::Details;
use super::error::Error;

/// Names a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductId(Uuid);

/// An entry of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    id: ProductId,
    details: Details,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl ProductId {
    /// Reads an id as clients write it.
    ///
    /// # Errors
    /// [`Error::NotFound`]: what is no id names no product.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Uuid::try_parse(text).map(Self).map_err(|_| Error::NotFound)
    }

    /// The id as it is stored.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for ProductId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl std::fmt::Display for ProductId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Product {
    /// A product new to the catalogue.
    #[must_use]
    pub fn create(details: Details) -> Self {
        let now = now();
        Self { id: ProductId(Uuid::now_v7()), details, version: 1, created_at: now, updated_at: now }
    }

    /// A product as it has been stored; times are those of creation and of the last change.
    #[must_use]
    pub fn stored(id: ProductId, details: Details, version: i64, times: (DateTime<Utc>, DateTime<Utc>)) -> Self {
        Self { id, details, version, created_at: times.0, updated_at: times.1 }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> ProductId {
        self.id
    }

    /// What an admin may set of it.
    #[must_use]
    pub fn details(&self) -> &Details {
        &self.details
    }

    /// How often it has been stored, from 1.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// When it was created.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    /// When it was last changed.
    #[must_use]
    pub fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }
}

/// The time in milliseconds, which is what every database and the contract keep.
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_new_product_starts_at_version_one_with_whole_milliseconds() {
        let product = fixtures::product("Kettle");
        assert_eq!(product.version(), 1);
        assert_eq!(product.created_at(), product.updated_at());
        assert_eq!(product.created_at().timestamp_subsec_nanos() % 1_000_000, 0);
    }

    #[test]
    fn what_is_no_id_names_no_product() {
        assert!(matches!(ProductId::parse("42"), Err(Error::NotFound)));
        assert!(ProductId::parse("00000000-0000-7000-8000-000000000001").is_ok());
    }
}

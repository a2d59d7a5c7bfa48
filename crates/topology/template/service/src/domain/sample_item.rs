//! The sample item and the values it is made of. A value exists only if it keeps its rules.

use chassis::FieldError;
use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// Longest name in characters.
const MAX_NAME: usize = 100;

/// Id, chosen by the creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleItemId(Uuid);

/// Display name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// What the service stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleItem {
    id: SampleItemId,
    name: Name,
    created_at: DateTime<Utc>,
}

/// What is stored under an id after [`crate::domain::SampleItems::create`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// The sample item.
    pub sample_item: SampleItem,
    /// Whether this call stored it.
    pub created: bool,
}

/// A sample item as it is asked for, nothing of it checked.
#[derive(Clone, Copy)]
pub struct Draft<'a> {
    /// Id.
    pub id: &'a str,
    /// Display name.
    pub name: &'a str,
}

/// A sample item as it is stored: id, name, creation.
pub type StoredSampleItem = (Uuid, String, DateTime<Utc>);

impl SampleItemId {
    /// Reads an id.
    ///
    /// # Errors
    /// For field `id`, if it is not a UUID.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        Uuid::try_parse(text).map(Self).map_err(|_| FieldError::new("id", "must be a UUID"))
    }

    /// The UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl Name {
    /// Reads a name; spaces around it are dropped.
    ///
    /// # Errors
    /// For field `name`, if nothing is left, it is too long, or it holds control characters.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let name = text.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(FieldError::new("name", format!("must have 1 to {MAX_NAME} characters")));
        }
        if name.chars().any(char::is_control) {
            return Err(FieldError::new("name", "must not contain control characters"));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SampleItem {
    /// A new one, created now, in whole milliseconds: that is what answers carry, so nothing is lost on the way.
    ///
    /// # Errors
    /// All fields that break a rule.
    pub fn new(draft: &Draft<'_>, now: DateTime<Utc>) -> Result<Self, Vec<FieldError>> {
        match (SampleItemId::parse(draft.id), Name::parse(draft.name)) {
            (Ok(id), Ok(name)) => Ok(Self { id, name, created_at: now.trunc_subsecs(3) }),
            (id, name) => Err([id.err(), name.err()].into_iter().flatten().collect()),
        }
    }

    /// One that was checked when it was stored.
    #[must_use]
    pub fn stored((id, name, created_at): StoredSampleItem) -> Self {
        Self { id: SampleItemId(id), name: Name(name), created_at }
    }

    /// Id.
    #[must_use]
    pub fn id(&self) -> SampleItemId {
        self.id
    }

    /// Display name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// When it was created.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(id: &str, name: &str) -> Vec<String> {
        let errors = SampleItem::new(&Draft { id, name }, Utc::now()).err().unwrap_or_default();
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn every_field_that_breaks_a_rule_is_named() {
        let id = Uuid::from_u128(7).to_string();
        assert!(fields(&id, "A name").is_empty());
        assert!(fields(&id, &"a".repeat(MAX_NAME)).is_empty());
        assert_eq!(fields("", ""), ["id", "name"]);
        for name in ["", " ", "A\0name", &"a".repeat(MAX_NAME + 1)] {
            assert_eq!(fields(&id, name), ["name"], "{name:?}");
        }
    }

    #[test]
    fn spaces_around_a_name_are_dropped() {
        assert_eq!(Name::parse("  A name \n").map(|name| name.as_str().to_owned()), Ok("A name".to_owned()));
    }
}

//! The user and the values it is made of. A value exists only if it keeps its rules.

use chassis::FieldError;
use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// Longest name in characters.
const MAX_NAME: usize = 100;

/// Longest e-mail address in characters (RFC 5321).
const MAX_EMAIL: usize = 254;

/// Id of a user, chosen by whoever creates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(Uuid);

/// E-mail address in lower case.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Display name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A shopper.
    User,
    /// May manage users and products.
    Admin,
}

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    id: UserId,
    email: Email,
    name: Name,
    role: Role,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A profile as it is asked for, nothing of it checked.
#[derive(Clone, Copy)]
pub struct Draft<'a> {
    /// Id.
    pub id: &'a str,
    /// E-mail address.
    pub email: &'a str,
    /// Display name.
    pub name: &'a str,
    /// Role, if a known one was named.
    pub role: Option<Role>,
}

/// What is stored under an id after it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// The user.
    pub user: User,
    /// Whether this call stored it.
    pub created: bool,
}

/// A profile as it is stored: id, e-mail address, name, role, creation, last change.
pub type StoredUser = (Uuid, String, String, String, DateTime<Utc>, DateTime<Utc>);

/// A stored role that this program does not know.
#[derive(Debug, thiserror::Error)]
#[error("the stored role `{0}` is unknown")]
pub struct UnknownRole(String);

/// All times are whole milliseconds: that is what answers and cursors carry, so nothing is lost on the way.
pub(super) fn whole_millis(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(3)
}

impl UserId {
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

impl From<Uuid> for UserId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl Email {
    /// Reads an e-mail address. Auth decides what addresses may sign up; this keeps nonsense out of the table.
    ///
    /// # Errors
    /// For field `email`, if it is too long, not in lower case, or not two parts around one @.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let refused = |message: String| Err(FieldError::new("email", message));
        if text.chars().count() > MAX_EMAIL {
            return refused(format!("must have at most {MAX_EMAIL} characters"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return refused("must not contain spaces or control characters".to_owned());
        }
        if text.to_lowercase() != text {
            return refused("must be in lower case".to_owned());
        }
        match text.split_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !domain.contains('@') => {
                Ok(Self(text.to_owned()))
            }
            _ => refused("must be a name and a domain around one @".to_owned()),
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Addresses stay out of logs, also when somebody logs a whole user.
impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email(…)")
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

impl Role {
    /// The role as it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// For whoever is asked to name a role and names none.
    #[must_use]
    pub fn missing() -> FieldError {
        FieldError::new("role", "must be user or admin")
    }

    fn stored(text: String) -> Result<Self, UnknownRole> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole(text))
    }
}

impl User {
    /// A new user, created now.
    ///
    /// # Errors
    /// All fields that break a rule.
    pub fn new(draft: &Draft<'_>, now: DateTime<Utc>) -> Result<Self, Vec<FieldError>> {
        let (id, email, name) = (UserId::parse(draft.id), Email::parse(draft.email), Name::parse(draft.name));
        let now = whole_millis(now);
        match (id, email, name, draft.role) {
            (Ok(id), Ok(email), Ok(name), Some(role)) => {
                Ok(Self { id, email, name, role, created_at: now, updated_at: now })
            }
            (id, email, name, role) => {
                let role = role.is_none().then(Role::missing);
                Err([id.err(), email.err(), name.err(), role].into_iter().flatten().collect())
            }
        }
    }

    /// A user that was checked when it was stored.
    ///
    /// # Errors
    /// If a later version of this program stored it.
    pub fn stored((id, email, name, role, created_at, updated_at): StoredUser) -> Result<Self, UnknownRole> {
        let role = Role::stored(role)?;
        Ok(Self { id: UserId(id), email: Email(email), name: Name(name), role, created_at, updated_at })
    }

    /// Id.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.id
    }

    /// E-mail address.
    #[must_use]
    pub fn email(&self) -> &Email {
        &self.email
    }

    /// Display name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// When it was created, in whole milliseconds.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    /// When it last changed, in whole milliseconds.
    #[must_use]
    pub fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;

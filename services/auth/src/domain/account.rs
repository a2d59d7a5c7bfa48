//! What an account is made of, valid by construction: e-mail address, password, display name, role, state.

use chassis::FieldError;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::common_passwords::COMMON_PASSWORDS;
use super::error::Error;

const MAX_EMAIL: usize = 254;
const MAX_LOCAL: usize = 64;
const MAX_LABEL: usize = 63;
const MIN_PASSWORD: usize = 8;
const MAX_PASSWORD: usize = 128;
const MAX_NAME: usize = 100;

/// Local parts shorter than this appear in too many good passwords by chance.
const MIN_GUESSABLE_LOCAL: usize = 4;

/// What a profile is created with; the user service owns the role afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A shopper.
    User,
    /// May manage users and products.
    Admin,
}

impl Role {
    /// As tokens and the database spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// The role of that spelling.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}

/// How far the registration of an e-mail address has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Claimed; its profile may or may not exist yet.
    Pending,
    /// Complete: may sign in.
    Active,
    /// To be cleared away, profile first. Nothing else happens to it any more.
    Abandoned,
}

impl State {
    /// As the database spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Abandoned => "abandoned",
        }
    }

    /// The state of that spelling.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Active, Self::Abandoned].into_iter().find(|state| state.as_str() == name)
    }
}

/// An e-mail address, trimmed and in lower case. Its `Debug` keeps it out of logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email(..)")
    }
}

impl Email {
    /// Checks the syntax; whether mail arrives is another question.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim().to_lowercase();
        if text.len() > MAX_EMAIL {
            return Err(FieldError::new("email", format!("must have at most {MAX_EMAIL} characters")));
        }
        let valid = text.split_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        if valid { Ok(Self(text)) } else { Err(FieldError::new("email", "must look like name@example.com")) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn local(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

/// An unquoted local part of RFC 5321: atoms joined by single dots.
fn is_local(text: &str) -> bool {
    let atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&c);
    text.len() <= MAX_LOCAL && text.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
}

/// A host name of at least two labels.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.contains('.') && text.split('.').all(label)
}

/// A wish for an account that keeps all rules.
#[derive(Debug)]
pub struct NewAccount {
    email: Email,
    password: SecretString,
    name: String,
}

impl NewAccount {
    /// Checks everything at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule that is broken.
    pub fn new(email: &str, password: SecretString, name: &str) -> Result<Self, Error> {
        let email = Email::parse(email);
        let name = name.trim();
        let local = email.as_ref().map_or("", Email::local);
        let password_error = check_password(password.expose_secret(), local);
        let name_error = check_name(name);
        match (email, password_error, name_error) {
            (Ok(email), None, None) => Ok(Self { email, password, name: name.to_owned() }),
            (email, password_error, name_error) => {
                Err(Error::Invalid([email.err(), password_error, name_error].into_iter().flatten().collect()))
            }
        }
    }

    /// E-mail address.
    #[must_use]
    pub fn email(&self) -> &Email {
        &self.email
    }

    /// Password in clear.
    #[must_use]
    pub fn password(&self) -> &SecretString {
        &self.password
    }

    /// Display name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn check_password(password: &str, local: &str) -> Option<FieldError> {
    let wrong = |message: String| Some(FieldError::new("password", message));
    if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&password.chars().count()) {
        return wrong(format!("must have {MIN_PASSWORD} to {MAX_PASSWORD} characters"));
    }
    let lower = password.to_lowercase();
    if COMMON_PASSWORDS.contains(&lower.as_str()) {
        return wrong("is one of the most used passwords; choose another".to_owned());
    }
    if local.len() >= MIN_GUESSABLE_LOCAL && lower.contains(local) {
        return wrong("must not contain the name in your e-mail address".to_owned());
    }
    None
}

fn check_name(name: &str) -> Option<FieldError> {
    if !(1..=MAX_NAME).contains(&name.chars().count()) {
        return Some(FieldError::new("name", format!("must have 1 to {MAX_NAME} characters")));
    }
    name.chars().any(char::is_control).then(|| FieldError::new("name", "must not contain control characters"))
}

/// The wish to hold an e-mail address until its profile exists.
#[derive(Debug)]
pub struct NewClaim<'a> {
    /// Id of the account, if the address is free.
    pub user_id: Uuid,
    /// The address.
    pub email: &'a Email,
    /// PHC string.
    pub password_hash: &'a str,
    /// Role the profile is to have.
    pub role: Role,
}

/// Who holds an e-mail address after a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Id of the account.
    pub user_id: Uuid,
    /// How far it is.
    pub state: State,
    /// Role its profile is created with.
    pub role: Role,
}

/// Stored credentials of an e-mail address.
#[derive(Clone, Debug)]
pub struct Credential {
    user_id: Uuid,
    password_hash: String,
    state: State,
}

impl Credential {
    /// A stored row.
    #[must_use]
    pub fn stored(user_id: Uuid, password_hash: String, state: State) -> Self {
        Self { user_id, password_hash, state }
    }

    /// Id of the account.
    #[must_use]
    pub fn user_id(&self) -> Uuid {
        self.user_id
    }

    /// PHC string.
    #[must_use]
    pub fn password_hash(&self) -> &str {
        &self.password_hash
    }

    /// Whether it may be used to sign in.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;

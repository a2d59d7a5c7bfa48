//! The kinds of mails.

/// What a mail is about. There is a pair of templates for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To somebody who has registered.
    Welcome,
    /// To somebody who has another role now.
    RoleChanged,
    /// To somebody whose session was ended because its refresh token had been used twice.
    SessionRevoked,
    /// To whoever looks after the catalogue.
    ProductCreated,
    /// To whoever looks after the catalogue.
    ProductUpdated,
    /// To whoever looks after the catalogue.
    ProductDeleted,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Welcome,
        Self::RoleChanged,
        Self::SessionRevoked,
        Self::ProductCreated,
        Self::ProductUpdated,
        Self::ProductDeleted,
    ];

    /// Its name, in the store, in metrics and of its templates.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::RoleChanged => "role_changed",
            Self::SessionRevoked => "session_revoked",
            Self::ProductCreated => "product_created",
            Self::ProductUpdated => "product_updated",
            Self::ProductDeleted => "product_deleted",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

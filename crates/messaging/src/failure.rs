//! Why a handler could not handle an event, and with that what becomes of the event.

use std::fmt;

/// An event could not be handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: FailureKind,
    reason: String,
}

/// What helps an event that could not be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Another attempt after a while may help: the retry ladder, then the dead letters.
    Transient,
    /// Something that every event needs is down, as the handler's database may be: the event is held and tried again
    /// until that is back, and the ladder is for events that fail on their own.
    DependencyDown,
    /// Nothing helps: the dead letters at once.
    Permanent,
}

impl Failure {
    /// A failure of that kind.
    #[must_use]
    pub fn new(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    /// As [`FailureKind::Transient`].
    #[must_use]
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::new(FailureKind::Transient, reason)
    }

    /// As [`FailureKind::DependencyDown`].
    #[must_use]
    pub fn dependency_down(reason: impl Into<String>) -> Self {
        Self::new(FailureKind::DependencyDown, reason)
    }

    /// As [`FailureKind::Permanent`].
    #[must_use]
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::new(FailureKind::Permanent, reason)
    }

    /// What helps.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<sqlx::Error> for Failure {
    /// A database that is away comes back, and any other error may pass.
    fn from(error: sqlx::Error) -> Self {
        let away = stores::db::is_away(&error);
        let kind = if away { FailureKind::DependencyDown } else { FailureKind::Transient };
        Self::new(kind, error.to_string())
    }
}

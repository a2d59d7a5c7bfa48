//! On whose behalf a call is made. The gateway checks the token once; the services behind it decide
//! with the end user's identity, carried in the call's metadata.

use tonic::metadata::MetadataMap;
use uuid::Uuid;

use crate::error::{Kind, Problem};

const SUBJECT: &str = "x-signalbox-subject";
const ROLE: &str = "x-signalbox-role";

/// Who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody without a token.
    Anonymous,
    /// A signed-in user.
    User(Uuid),
    /// A signed-in user with the admin role.
    Admin(Uuid),
    /// Another service on its own behalf.
    Service,
}

impl Actor {
    /// Reads the actor of a received call. Missing or malformed metadata is nobody.
    #[must_use]
    pub fn of(metadata: &MetadataMap) -> Self {
        let text = |key| metadata.get(key).and_then(|value| value.to_str().ok());
        let subject = text(SUBJECT).and_then(|id| Uuid::try_parse(id).ok());
        match (text(ROLE), subject) {
            (Some("service"), _) => Self::Service,
            (Some("admin"), Some(id)) => Self::Admin(id),
            (Some("user"), Some(id)) => Self::User(id),
            _ => Self::Anonymous,
        }
    }

    /// Makes a request on behalf of this actor.
    #[must_use]
    pub fn request<T>(self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        let (role, subject) = match self {
            Self::Anonymous => return request,
            Self::User(id) => ("user", Some(id)),
            Self::Admin(id) => ("admin", Some(id)),
            Self::Service => ("service", None),
        };
        let metadata = request.metadata_mut();
        metadata.insert(ROLE, tonic::metadata::MetadataValue::from_static(role));
        if let Some(value) = subject.and_then(|id| id.to_string().parse().ok()) {
            metadata.insert(SUBJECT, value);
        }
        request
    }

    /// Id of the user behind the call, if there is one.
    #[must_use]
    pub fn user_id(self) -> Option<Uuid> {
        match self {
            Self::User(id) | Self::Admin(id) => Some(id),
            Self::Anonymous | Self::Service => None,
        }
    }

    /// Lets admins and services pass.
    ///
    /// # Errors
    /// `permission_denied`, or `unauthenticated` for nobody.
    pub fn require_admin(self) -> Result<(), Problem> {
        match self {
            Self::Admin(_) | Self::Service => Ok(()),
            Self::User(_) => Err(Problem::new(Kind::PermissionDenied, "permission_denied", "Only admins may do this.")),
            Self::Anonymous => Err(Problem::new(Kind::Unauthenticated, "unauthenticated", "Sign in first.")),
        }
    }

    /// Lets the user of that id, admins and services pass. To others the user does not exist.
    ///
    /// # Errors
    /// `user_not_found`, or `unauthenticated` for nobody.
    pub fn require_self_or_admin(self, id: Uuid) -> Result<(), Problem> {
        match self {
            Self::User(own) if own == id => Ok(()),
            Self::User(_) => Err(Problem::new(Kind::NotFound, "user_not_found", "There is no such user.")),
            other => other.require_admin(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_survive_the_wire() {
        let id = Uuid::from_u128(7);
        for actor in [Actor::Anonymous, Actor::User(id), Actor::Admin(id), Actor::Service] {
            assert_eq!(Actor::of(actor.request(()).metadata()), actor);
        }
    }

    #[test]
    fn a_role_without_a_subject_is_nobody() {
        let mut metadata = MetadataMap::new();
        metadata.insert(ROLE, "admin".parse().expect("ascii"));
        assert_eq!(Actor::of(&metadata), Actor::Anonymous);
    }

    #[test]
    fn users_see_only_themselves() {
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(Actor::User(own).require_self_or_admin(own).is_ok());
        assert_eq!(Actor::User(own).require_self_or_admin(other).map_err(|p| p.kind), Err(Kind::NotFound));
        assert_eq!(Actor::Anonymous.require_self_or_admin(own).map_err(|p| p.kind), Err(Kind::Unauthenticated));
        assert_eq!(Actor::User(own).require_admin().map_err(|p| p.kind), Err(Kind::PermissionDenied));
    }
}

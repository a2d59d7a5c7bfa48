//! Who wants which events: the name of a consumer, the context it listens to, and the versions it reads.

use std::time::Duration;

use crate::envelope::{Envelope, is_type};
use crate::retry::Ladder;

/// Characters of a name; a queue's name is made of several and AMQP allows 255.
const MAX_NAME: usize = 60;

/// A subscription that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("subscription: {0}")]
pub struct BadSubscription(String);

impl BadSubscription {
    pub(crate) fn new(reason: String) -> Self {
        Self(reason)
    }
}

/// What a consumer wants, and how it wants it.
#[derive(Clone, Debug)]
pub struct Subscription {
    context: String,
    consumer: String,
    types: Vec<(String, u16)>,
    /// Waits between attempts.
    pub ladder: Ladder,
    /// Time between attempts while what the handler needs is down.
    pub dependency_retry_interval: Duration,
    /// Messages delivered and not yet acknowledged, 1 to 2000.
    pub prefetch: u16,
    /// Messages handled at once; those of one aggregate are handled one after the other.
    pub concurrency: usize,
    /// Longest time one attempt may take.
    pub timeout: Duration,
    /// Whether only one instance of the consumer works at a time, the others standing by. Without that, the events of
    /// an aggregate may be handled by two instances at once, and those delivered again after a crash come late. Part
    /// of the queue's identity.
    pub ordered: bool,
}

impl Subscription {
    /// `consumer` (such as `notification`) wants `types` of `context` (such as `user`), each up to a version.
    /// With the default ladder, 200 messages at a time, eight of them in work, 30 s for each, and
    /// with instances that share the work.
    ///
    /// # Errors
    /// If a name is not 1 to 60 characters of lower case, digits and `-`, or a type is none or has version 0.
    pub fn new(context: &str, consumer: &str, types: &[(&str, u16)]) -> Result<Self, BadSubscription> {
        for name in [context, consumer] {
            check_name(name).map_err(BadSubscription)?;
        }
        if types.is_empty() {
            return Err(BadSubscription("it has no types".to_owned()));
        }
        if let Some((kind, version)) = types.iter().find(|(kind, version)| !is_type(kind) || *version == 0) {
            return Err(BadSubscription(format!("`{kind}` version {version} is no type of events")));
        }
        Ok(Self {
            context: context.to_owned(),
            consumer: consumer.to_owned(),
            types: types.iter().map(|(kind, version)| ((*kind).to_owned(), *version)).collect(),
            ladder: Ladder::default(),
            dependency_retry_interval: Duration::from_secs(1),
            prefetch: 200,
            concurrency: 8,
            timeout: Duration::from_secs(30),
            ordered: false,
        })
    }

    /// The context whose events it wants; the name of an exchange.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The name of the consumer; all its instances share one queue.
    #[must_use]
    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// Name of the queue: `notification.user`.
    #[must_use]
    pub fn queue(&self) -> String {
        format!("{}.{}", self.consumer, self.context)
    }

    /// The types it wants.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(|(kind, _)| kind.as_str())
    }

    /// Whether it wants events of that type.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.types().any(|wanted| wanted == kind)
    }

    /// The newest version it reads, if that is older than the event's.
    pub(crate) fn too_old_for(&self, event: &Envelope) -> Option<u16> {
        let (_, newest) = self.types.iter().find(|(kind, _)| kind == event.kind())?;
        (event.version() > *newest).then_some(*newest)
    }
}

/// Whether `name` may name a context or a consumer.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(allowed) {
        return Err(format!("`{name}` is not 1 to {MAX_NAME} characters of lower case, digits and `-`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_types_are_checked() {
        for (context, consumer, types) in [
            ("", "mail", &[("user.registered", 1)][..]),
            ("User", "mail", &[("user.registered", 1)]),
            ("user", "a.b", &[("user.registered", 1)]),
            ("user", "mail", &[]),
            ("user", "mail", &[("registered", 1)]),
            ("user", "mail", &[("user.registered", 0)]),
        ] {
            assert!(Subscription::new(context, consumer, types).is_err(), "{context} {consumer} {types:?}");
        }
    }

    #[test]
    fn newer_versions_are_told_apart() {
        let subscription = Subscription::new("user", "mail", &[("user.registered", 2)]).expect("valid");
        assert_eq!(subscription.queue(), "mail.user");
        assert!(subscription.wants("user.registered") && !subscription.wants("user.deleted"));
        for (version, newest) in [(1, None), (2, None), (3, Some(2))] {
            let event = Envelope::new("user.registered", version, "1", json!({})).expect("valid");
            assert_eq!(subscription.too_old_for(&event), newest);
        }
    }
}

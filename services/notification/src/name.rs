//! The name of the service.

/// Name of the service, of its database, and of the consumer in queues and in the inbox.
pub(crate) const NAME: &str = "notification";

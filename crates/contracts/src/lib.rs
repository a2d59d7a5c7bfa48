//! The services' gRPC contracts: protos under `proto/`, one versioned package per service, and the
//! types, clients and server traits generated from them, and the schemas of the [`events`] between services. No
//! behaviour lives here.

pub mod events;

/// The call a gRPC request path names, as `package.Service/Method`, if one of our contracts declares it.
#[must_use]
pub fn known_method(path: &str) -> Option<&'static str> {
    let wanted = path.strip_prefix('/')?;
    methods().iter().find(|method| **method == wanted).copied()
}

/// Every declared call as `package.Service/Method`.
#[must_use]
pub fn methods() -> &'static [&'static str] {
    METHODS
}

/// The calls of one service, named as `package.Service`.
pub fn methods_of(service: &str) -> impl Iterator<Item = &'static str> {
    methods().iter().copied().filter(move |method| method.rsplit_once('/').is_some_and(|(owner, _)| owner == service))
}

/// Whether the call a gRPC request path names may be sent twice, as its proto declares with `idempotency_level`.
/// Calls that no contract declares may not.
#[must_use]
pub fn is_idempotent(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|wanted| IDEMPOTENT.contains(&wanted))
}

include!(concat!(env!("OUT_DIR"), "/methods.rs"));

// A module for each package, such as `auth::v1`.
include!(concat!(env!("OUT_DIR"), "/packages.rs"));

/// Encoded `FileDescriptorSet` of every proto here, with comments.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

//! The events between services: one schema per type and version, and an example of each as it travels. The schemas are
//! in `events/<type>/v<version>.schema.json`, the examples beside them in `v<version>.json`; `docs/events.md` is for
//! readers. A consumer's tests read the example of every version it claims to read.

/// One version of one type of events.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// What happened, such as `user.registered`.
    pub kind: &'static str,
    /// Version of the payload, from 1.
    pub version: u16,
    /// JSON Schema of the payload.
    pub schema: &'static str,
    /// A whole event, envelope and payload, as JSON.
    pub example: &'static str,
}

/// JSON Schema of the envelope that every event travels in.
pub const ENVELOPE: &str = include_str!("../events/envelope.schema.json");

macro_rules! contract {
    ($kind:literal, $version:literal) => {
        Contract {
            kind: $kind,
            version: $version,
            schema: include_str!(concat!("../events/", $kind, "/v", $version, ".schema.json")),
            example: include_str!(concat!("../events/", $kind, "/v", $version, ".json")),
        }
    };
}

/// Every version of every type.
pub const CONTRACTS: &[Contract] = &[
    contract!("auth.refresh_token_reused", 1),
    contract!("product.created", 1),
    contract!("product.deleted", 1),
    contract!("product.updated", 1),
    contract!("user.deleted", 1),
    contract!("user.registered", 1),
    contract!("user.role_changed", 1),
];

/// The contract of that type and version, if there is one.
#[must_use]
pub fn contract(kind: &str, version: u16) -> Option<&'static Contract> {
    CONTRACTS.iter().find(|contract| contract.kind == kind && contract.version == version)
}

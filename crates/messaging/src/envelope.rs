//! The envelope every event travels in: what it is, which version of it, when it happened, to what, and why.
//!
//! Versions: what is only added to a payload keeps the version, and readers ignore what they do not know. What is
//! renamed, removed or changes its meaning makes a new version. A producer writes one version; a consumer says up
//! to which version of a type it reads, and reads all versions up to that.

use chassis::ports::{Ports, Random};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use telemetry::TraceContext;
use uuid::{Builder, Uuid};

use crate::time::utc;

/// Bytes an encoded event may have. Larger things belong in a store, their address in the event.
pub const MAX_BYTES: usize = 256 * 1024;

/// Characters of an aggregate key.
const MAX_KEY: usize = 200;

/// Bytes of a type; it becomes a routing key, of which AMQP allows 255.
const MAX_TYPE: usize = 100;

/// An event, valid by construction.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    id: Uuid,
    kind: String,
    version: u16,
    occurred_at: DateTime<Utc>,
    key: String,
    traceparent: Option<String>,
    payload: Map<String, Value>,
}

/// A message that is no valid event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {}: {reason}", id.map_or_else(|| "without a readable id".to_owned(), |id| id.to_string()))]
pub struct Malformed {
    /// The event's id, if at least that could be read.
    pub id: Option<Uuid>,
    /// What is wrong and what is allowed.
    pub reason: String,
}

impl Envelope {
    /// An event that happens now: `kind` such as `user.registered`, `version` of its payload from 1, `key` of the
    /// aggregate within which order is kept. It belongs to the trace that runs now.
    ///
    /// # Errors
    /// If a part breaks its rule; the error names it.
    pub fn new(kind: &str, version: u16, key: &str, payload: Value) -> Result<Self, Malformed> {
        Self::with_ports(&Ports::default(), kind, version, key, payload)
    }

    /// As [`Envelope::new`], with the time and the id of these ports.
    ///
    /// # Errors
    /// As [`Envelope::new`].
    pub fn with_ports(ports: &Ports, kind: &str, version: u16, key: &str, payload: Value) -> Result<Self, Malformed> {
        let occurred_at = utc(&*ports.clock);
        let envelope = Self {
            id: new_id(occurred_at, &*ports.random),
            kind: kind.to_owned(),
            version,
            occurred_at,
            key: key.to_owned(),
            traceparent: TraceContext::current().map(|context| context.to_string()),
            payload: Map::new(),
        };
        match payload {
            Value::Object(payload) => Self { payload, ..envelope }.checked(),
            _ => Err(envelope.wrong("`payload` is no JSON object")),
        }
    }

    /// Reads an event as [`Envelope::encode`] writes it. Unknown fields are ignored.
    ///
    /// # Errors
    /// If it is none; the error carries the id as soon as that can be read.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let nobody = |reason: String| Malformed { id: None, reason };
        if bytes.len() > MAX_BYTES {
            return Err(nobody(format!("{} bytes, at most {MAX_BYTES} are allowed", bytes.len())));
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|error| nobody(format!("no JSON: {error}")))?;
        let id = value.get("id").ok_or_else(|| nobody("`id` is missing".to_owned()))?;
        let id = id.as_str().and_then(|id| Uuid::parse_str(id).ok());
        let id = id.ok_or_else(|| nobody("`id` is no UUID".to_owned()))?;
        let wrong = |reason: &str| Malformed { id: Some(id), reason: reason.to_owned() };
        let text = |name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(|| wrong(&format!("`{name}` is missing or no text")))
        };
        let version = value.get("version").and_then(Value::as_u64).and_then(|version| u16::try_from(version).ok());
        let occurred_at = DateTime::parse_from_rfc3339(&text("occurred_at")?);
        let payload = value.get("payload").and_then(Value::as_object).cloned();
        Self {
            id,
            kind: text("type")?,
            version: version.ok_or_else(|| wrong("`version` is no number from 1 to 65535"))?,
            occurred_at: occurred_at.map_err(|_| wrong("`occurred_at` is no RFC 3339 time"))?.to_utc(),
            key: text("key")?,
            // The recommendation treats a malformed traceparent as absent.
            traceparent: text("traceparent").ok().filter(|text| TraceContext::parse(text).is_some()),
            payload: payload.ok_or_else(|| wrong("`payload` is missing or no JSON object"))?,
        }
        .checked()
    }

    /// An event as it was stored.
    pub(crate) fn stored(parts: Stored) -> Result<Self, Malformed> {
        let (id, kind, version, occurred_at, key, traceparent, payload) = parts;
        let wrong = |reason: String| Malformed { id: Some(id), reason };
        let payload =
            serde_json::from_str(&payload).map_err(|error| wrong(format!("`payload` is no JSON: {error}")))?;
        let version = u16::try_from(version).map_err(|_| wrong("`version` is no number from 1 to 65535".to_owned()))?;
        Self { id, kind, version, occurred_at, key, traceparent, payload }.checked()
    }

    /// As it travels: JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let value = json!({
            "id": self.id,
            "type": self.kind,
            "version": self.version,
            "occurred_at": self.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            "key": self.key,
            "traceparent": self.traceparent,
            "payload": self.payload,
        });
        value.to_string().into_bytes()
    }

    fn checked(self) -> Result<Self, Malformed> {
        if self.id.get_version_num() != 7 {
            return Err(self.wrong("`id` is no UUID of version 7"));
        }
        if !is_type(&self.kind) {
            return Err(self.wrong("`type` is not like `user.registered`: lower case, digits, `_`, at least one dot"));
        }
        if self.version == 0 {
            return Err(self.wrong("`version` is no number from 1 to 65535"));
        }
        if self.key.is_empty() || self.key.chars().count() > MAX_KEY || self.key.chars().any(char::is_control) {
            return Err(self.wrong("`key` has not 1 to 200 printable characters"));
        }
        if self.encode().len() > MAX_BYTES {
            return Err(self.wrong("it has more than 262144 bytes"));
        }
        Ok(self)
    }

    fn wrong(&self, reason: &str) -> Malformed {
        Malformed { id: Some(self.id), reason: reason.to_owned() }
    }

    /// Unique; sorts roughly by time.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What happened, such as `user.registered`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Version of the payload, from 1.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.version
    }

    /// When it happened.
    #[must_use]
    pub fn occurred_at(&self) -> DateTime<Utc> {
        self.occurred_at
    }

    /// The aggregate it happened to; events of one aggregate keep their order.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What caused it.
    #[must_use]
    pub fn cause(&self) -> Option<TraceContext> {
        self.traceparent.as_deref().and_then(TraceContext::parse)
    }

    /// `traceparent` of what caused it.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// The facts.
    #[must_use]
    pub fn payload(&self) -> &Map<String, Value> {
        &self.payload
    }

    /// The facts as a type of the consumer.
    ///
    /// # Errors
    /// If they do not fit; the error names the event.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, Malformed> {
        serde_json::from_value(Value::Object(self.payload.clone()))
            .map_err(|error| self.wrong(&format!("`payload` does not fit: {error}")))
    }
}

/// A UUID of version 7: the time, then chance.
fn new_id(time: DateTime<Utc>, random: &dyn Random) -> Uuid {
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or(0);
    let mut chance = [0; 10];
    chance[..8].copy_from_slice(&random.bits().to_be_bytes());
    chance[8..].copy_from_slice(&random.bits().to_be_bytes()[..2]);
    Builder::from_unix_timestamp_millis(millis, &chance).into_uuid()
}

/// Columns of a stored event: id, type, version, `occurred_at`, key, traceparent, payload.
pub(crate) type Stored = (Uuid, String, i32, DateTime<Utc>, String, Option<String>, String);

/// Whether `kind` is a valid type of events.
pub(crate) fn is_type(kind: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    kind.len() <= MAX_TYPE && kind.contains('.') && kind.split('.').all(part)
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;

//! Messages as AMQP has them, with their headers and properties. Headers are written as long strings; from others we
//! read short ones, numbers and truth values as well and leave out the rest.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::headers::Headers;

/// Delivery mode of messages that survive a restart.
const PERSISTENT: u8 = 2;

/// A message to be sent.
pub(super) struct Outgoing {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) message_id: Option<String>,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

impl Outgoing {
    pub(super) fn properties(&self) -> BasicProperties {
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type("application/json".into())
            .with_headers(encode_headers(&self.headers));
        match &self.message_id {
            Some(id) => properties.with_message_id(short_string(id)),
            None => properties,
        }
    }
}

/// The id of a received message.
pub(super) fn message_id(delivery: &Delivery) -> Option<String> {
    delivery.properties.message_id().as_ref().map(|id| id.as_str().to_owned())
}

/// AMQP's short string; what is too long for one cannot be meant and becomes empty.
pub(super) fn short_string(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap_or_default()
}

/// Our headers as AMQP has them.
pub(super) fn encode_headers(headers: &Headers) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in headers.iter().filter(|(name, _)| !name.is_empty()) {
        table.insert(short_string(name), AMQPValue::LongString(value.as_str().into()));
    }
    table
}

/// The headers of a received message.
pub(super) fn decode_headers(properties: &BasicProperties) -> Headers {
    let Some(table) = properties.headers() else { return Headers::new() };
    // The broker's own note about this delivery is no part of the message.
    let pairs = table.into_iter().filter(|(name, _)| name.as_str() != "x-delivery-count");
    pairs.filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect()
}

fn text(value: &AMQPValue) -> Option<String> {
    Some(match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok()?,
        AMQPValue::ShortString(text) => text.as_str().to_owned(),
        AMQPValue::Boolean(value) => value.to_string(),
        AMQPValue::ShortShortInt(value) => value.to_string(),
        AMQPValue::ShortShortUInt(value) => value.to_string(),
        AMQPValue::ShortInt(value) => value.to_string(),
        AMQPValue::ShortUInt(value) => value.to_string(),
        AMQPValue::LongInt(value) => value.to_string(),
        AMQPValue::LongUInt(value) => value.to_string(),
        AMQPValue::LongLongInt(value) => value.to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_long_strings_and_survive() {
        let headers = Headers::from([("traceparent".to_owned(), "00-ä".to_owned())]);
        let table = encode_headers(&headers);
        assert!(matches!(table.inner().get("traceparent"), Some(AMQPValue::LongString(_))));
        assert_eq!(decode_headers(&BasicProperties::default().with_headers(table)), headers);
    }

    #[test]
    fn foreign_headers_are_read_as_far_as_they_are_text() {
        let mut table = FieldTable::default();
        table.insert("short".into(), AMQPValue::ShortString("s".into()));
        table.insert("number".into(), AMQPValue::LongInt(-7));
        table.insert("truth".into(), AMQPValue::Boolean(true));
        table.insert("bytes".into(), AMQPValue::LongString(vec![0xff, 0xfe].into()));
        table.insert("nothing".into(), AMQPValue::Void);
        table.insert("x-delivery-count".into(), AMQPValue::LongLongInt(1));
        let read = decode_headers(&BasicProperties::default().with_headers(table));
        let expected = [("number", "-7"), ("short", "s"), ("truth", "true")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn what_is_too_long_for_the_protocol_does_not_panic() {
        assert_eq!(short_string(&"x".repeat(300)).as_str(), "");
    }
}

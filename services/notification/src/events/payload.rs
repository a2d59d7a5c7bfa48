//! The payload of an event, field by field. What is wrong with one is told by its name and never by its value, since it
//! ends up in logs and dead letters.

use chrono::DateTime;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::{Address, SingleLine};

/// A payload that is not what its type and version promise.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`payload.{field}` {problem}")]
pub(super) struct InvalidPayload {
    field: &'static str,
    problem: String,
}

impl InvalidPayload {
    fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// The payload of an event.
pub(super) struct Payload<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Payload<'a> {
    pub(super) fn text(&self, field: &'static str) -> Result<&'a str, InvalidPayload> {
        self.0.get(field).and_then(Value::as_str).ok_or_else(|| InvalidPayload::new(field, "is missing or no text"))
    }

    pub(super) fn id(&self, field: &'static str) -> Result<Uuid, InvalidPayload> {
        Uuid::try_parse(self.text(field)?).map_err(|_| InvalidPayload::new(field, "is no UUID"))
    }

    pub(super) fn address(&self, field: &'static str) -> Result<Address, InvalidPayload> {
        Address::parse(self.text(field)?).map_err(|error| InvalidPayload::new(field, error.to_string()))
    }

    /// A time as people read it: `21 November 2026, 08:42 UTC`.
    pub(super) fn time(&self, field: &'static str) -> Result<SingleLine, InvalidPayload> {
        let time = DateTime::parse_from_rfc3339(self.text(field)?);
        let time = time.map_err(|_| InvalidPayload::new(field, "is no RFC 3339 time"))?;
        Ok(SingleLine::of(&time.to_utc().format("%-d %B %Y, %H:%M UTC").to_string()))
    }

    /// The price as people read it: `12.50 EUR`. The currencies of the catalogue have two decimals.
    pub(super) fn price(&self) -> Result<String, InvalidPayload> {
        let minor = self.0.get("price_minor").and_then(Value::as_u64);
        let minor = minor.ok_or_else(|| InvalidPayload::new("price_minor", "is missing or no whole number from 0"))?;
        let currency = self.text("currency")?;
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidPayload::new("currency", "is not three capital letters"));
        }
        Ok(format!("{}.{:02} {currency}", minor / 100, minor % 100))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn times_and_prices_are_written_for_people() {
        let map = payload(json!({ "at": "2026-01-02T05:04:05.678+02:00", "price_minor": 1205, "currency": "EUR" }));
        assert_eq!(Payload(&map).time("at").expect("a time").as_str(), "2 January 2026, 03:04 UTC");
        assert_eq!(Payload(&map).price().expect("a price"), "12.05 EUR");
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let secret = "ada@example.com\r\nBcc: eve@example.com";
        let map = payload(json!({ "email": secret, "at": secret, "id": secret, "number": 5, "price_minor": -1 }));
        let payload = Payload(&map);
        let problems = [
            (payload.address("email").map(|_| ()), "`payload.email` is no e-mail address: it holds a character"),
            (payload.time("at").map(|_| ()), "`payload.at` is no RFC 3339 time"),
            (payload.id("id").map(|_| ()), "`payload.id` is no UUID"),
            (payload.text("number").map(|_| ()), "`payload.number` is missing or no text"),
            (payload.text("nothing").map(|_| ()), "`payload.nothing` is missing or no text"),
            (payload.price().map(|_| ()), "`payload.price_minor` is missing or no whole number"),
        ];
        for (outcome, expected) in problems {
            let message = outcome.expect_err(expected).to_string();
            assert!(message.starts_with(expected) && !message.contains("ada"), "{message}");
        }
    }
}

//! What other services are told of products. `docs/events.md` and the schemas in `crates/contracts/events` describe it.

use chrono::{DateTime, SecondsFormat, Utc};
use messaging::{Envelope, Malformed};
use serde_json::{Value, json};

use crate::domain::product::Product;

/// Where the events of this service are published.
pub const CONTEXT: &str = "product";

/// Version of all payloads.
const VERSION: u16 = 1;

/// There is a new product.
pub(super) fn created(product: &Product) -> Result<Envelope, Malformed> {
    event("product.created", product, described(product, "created_at", product.created_at()))
}

/// A product is another now.
pub(super) fn updated(product: &Product) -> Result<Envelope, Malformed> {
    event("product.updated", product, described(product, "updated_at", product.updated_at()))
}

/// A product, as it was last, is gone.
pub(super) fn deleted(product: &Product, at: DateTime<Utc>) -> Result<Envelope, Malformed> {
    let payload = json!({
        "product_id": product.id().uuid(),
        "sku": product.details().sku(),
        "name": product.details().name(),
        "deleted_at": time(at),
    });
    event("product.deleted", product, payload)
}

fn described(product: &Product, moment: &str, at: DateTime<Utc>) -> Value {
    let (details, price) = (product.details(), product.details().price());
    json!({
        "product_id": product.id().uuid(),
        "sku": details.sku(),
        "name": details.name(),
        "price_minor": price.amount_minor(),
        "currency": price.currency().code(),
        "version": product.version(),
        moment: time(at),
    })
}

fn event(kind: &str, product: &Product, payload: Value) -> Result<Envelope, Malformed> {
    Envelope::new(kind, VERSION, &product.id().to_string(), payload)
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

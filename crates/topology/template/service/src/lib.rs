//! The sample item service: it owns sample items. Whether a token is genuine is settled at the gateway.

pub mod adapters;
mod api;
mod config;
pub mod domain;
pub mod ports;

use std::sync::Arc;

use chassis::{App, Contract, Spec, StartError};
use contracts::sample_item::v1::sample_item_service_server::SampleItemServiceServer;
use stores::db;
use tonic::service::Routes;

pub use crate::config::Config;

use crate::adapters::sql::{MIGRATIONS, SqlSampleItems};
use crate::api::SampleItemApi;
use crate::domain::SampleItems;

/// Name of the service and of its database.
const NAME: &str = "sample-item";

/// The service as its host runs it.
pub static SPEC: Spec = Spec {
    name: NAME,
    defaults: include_str!("../config.toml"),
    migrate: Some(|layers, on_retry| Box::pin(db::migrate(NAME, layers, MIGRATIONS, on_retry))),
    prepare: |layers| chassis::prepare(layers, build),
};

/// Puts the service together; it listens already but serves only when the app runs.
///
/// # Errors
/// If the database cannot be used or the port not be taken.
pub async fn build(config: Config, mut app: App) -> Result<App, StartError> {
    let db = db::attach(&mut app, NAME, &config.database, MIGRATIONS).await?;
    let api = SampleItemApi::new(SampleItems::new(Arc::new(SqlSampleItems::new(db))));
    let server = SampleItemServiceServer::new(api).max_decoding_message_size(config.grpc.max_message_bytes);
    let contract = Contract {
        service: "sample_item.v1.SampleItemService",
        methods: contracts::methods(),
        known_method: contracts::known_method,
    };
    app.serve_grpc(&config.grpc, contract, Routes::new(server))?;
    Ok(app)
}

//! The user service: it owns profiles and roles, and the rule that there is always an admin. Credentials
//! and sessions belong to auth; whether a token is genuine is settled at the gateway.

pub mod adapters;
mod api;
mod config;
pub mod domain;
pub mod ports;

use std::sync::Arc;

use chassis::{App, Contract, Spec, StartError};
use contracts::user::v1::user_service_server::UserServiceServer;
use stores::db;
use tonic::service::Routes;

pub use crate::config::Config;

use crate::adapters::events::CONTEXT;
use crate::adapters::sql::{MIGRATIONS, SqlUsers};
use crate::api::UserApi;
use crate::domain::Users;

/// Name of the service and of its database.
const NAME: &str = "user";

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
/// If the broker is none, the database cannot be used or the port not be taken.
pub async fn build(config: Config, mut app: App) -> Result<App, StartError> {
    let broker = messaging::connect(NAME, &config.broker)?;
    let db = db::attach(&mut app, NAME, &config.database, MIGRATIONS).await?;
    let outbox = messaging::start_outbox(&mut app, db.clone(), &broker, CONTEXT, config.outbox)?;
    let api = UserApi::new(Users::new(Arc::new(SqlUsers::new(db, outbox))));
    let server = UserServiceServer::new(api).max_decoding_message_size(config.grpc.max_message_bytes);
    let contract = Contract {
        service: "user.v1.UserService",
        methods: contracts::methods(),
        known_method: contracts::known_method,
    };
    app.serve_grpc(&config.grpc, contract, Routes::new(server))?;
    Ok(app)
}

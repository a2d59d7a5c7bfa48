//! The gateway owns the public HTTP API and no data: it authenticates, limits, validates, calls the services
//! over gRPC and turns their answers and errors into HTTP.

mod access;
mod clients;
mod config;
mod docs;
mod edge;
mod input;
mod page;
mod routes;
mod tokens;

use std::sync::Arc;

use chassis::{App, Spec, StartError};
use stores::redis::Redis;

pub use access::{Access, TABLE as ACCESS_TABLE};
pub use config::Config;

use crate::clients::Clients;
use crate::edge::Limiter;
use crate::tokens::Verifier;

/// The gateway as a service.
pub static SPEC: Spec = Spec {
    name: "gateway",
    defaults: include_str!("../config.toml"),
    migrate: None,
    prepare: |layers| chassis::prepare(layers, build),
};

/// Wires the gateway.
///
/// # Errors
/// If TLS to Redis is not to be had, or the port is taken.
pub async fn build(config: Config, mut app: App) -> Result<App, StartError> {
    let clients = Clients::connect(&config);
    let verifier = Verifier::new(&config.token, clients.clone());
    let redis = Redis::attach(&app, &config.redis)?;
    let limiter = Arc::new(Limiter::new(&config.rate_limit, redis));
    let (router, _) = routes::router(clients);
    let router = edge::wrap(router, &config, verifier.clone(), Arc::clone(&limiter));
    app.serve_http(&config.http, router)?;
    app.background("rate-limit sweep", limiter.sweep());
    app.background("key set refresh", verifier.clone().run());
    app.readiness().check("jwks", move || {
        let verifier = verifier.clone();
        async move { verifier.ready() }
    });
    Ok(app)
}

/// The OpenAPI document of the public API, as JSON.
#[must_use]
pub fn openapi_json() -> String {
    routes::openapi().to_json().unwrap_or_default()
}

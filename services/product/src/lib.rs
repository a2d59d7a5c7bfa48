//! The product service owns the catalogue: products, their search, and the demo products a new database starts with.
//! Everybody may read; only admins write. Reads are answered from a cache for a short while.

pub mod adapters;
mod api;
mod config;
pub mod domain;
#[cfg(test)]
#[allow(dead_code, reason = "what the tests beside src use of it")]
#[path = "../tests/support/fixtures.rs"]
mod fixtures;
pub mod ports;

#[cfg(test)]
extern crate self as product;

use std::sync::Arc;

use chassis::{App, Contract, Spec, StartError};
use contracts::product::v1::product_service_server::ProductServiceServer;
use stores::db;
use stores::redis::Redis;
use tonic::service::Routes;

#[cfg(feature = "backing-services")]
use crate::adapters::cache::shared::SharedStore;
use crate::adapters::cache::{CachedStore, Limits};
use crate::adapters::events::CONTEXT;
use crate::adapters::seed;
use crate::adapters::sql::{MIGRATIONS, SqlStore};
use crate::api::Api;
pub use crate::config::Config;
use crate::domain::Catalogue;
use crate::ports::ProductStore;

/// Name of the service and of its database.
const NAME: &str = "product";

/// For the host of the service.
pub static SPEC: Spec = Spec {
    name: NAME,
    defaults: include_str!("../config.toml"),
    migrate: Some(|layers, on_retry| Box::pin(db::migrate(NAME, layers, MIGRATIONS, on_retry))),
    prepare: |layers| chassis::prepare(layers, build),
};

/// Wires the service up; the only place that does.
///
/// # Errors
/// If the database cannot be used, the port is taken or TLS is not to be had.
pub async fn build(config: Config, mut app: App) -> Result<App, StartError> {
    let redis = Redis::attach(&app, &config.redis)?;
    let broker = messaging::connect(NAME, &config.broker)?;
    let db = db::attach(&mut app, NAME, &config.database, MIGRATIONS).await?;
    let outbox = messaging::start_outbox(&mut app, db.clone(), &broker, CONTEXT, config.outbox)?;
    let sql = SqlStore::new(db, outbox);
    if config.catalogue.seed {
        seed_demo_products(&sql).await?;
    }
    let store = cached(&mut app, sql, redis, &config.cache);

    let server = ProductServiceServer::new(Api::new(Catalogue::new(store)))
        .max_decoding_message_size(config.grpc.max_message_bytes);
    let contract = Contract {
        service: "product.v1.ProductService",
        methods: contracts::methods(),
        known_method: contracts::known_method,
    };
    app.serve_grpc(&config.grpc, contract, Routes::new(server))?;
    Ok(app)
}

/// The cache is in Redis if there is one, else in memory.
fn cached(app: &mut App, sql: SqlStore, redis: Option<Redis>, limits: &Limits) -> Arc<dyn ProductStore> {
    match redis {
        #[cfg(feature = "backing-services")]
        Some(redis) => {
            let store = Arc::new(SharedStore::new(Arc::new(sql), redis, limits));
            app.background("cache generations", Arc::clone(&store).watch());
            store
        }
        None => {
            let store = Arc::new(CachedStore::new(Arc::new(sql), limits));
            app.background("cache metrics", Arc::clone(&store).watch());
            store
        }
    }
}

/// Puts the demo products into a database that has not had them yet.
async fn seed_demo_products(store: &SqlStore) -> Result<(), StartError> {
    let failed = |reason| StartError::Invalid { key: "catalogue.seed".to_owned(), reason };
    let products = seed::products().map_err(|error| failed(error.to_string()))?;
    let added = store.seed(seed::NAME, &products).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        failed(format!("the demo products cannot be stored: {cause}"))
    })?;
    if added > 0 {
        tracing::info!(products = added, "catalogue seeded");
    }
    Ok(())
}

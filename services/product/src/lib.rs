//! The product service owns the catalogue: products, their search, and the demo products a new database starts with.
//! Everybody may read; only admins write. Reads are answered from a cache for a short while.

pub mod adapters;
mod api;
mod config;
pub mod domain;
pub mod ports;

use std::sync::Arc;

use chassis::db::Db;
use chassis::redis::Redis;
use chassis::{App, Spec, StartError};
use contracts::product::v1::product_service_server::ProductServiceServer;
use tonic::service::Routes;

use crate::adapters::cache::shared::SharedStore;
use crate::adapters::cache::{CachedStore, Limits};
use crate::adapters::seed;
use crate::adapters::sql::{MIGRATIONS, SqlStore};
use crate::api::Api;
pub use crate::config::Config;
use crate::domain::Catalogue;
use crate::ports::ProductStore;

/// For the host of the service.
pub const SPEC: Spec<Config> =
    Spec { name: "product", defaults: include_str!("../config.toml"), build: |config| Box::pin(build(config)) };

/// Wires the service up; the only place that does.
///
/// # Errors
/// If the database cannot be used, the port is taken or a key makes no sense.
pub async fn build(config: Config) -> Result<App, StartError> {
    let mut app = App::new();
    let limits = config.cache.limits()?;
    let redis = Redis::open(&config.redis)?;
    let db = Db::open(SPEC.name, &config.database, MIGRATIONS).await?;
    let sql = SqlStore::new(db.clone());
    if config.catalogue.seed {
        plant(&sql).await?;
    }
    let store = cached(&mut app, sql, redis, &limits);

    app.background("database metrics", db.clone().watch());
    app.readiness().check("database", move || {
        let db = db.clone();
        async move { db.ping().await }
    });

    let server = ProductServiceServer::new(Api::new(Catalogue::new(store)))
        .max_decoding_message_size(config.grpc.max_message_bytes);
    app.serve_grpc(&config.grpc, "product.v1.ProductService", Routes::new(server))?;
    Ok(app)
}

/// The cache is in Redis if there is one, else in memory.
fn cached(app: &mut App, sql: SqlStore, redis: Option<Redis>, limits: &Limits) -> Arc<dyn ProductStore> {
    let Some(redis) = redis else {
        let store = Arc::new(CachedStore::new(Arc::new(sql), limits));
        app.background("cache metrics", Arc::clone(&store).watch());
        return store;
    };
    let store = Arc::new(SharedStore::new(Arc::new(sql), redis.clone(), limits));
    app.background("cache generations", Arc::clone(&store).watch());
    app.readiness().soft_check("redis", move || {
        let redis = redis.clone();
        async move { redis.check().await }
    });
    store
}

/// Puts the demo products into a database that has not had them yet.
async fn plant(store: &SqlStore) -> Result<(), StartError> {
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

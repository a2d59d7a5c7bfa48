//! A cache in the memory of this process.
//!
//! Nobody sees a product as it was before a write of this process that has been answered: every key holds the number of
//! writes so far, so a write leaves what is cached, and what is being read just now, under a key that nobody asks for
//! again. Failures are not cached, and neither is that a product does not exist.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moka::future::Cache;

use super::limits::Limits;
use super::loading::LoadingCache;
use super::metrics::{PAGES, PRODUCTS, count};
use super::writes::WriteCounts;
use crate::domain::Error;
use crate::domain::details::Details;
use crate::domain::product::{Product, ProductId};
use crate::domain::search::{Page, Search};
use crate::ports::ProductStore;

/// How often the gauges are brought up to date.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// A store with a cache in memory in front of it.
pub struct CachedStore {
    store: Arc<dyn ProductStore>,
    products: LoadingCache<(ProductId, u64), Arc<Product>>,
    pages: LoadingCache<(Search, u64), Arc<Page>>,
    writes: WriteCounts,
}

impl CachedStore {
    /// Caches what `store` answers.
    #[must_use]
    pub fn new(store: Arc<dyn ProductStore>, limits: &Limits) -> Self {
        let products = Cache::builder().max_capacity(limits.max_entries).time_to_live(limits.product_ttl).build();
        let pages = Cache::builder()
            .max_capacity(limits.max_entries)
            .weigher(|_, page: &Arc<Page>| u32::try_from(page.products().len().max(1)).unwrap_or(u32::MAX))
            .time_to_live(limits.page_ttl)
            .build();
        telemetry::init_to_zero("cache_lookups_total", &[("cache", &[PRODUCTS, PAGES]), ("outcome", &["hit", "miss"])]);
        Self {
            store,
            products: LoadingCache::new(products, limits.load_timeout),
            pages: LoadingCache::new(pages, limits.load_timeout),
            writes: WriteCounts::default(),
        }
    }

    /// Keeps the gauges current, for ever.
    pub async fn watch(self: Arc<Self>) {
        let mut timer = tokio::time::interval(WATCH_INTERVAL);
        loop {
            timer.tick().await;
            for (cache, entries) in [(PRODUCTS, self.products.entries().await), (PAGES, self.pages.entries().await)] {
                #[allow(clippy::cast_precision_loss, reason = "far fewer entries than a float can count")]
                telemetry::gauge!("cache_entries", "cache" => cache).set(entries as f64);
            }
        }
    }
}

#[async_trait]
impl ProductStore for CachedStore {
    async fn find(&self, id: ProductId) -> Result<Arc<Product>, Error> {
        look_up(PRODUCTS, &self.products, (id, self.writes.of(id)), self.store.find(id)).await
    }

    async fn search(&self, search: &Search) -> Result<Arc<Page>, Error> {
        look_up(PAGES, &self.pages, (search.clone(), self.writes.of_all()), self.store.search(search)).await
    }

    async fn add(&self, product: &Product) -> Result<(), Error> {
        let _writing = self.writes.begin(product.id());
        self.store.add(product).await
    }

    async fn replace(&self, id: ProductId, version: i64, details: &Details) -> Result<Product, Error> {
        let _writing = self.writes.begin(id);
        self.store.replace(id, version, details).await
    }

    async fn remove(&self, id: ProductId) -> Result<(), Error> {
        let _writing = self.writes.begin(id);
        self.store.remove(id).await
    }
}

/// What is kept under `key`, or what `load` answers. Those who wait for somebody else's load have missed, too.
async fn look_up<K, V>(
    cache: &'static str,
    loading: &LoadingCache<K, V>,
    key: K,
    load: impl Future<Output = Result<V, Error>>,
) -> Result<V, Error>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    if let Some(value) = loading.get(&key).await {
        count(cache, "hit");
        return Ok(value);
    }
    count(cache, "miss");
    loading.load(key, load).await
}

//! Products and pages in memory, in front of a store. Callers who miss the same thing at the same time wait for one
//! read.
//!
//! Nobody sees a product as it was before a write of this process that has been answered: every key holds the number
//! of writes so far, so a write leaves what is cached, and what is being read just now, under a key that nobody asks
//! for again. Failures are not cached, and neither is that a product does not exist.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use moka::future::Cache;

use crate::domain::Error;
use crate::domain::details::Details;
use crate::domain::product::{Product, ProductId};
use crate::domain::search::{Page, Search};
use crate::ports::ProductStore;

/// Parts of the catalogue whose writes are counted apart, so that a write does not outdate every product.
const PARTS: usize = 256;

/// How often the gauges are brought up to date.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// What the cache may hold, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a product is kept.
    pub product_ttl: Duration,
    /// How long a page is kept.
    pub page_ttl: Duration,
    /// Products kept at most, and products in kept pages.
    pub max_entries: u64,
    /// How long a read from the store may take.
    pub load_timeout: Duration,
}

/// A store with a cache in front of it.
pub struct CachedStore {
    store: Arc<dyn ProductStore>,
    products: Memo<(ProductId, u64), Arc<Product>>,
    pages: Memo<(Search, u64), Arc<Page>>,
    writes: Writes,
}

/// A cache of one kind of thing.
struct Memo<K, V> {
    name: &'static str,
    cache: Cache<K, V>,
    load_timeout: Duration,
}

/// Counts the writes to each part of the catalogue and to all of it.
struct Writes {
    parts: Vec<AtomicU64>,
    all: AtomicU64,
}

/// Counts a write when it is dropped: also one that failed or was cancelled may have reached the database.
struct Writing<'a>(&'a Writes, ProductId);

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
        Self {
            store,
            products: Memo::new("product", products, limits.load_timeout),
            pages: Memo::new("product_page", pages, limits.load_timeout),
            writes: Writes::default(),
        }
    }

    /// Keeps the gauges current, for ever.
    pub async fn watch(self: Arc<Self>) {
        let mut timer = tokio::time::interval(WATCH_INTERVAL);
        loop {
            timer.tick().await;
            self.products.measure().await;
            self.pages.measure().await;
        }
    }
}

#[async_trait]
impl ProductStore for CachedStore {
    async fn find(&self, id: ProductId) -> Result<Arc<Product>, Error> {
        self.products.get((id, self.writes.to(id)), self.store.find(id)).await
    }

    async fn search(&self, search: &Search) -> Result<Arc<Page>, Error> {
        self.pages.get((search.clone(), self.writes.to_all()), self.store.search(search)).await
    }

    async fn add(&self, product: &Product) -> Result<(), Error> {
        let _writing = Writing(&self.writes, product.id());
        self.store.add(product).await
    }

    async fn replace(&self, id: ProductId, version: i64, details: &Details) -> Result<Product, Error> {
        let _writing = Writing(&self.writes, id);
        self.store.replace(id, version, details).await
    }

    async fn remove(&self, id: ProductId) -> Result<(), Error> {
        let _writing = Writing(&self.writes, id);
        self.store.remove(id).await
    }
}

impl<K, V> Memo<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn new(name: &'static str, cache: Cache<K, V>, load_timeout: Duration) -> Self {
        let memo = Self { name, cache, load_timeout };
        for outcome in ["hit", "miss"] {
            memo.count(outcome, 0);
        }
        memo
    }

    /// What is cached under `key`, or what `load` answers. Those who wait for somebody else's load have missed, too.
    async fn get(&self, key: K, load: impl Future<Output = Result<V, Error>>) -> Result<V, Error> {
        if let Some(value) = self.cache.get(&key).await {
            self.count("hit", 1);
            return Ok(value);
        }
        self.count("miss", 1);
        // A load has to end by itself: if its caller gave up instead, the next one waiting would start all over, and
        // a store that hangs would be asked by one caller after the other.
        let load = async {
            match tokio::time::timeout(self.load_timeout, load).await {
                Ok(outcome) => outcome,
                Err(elapsed) => Err(Error::Unavailable(Arc::new(elapsed))),
            }
        };
        self.cache.try_get_with(key, load).await.map_err(|error| Error::clone(&error))
    }

    fn count(&self, outcome: &'static str, lookups: u64) {
        telemetry::counter!("cache_lookups_total", "cache" => self.name, "outcome" => outcome).increment(lookups);
    }

    async fn measure(&self) {
        // Until it has tidied up, the cache also counts what is over its time.
        self.cache.run_pending_tasks().await;
        #[allow(clippy::cast_precision_loss, reason = "far fewer entries than a float can count")]
        telemetry::gauge!("cache_entries", "cache" => self.name).set(self.cache.entry_count() as f64);
    }
}

impl Default for Writes {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| AtomicU64::new(0)).collect(), all: AtomicU64::new(0) }
    }
}

impl Writes {
    /// The last bytes of ids are the random ones.
    fn part(&self, id: ProductId) -> &AtomicU64 {
        &self.parts[usize::from(id.uuid().as_bytes()[15]) % PARTS]
    }

    fn to(&self, id: ProductId) -> u64 {
        self.part(id).load(Ordering::Acquire)
    }

    fn to_all(&self) -> u64 {
        self.all.load(Ordering::Acquire)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let Self(writes, id) = self;
        writes.part(*id).fetch_add(1, Ordering::Release);
        writes.all.fetch_add(1, Ordering::Release);
    }
}

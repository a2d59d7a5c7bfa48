//! A cache in Redis that all replicas share.
//!
//! Nobody sees a product as it was before a write that has been answered, whichever replica wrote: see
//! [`generations`](super::generations). The exception is a write whose replica cannot reach Redis while another one
//! can: until the first is connected again (it tries at least once a second) the other may answer what it has kept,
//! for at most the time to live.
//!
//! While Redis does not answer, every read goes to the store, one for all callers of this process who ask at the same
//! time. Nothing is kept in memory then: another replica's writes would go unseen. If the store fails, a copy over its
//! time is served, as long as it is kept.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use stores::redis::Redis;

use super::encoding::key;
use super::entries::{EntryCache, EntryRequest, Ttls};
use super::generations::Generations;
use super::limits::Limits;
use super::metrics::{PAGES, PRODUCTS};
use super::writes::WriteCounts;
use crate::domain::Error;
use crate::domain::details::Details;
use crate::domain::product::{Product, ProductId};
use crate::domain::search::{Page, Search};
use crate::ports::ProductStore;

/// A store with a cache in Redis in front of it.
pub struct SharedStore {
    store: Arc<dyn ProductStore>,
    products: EntryCache<ProductId, Arc<Product>>,
    pages: EntryCache<Search, Arc<Page>>,
    generations: Generations,
    writes: WriteCounts,
}

/// A write that has not invalidated the cache yet. Whoever drops it leaves that to the next look-up.
struct PendingWrite<'a> {
    store: &'a SharedStore,
    id: ProductId,
    done: bool,
}

impl SharedStore {
    /// Caches what `store` answers.
    #[must_use]
    pub fn new(store: Arc<dyn ProductStore>, redis: Redis, limits: &Limits) -> Self {
        let ttls = |fresh| Ttls { fresh, negative: limits.negative_ttl, stale: limits.stale_ttl };
        Self {
            store,
            products: EntryCache::new(PRODUCTS, ttls(limits.product_ttl), limits.load_timeout),
            pages: EntryCache::new(PAGES, ttls(limits.page_ttl), limits.load_timeout),
            generations: Generations::new(redis),
            writes: WriteCounts::default(),
        }
    }

    /// Invalidates after outages what writes could not, for ever.
    pub async fn watch(self: Arc<Self>) {
        self.generations.watch().await;
    }

    fn begin(&self, id: ProductId) -> PendingWrite<'_> {
        PendingWrite { store: self, id, done: false }
    }
}

impl PendingWrite<'_> {
    /// Also for a write that failed: it may have reached the database.
    async fn end(mut self) {
        let _counted = self.store.writes.begin(self.id);
        self.store.generations.invalidate(self.id).await;
        self.done = true;
    }
}

impl Drop for PendingWrite<'_> {
    fn drop(&mut self) {
        if !self.done {
            drop(self.store.writes.begin(self.id));
            self.store.generations.note_missed();
        }
    }
}

#[async_trait]
impl ProductStore for SharedStore {
    async fn find(&self, id: ProductId) -> Result<Arc<Product>, Error> {
        let partition = Generations::partition(Some(id));
        let key_prefix = format!("{}{id}:", key!("item:"));
        let request = EntryRequest { key: id, partition, key_prefix, writes: self.writes.of(id) };
        self.products.get(&self.generations, request, self.store.find(id)).await
    }

    async fn search(&self, search: &Search) -> Result<Arc<Page>, Error> {
        let partition = Generations::partition(None);
        let text = serde_json::to_vec(search).map_err(|error| Error::Storage(Arc::new(error)))?;
        let key_prefix = format!("{}{}:", key!("page:"), URL_SAFE_NO_PAD.encode(Sha256::digest(text)));
        let request = EntryRequest { key: search.clone(), partition, key_prefix, writes: self.writes.of_all() };
        self.pages.get(&self.generations, request, self.store.search(search)).await
    }

    async fn add(&self, product: &Product) -> Result<(), Error> {
        let writing = self.begin(product.id());
        let outcome = self.store.add(product).await;
        writing.end().await;
        outcome
    }

    async fn replace(&self, id: ProductId, version: i64, details: &Details) -> Result<Product, Error> {
        let writing = self.begin(id);
        let outcome = self.store.replace(id, version, details).await;
        writing.end().await;
        outcome
    }

    async fn remove(&self, id: ProductId) -> Result<(), Error> {
        let writing = self.begin(id);
        let outcome = self.store.remove(id).await;
        writing.end().await;
        outcome
    }
}

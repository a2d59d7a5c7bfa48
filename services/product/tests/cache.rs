//! The cache: one read for many callers, forgetting in time and on writes, never a failure kept.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use product::adapters::cache::{CachedStore, Limits};
use product::domain::Error;
use product::domain::details::{Details, Draft};
use product::domain::product::{Product, ProductId};
use product::domain::search::{Page, Search, SearchDraft, Sort};
use product::ports::ProductStore;
use tokio::sync::Semaphore;

const LONG: Duration = Duration::from_secs(86_400);
const SHORT: Duration = Duration::from_millis(5);

/// A store that counts its reads, answers them when it is let to, and knows a version per write.
struct FakeStore {
    gate: Semaphore,
    reads: AtomicUsize,
    product: Mutex<Product>,
    failures: Mutex<VecDeque<Error>>,
}

impl FakeStore {
    /// Answers at once.
    fn open() -> Arc<Self> {
        let store = Self::closed();
        store.gate.add_permits(Semaphore::MAX_PERMITS);
        store
    }

    /// Answers one read per permit of its gate.
    fn closed() -> Arc<Self> {
        let product = Mutex::new(Product::create(details("Kettle")));
        let (gate, reads, failures) = (Semaphore::new(0), AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { gate, reads, product, failures })
    }

    fn id(&self) -> ProductId {
        self.current().id()
    }

    fn current(&self) -> Product {
        self.product.lock().expect("lock").clone()
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// What is read is what was there when the read began, however long it takes.
    async fn read(&self) -> Result<Product, Error> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let product = self.current();
        self.gate.acquire().await.expect("open").forget();
        match self.failures.lock().expect("lock").pop_front() {
            Some(error) => Err(error),
            None => Ok(product),
        }
    }
}

#[async_trait]
impl ProductStore for FakeStore {
    async fn find(&self, id: ProductId) -> Result<Arc<Product>, Error> {
        let product = self.read().await?;
        if product.id() == id { Ok(Arc::new(product)) } else { Err(Error::NotFound) }
    }

    async fn search(&self, search: &Search) -> Result<Arc<Page>, Error> {
        Ok(Arc::new(Page::of(search, vec![self.read().await?])))
    }

    async fn add(&self, _: &Product) -> Result<(), Error> {
        Ok(())
    }

    async fn replace(&self, id: ProductId, version: i64, details: &Details) -> Result<Product, Error> {
        let mut product = self.product.lock().expect("lock");
        *product = Product::stored(id, details.clone(), version + 1, (product.created_at(), product.updated_at()));
        Ok(product.clone())
    }

    async fn remove(&self, _: ProductId) -> Result<(), Error> {
        Ok(())
    }
}

fn details(name: &str) -> Details {
    let (sku, category, currency) = ("KIT-1".into(), "kitchen".into(), "EUR".into());
    Details::new(Draft { sku, name: name.into(), category, currency, ..Draft::default() }).expect("valid")
}

fn search(query: &str) -> Search {
    let draft = SearchDraft { query: query.into(), sort: Some(Sort::Name), ..SearchDraft::default() };
    Search::new(draft).expect("valid")
}

fn cached(store: &Arc<FakeStore>, ttl: Duration) -> Arc<CachedStore> {
    let limits = Limits { product_ttl: ttl, page_ttl: ttl, max_entries: 100, load_timeout: LONG };
    Arc::new(CachedStore::new(Arc::clone(store) as Arc<dyn ProductStore>, &limits))
}

/// Lets other tasks run until the condition holds.
async fn wait_for(mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the condition holds in time");
}

/// Starts `count` calls, waits until each of them waits, lets the store answer, and collects what they got.
async fn together<T, F>(store: &FakeStore, count: usize, call: impl Fn() -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let started = Arc::new(AtomicUsize::new(0));
    let spawn = |_| {
        let (started, call) = (Arc::clone(&started), call());
        tokio::spawn(async move {
            started.fetch_add(1, Ordering::SeqCst);
            call.await
        })
    };
    let calls: Vec<_> = (0..count).map(spawn).collect();
    // On the single thread of a test, a call that has started runs on until it waits.
    wait_for(async || started.load(Ordering::SeqCst) == count).await;
    store.gate.add_permits(count);
    join_all(calls).await.into_iter().map(|outcome| outcome.expect("no panic")).collect()
}

#[tokio::test]
async fn fifty_callers_make_one_read() {
    let store = FakeStore::closed();
    let cache = cached(&store, LONG);
    let id = store.id();
    let call = || {
        let cache = Arc::clone(&cache);
        async move { cache.find(id).await.expect("found") }
    };
    let answers = together(&store, 50, call).await;
    assert_eq!(store.reads(), 1);
    assert_eq!(answers.len(), 50);
    assert!(answers.iter().all(|product| **product == store.current()));
}

#[tokio::test]
async fn fifty_searches_make_one_read() {
    let store = FakeStore::closed();
    let cache = cached(&store, LONG);
    let call = || {
        let cache = Arc::clone(&cache);
        async move { cache.search(&search("kettle")).await.expect("page") }
    };
    let answers = together(&store, 50, call).await;
    assert_eq!((store.reads(), answers.len()), (1, 50));
}

#[tokio::test]
async fn a_shared_failure_reaches_every_caller_and_is_not_kept() {
    let store = FakeStore::closed();
    let cache = cached(&store, LONG);
    let id = store.id();
    let broken = Error::Storage(Arc::new(std::io::Error::other("broken")));
    store.failures.lock().expect("lock").push_back(broken);
    let call = || {
        let cache = Arc::clone(&cache);
        async move { cache.find(id).await }
    };
    let answers = together(&store, 10, call).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Storage(_)))), "{answers:?}");
    assert_eq!(store.reads(), 1);
    cache.find(id).await.expect("works again");
    assert_eq!(store.reads(), 2);
}

#[tokio::test]
async fn a_missing_product_is_asked_for_again() {
    let store = FakeStore::open();
    let cache = cached(&store, LONG);
    let nobody = ProductId::from(uuid::Uuid::nil());
    for _ in 0..2 {
        assert!(matches!(cache.find(nobody).await, Err(Error::NotFound)));
    }
    assert_eq!(store.reads(), 2);
}

#[tokio::test]
async fn what_is_kept_is_not_read_again() {
    let store = FakeStore::open();
    let cache = cached(&store, LONG);
    for _ in 0..3 {
        cache.find(store.id()).await.expect("found");
        cache.search(&search("a")).await.expect("page");
        cache.search(&search("b")).await.expect("page");
    }
    assert_eq!(store.reads(), 3);
}

#[tokio::test]
async fn a_time_to_live_of_zero_keeps_nothing() {
    let store = FakeStore::open();
    let cache = cached(&store, Duration::ZERO);
    for _ in 0..3 {
        cache.find(store.id()).await.expect("found");
    }
    assert_eq!(store.reads(), 3);
}

#[tokio::test]
async fn what_is_kept_is_forgotten_in_time() {
    let store = FakeStore::open();
    let cache = cached(&store, SHORT);
    cache.find(store.id()).await.expect("found");
    wait_for(async || {
        cache.find(store.id()).await.expect("found");
        store.reads() > 1
    })
    .await;
    let reads = store.reads();
    wait_for(async || {
        cache.search(&search("a")).await.expect("page");
        store.reads() > reads + 1
    })
    .await;
}

#[tokio::test]
async fn a_write_is_seen_at_once() {
    let store = FakeStore::open();
    let cache = cached(&store, LONG);
    let id = store.id();
    for version in 1..4 {
        assert_eq!(cache.find(id).await.expect("found").version(), version);
        assert_eq!(cache.search(&search("a")).await.expect("page").products()[0].version(), version);
        cache.replace(id, version, &details("Kettle")).await.expect("replaced");
    }
    let reads = store.reads();
    cache.remove(id).await.expect("removed");
    cache.find(id).await.expect("read again");
    cache.add(&store.current()).await.expect("added");
    cache.search(&search("a")).await.expect("read again");
    assert_eq!(store.reads(), reads + 2);
}

#[tokio::test]
async fn a_write_outdates_the_read_it_overtakes() {
    let store = FakeStore::closed();
    let cache = cached(&store, LONG);
    let id = store.id();
    let slow = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.find(id).await.expect("found").version() }
    });
    wait_for(async || store.reads() == 1).await;
    cache.replace(id, 1, &details("Kettle")).await.expect("replaced");
    // Neither joins the old read nor finds its result.
    let (fresh, ()) = tokio::join!(cache.find(id), async { store.gate.add_permits(2) });
    assert_eq!(fresh.expect("found").version(), 2);
    assert_eq!(slow.await.expect("no panic"), 1);
    assert_eq!(cache.find(id).await.expect("kept").version(), 2);
    assert_eq!(store.reads(), 2);
}

#[tokio::test]
async fn a_write_leaves_other_products_alone() {
    let store = FakeStore::open();
    let cache = cached(&store, LONG);
    cache.find(store.id()).await.expect("found");
    let mut other = *store.id().uuid().as_bytes();
    other[15] ^= 1;
    cache.remove(uuid::Uuid::from_bytes(other).into()).await.expect("removed");
    cache.find(store.id()).await.expect("kept");
    assert_eq!(store.reads(), 1);
}

#[tokio::test]
async fn a_store_that_hangs_is_given_up() {
    let store = FakeStore::closed();
    let limits = Limits { product_ttl: LONG, page_ttl: LONG, max_entries: 1, load_timeout: SHORT };
    let cache = CachedStore::new(Arc::clone(&store) as Arc<dyn ProductStore>, &limits);
    assert!(matches!(cache.find(store.id()).await, Err(Error::Unavailable(_))));
}

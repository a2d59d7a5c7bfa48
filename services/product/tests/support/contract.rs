//! What every cache does: one read for many callers, forgetting in time and on writes, never a failure kept.

use std::sync::Arc;
use std::time::Duration;

use backends::eventually;
use product::adapters::cache::Limits;
use product::domain::Error;
use product::ports::ProductStore;

use crate::fake_store::{FakeStore, search, together};
use crate::fixtures::details;

pub(crate) const LONG: Duration = Duration::from_secs(3_600);
pub(crate) const SHORT: Duration = Duration::from_millis(5);

/// The cache to be tested.
pub(crate) trait Cached {
    /// Puts it in front of a store.
    fn before(&self, store: &Arc<FakeStore>, limits: &Limits) -> Arc<dyn ProductStore>;

    /// Returns when calls that have begun wait for the store.
    async fn settle(&self);
}

/// Everything is kept for `ttl`, and no copy longer.
pub(crate) fn limits(ttl: Duration) -> Limits {
    Limits {
        product_ttl: ttl,
        page_ttl: ttl,
        negative_ttl: ttl,
        stale_ttl: Duration::ZERO,
        max_entries: 100,
        load_timeout: LONG,
    }
}

pub(crate) async fn fifty_callers_make_one_read(cached: &impl Cached) {
    let store = FakeStore::closed();
    let cache = cached.before(&store, &limits(LONG));
    let id = store.id();
    let call = || {
        let cache = Arc::clone(&cache);
        async move { cache.find(id).await.expect("found") }
    };
    let answers = together(&store, 50, call, cached.settle()).await;
    assert_eq!(store.reads(), 1);
    assert_eq!(answers.len(), 50);
    assert!(answers.iter().all(|product| **product == store.current()));
}

pub(crate) async fn fifty_searches_make_one_read(cached: &impl Cached) {
    let store = FakeStore::closed();
    let cache = cached.before(&store, &limits(LONG));
    let call = || {
        let cache = Arc::clone(&cache);
        async move { cache.search(&search("kettle")).await.expect("page") }
    };
    let answers = together(&store, 50, call, cached.settle()).await;
    assert_eq!((store.reads(), answers.len()), (1, 50));
}

pub(crate) async fn a_shared_failure_reaches_every_caller_and_is_not_kept(cached: &impl Cached) {
    let store = FakeStore::closed();
    let cache = cached.before(&store, &limits(LONG));
    let id = store.id();
    let broken = Error::Storage(Arc::new(std::io::Error::other("broken")));
    store.failures.lock().expect("lock").push_back(broken);
    let call = || {
        let cache = Arc::clone(&cache);
        async move { cache.find(id).await }
    };
    let answers = together(&store, 10, call, cached.settle()).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Storage(_)))), "{answers:?}");
    assert_eq!(store.reads(), 1);
    cache.find(id).await.expect("works again");
    assert_eq!(store.reads(), 2);
}

pub(crate) async fn what_is_kept_is_not_read_again(cached: &impl Cached) {
    let store = FakeStore::open();
    let cache = cached.before(&store, &limits(LONG));
    for _ in 0..3 {
        cache.find(store.id()).await.expect("found");
        cache.search(&search("a")).await.expect("page");
        cache.search(&search("b")).await.expect("page");
    }
    assert_eq!(store.reads(), 3);
}

pub(crate) async fn a_time_to_live_of_zero_keeps_nothing(cached: &impl Cached) {
    let store = FakeStore::open();
    let cache = cached.before(&store, &limits(Duration::ZERO));
    for _ in 0..3 {
        cache.find(store.id()).await.expect("found");
    }
    assert_eq!(store.reads(), 3);
}

pub(crate) async fn what_is_kept_is_forgotten_in_time(cached: &impl Cached) {
    let store = FakeStore::open();
    let cache = cached.before(&store, &limits(SHORT));
    cache.find(store.id()).await.expect("found");
    eventually("a product to be forgotten", async || {
        cache.find(store.id()).await.expect("found");
        store.reads() > 1
    })
    .await;
    let reads = store.reads();
    eventually("a page to be forgotten", async || {
        cache.search(&search("a")).await.expect("page");
        store.reads() > reads + 1
    })
    .await;
}

pub(crate) async fn a_write_is_seen_at_once(cached: &impl Cached) {
    let store = FakeStore::open();
    let cache = cached.before(&store, &limits(LONG));
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

pub(crate) async fn a_write_outdates_the_read_it_overtakes(cached: &impl Cached) {
    let store = FakeStore::closed();
    let cache = cached.before(&store, &limits(LONG));
    let id = store.id();
    let slow = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.find(id).await.expect("found").version() }
    });
    eventually("the first read", async || store.reads() == 1).await;
    cache.replace(id, 1, &details("Kettle")).await.expect("replaced");
    // Neither joins the old read nor finds its result.
    let (fresh, ()) = tokio::join!(cache.find(id), async { store.gate.add_permits(2) });
    assert_eq!(fresh.expect("found").version(), 2);
    assert_eq!(slow.await.expect("no panic"), 1);
    assert_eq!(cache.find(id).await.expect("kept").version(), 2);
    assert_eq!(store.reads(), 2);
}

pub(crate) async fn a_write_leaves_other_products_alone(cached: &impl Cached) {
    let store = FakeStore::open();
    let cache = cached.before(&store, &limits(LONG));
    cache.find(store.id()).await.expect("found");
    let mut other = *store.id().uuid().as_bytes();
    other[15] ^= 1;
    cache.remove(uuid::Uuid::from_bytes(other).into()).await.expect("removed");
    cache.find(store.id()).await.expect("kept");
    assert_eq!(store.reads(), 1);
}

pub(crate) async fn a_store_that_hangs_is_given_up(cached: &impl Cached) {
    let store = FakeStore::closed();
    let cache = cached.before(&store, &Limits { load_timeout: SHORT, ..limits(LONG) });
    assert!(matches!(cache.find(store.id()).await, Err(Error::Unavailable(_))));
}

//! The cache in Redis: the contract of every cache, replicas that see each other's writes, and outages.

#[path = "support/contract.rs"]
mod contract;
#[path = "support/fake_store.rs"]
mod fake_store;
#[allow(dead_code, reason = "what the other tests use of it")]
#[path = "support/fixtures.rs"]
mod fixtures;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backends::{Redis as RedisServer, eventually};
use contract::{Cached, LONG, SHORT, limits};
use fake_store::{FakeStore, search, together};
use fixtures::{details, product};
use product::adapters::cache::Limits;
use product::adapters::cache::shared::SharedStore;
use product::domain::Error;
use product::domain::product::{Product, ProductId};
use product::ports::ProductStore;
use stores::redis::{Redis, cmd};
use stores::settings;

/// A read may take the time-out of Redis and that of a load; far less than this.
const BOUND: Duration = Duration::from_secs(10);

struct InRedis {
    server: RedisServer,
    redis: Redis,
}

impl InRedis {
    async fn start() -> Self {
        let server = RedisServer::start().expect("Redis");
        let redis = client(&server, 5_000);
        Self { server, redis }
    }

    /// A process of its own, as far as Redis can tell, with whatever it does in the background.
    fn replica(&self, store: &Arc<FakeStore>, limits: &Limits) -> (Redis, Arc<SharedStore>) {
        self.patient_replica(store, limits, 100)
    }

    /// One whose commands may take so many milliseconds.
    fn patient_replica(&self, store: &Arc<FakeStore>, limits: &Limits, timeout_ms: u64) -> (Redis, Arc<SharedStore>) {
        let redis = client(&self.server, timeout_ms);
        let cache = Arc::new(SharedStore::new(Arc::clone(store) as Arc<dyn ProductStore>, redis.clone(), limits));
        tokio::spawn(Arc::clone(&cache).watch());
        (redis, cache)
    }

    async fn keys(&self, pattern: &str) -> Vec<String> {
        self.redis.run("KEYS test", cmd("KEYS").arg(pattern)).await.expect("keys")
    }
}

fn client(server: &RedisServer, timeout_ms: u64) -> Redis {
    let settings = settings::Redis::new(&server.url()).expect("a URL");
    let settings = settings::Redis { timeout: Duration::from_millis(timeout_ms), ..settings };
    Redis::open(&settings).expect("no TLS").expect("configured")
}

async fn connected(redis: &Redis) {
    eventually("a connection", async || redis.check().await).await;
}

async fn disconnected(redis: &Redis) {
    eventually("the loss of the connection", async || redis.check().await.is_err()).await;
}

async fn find(cache: &Arc<SharedStore>, id: ProductId) -> Result<Arc<Product>, Error> {
    tokio::time::timeout(BOUND, cache.find(id)).await.expect("in time")
}

fn unavailable() -> Error {
    Error::Unavailable(Arc::new(std::io::Error::other("the database is gone")))
}

impl Cached for InRedis {
    fn before(&self, store: &Arc<FakeStore>, limits: &Limits) -> Arc<dyn ProductStore> {
        Arc::new(SharedStore::new(Arc::clone(store) as Arc<dyn ProductStore>, self.redis.clone(), limits))
    }

    async fn settle(&self) {
        // Answers come in the order of commands: these come after those that the calls wait for.
        for _ in 0..10 {
            self.redis.run::<()>("PING test", &cmd("PING")).await.expect("it answers");
        }
    }
}

/// Runs a part of the contract as a test of its own.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                contract::$name(&InRedis::start().await).await;
            }
        )*
    };
}

contract! {
    fifty_callers_make_one_read,
    fifty_searches_make_one_read,
    a_shared_failure_reaches_every_caller_and_is_not_kept,
    what_is_kept_is_not_read_again,
    a_time_to_live_of_zero_keeps_nothing,
    what_is_kept_is_forgotten_in_time,
    a_write_is_seen_at_once,
    a_write_outdates_the_read_it_overtakes,
    a_write_leaves_other_products_alone,
    a_store_that_hangs_is_given_up,
}

#[tokio::test]
async fn replicas_share_what_is_kept_and_see_each_others_writes_at_once() {
    let (world, store) = (InRedis::start().await, FakeStore::open());
    let (one_redis, one) = world.replica(&store, &limits(LONG));
    let (two_redis, two) = world.replica(&store, &limits(LONG));
    connected(&one_redis).await;
    connected(&two_redis).await;
    let id = store.id();
    // A replica outdates everything when it connects; after that they share.
    eventually("a look-up that reads nothing", async || {
        let reads = store.reads();
        find(&one, id).await.expect("found");
        find(&two, id).await.expect("found");
        store.reads() == reads
    })
    .await;
    for version in 1..5 {
        let (writer, reader) = if version % 2 == 0 { (&one, &two) } else { (&two, &one) };
        assert_eq!(find(reader, id).await.expect("found").version(), version);
        assert_eq!(reader.search(&search("a")).await.expect("page").products()[0].version(), version);
        writer.replace(id, version, &details("Kettle")).await.expect("replaced");
        assert_eq!(find(reader, id).await.expect("found").version(), version + 1);
        assert_eq!(reader.search(&search("a")).await.expect("page").products()[0].version(), version + 1);
        let reads = store.reads();
        assert_eq!(*find(writer, id).await.expect("kept"), store.current());
        assert_eq!(
            *writer.search(&search("a")).await.expect("kept"),
            *reader.search(&search("a")).await.expect("kept")
        );
        assert_eq!(store.reads(), reads);
    }
}

#[tokio::test]
async fn a_write_elsewhere_outdates_the_read_it_overtakes() {
    let (world, store) = (InRedis::start().await, FakeStore::closed());
    let (one_redis, one) = world.replica(&store, &limits(LONG));
    let (two_redis, two) = world.replica(&store, &limits(LONG));
    connected(&one_redis).await;
    connected(&two_redis).await;
    let id = store.id();
    let slow = tokio::spawn({
        let one = Arc::clone(&one);
        async move { one.find(id).await.expect("found").version() }
    });
    eventually("the first read", async || store.reads() == 1).await;
    two.replace(id, 1, &details("Kettle")).await.expect("replaced");
    // Nobody joins the old read, or finds its result.
    let (fresh, ()) = tokio::join!(find(&one, id), async {
        eventually("the second read", async || store.reads() == 2).await;
        store.gate.add_permits(10);
    });
    assert_eq!(fresh.expect("found").version(), 2);
    assert_eq!(slow.await.expect("no panic"), 1, "it began before the write");
    for _ in 0..3 {
        assert_eq!(find(&one, id).await.expect("found").version(), 2);
        assert_eq!(find(&two, id).await.expect("found").version(), 2);
    }
}

#[tokio::test]
async fn what_does_not_exist_is_remembered_until_it_does() {
    let (world, store) = (InRedis::start().await, FakeStore::open());
    let (redis, cache) = world.replica(&store, &limits(LONG));
    connected(&redis).await;
    let new = product("Teapot");
    assert!(matches!(find(&cache, new.id()).await, Err(Error::NotFound)));
    let reads = store.reads();
    for _ in 0..3 {
        assert!(matches!(find(&cache, new.id()).await, Err(Error::NotFound)));
    }
    assert_eq!(store.reads(), reads);
    cache.add(&new).await.expect("added");
    assert_eq!(*find(&cache, new.id()).await.expect("found"), new);
}

#[tokio::test]
async fn that_something_does_not_exist_is_forgotten_in_time() {
    let (world, store) = (InRedis::start().await, FakeStore::open());
    let times = Limits { negative_ttl: SHORT, stale_ttl: LONG, ..limits(LONG) };
    let (redis, cache) = world.replica(&store, &times);
    connected(&redis).await;
    let nobody = ProductId::from(uuid::Uuid::nil());
    assert!(matches!(find(&cache, nobody).await, Err(Error::NotFound)));
    eventually("another read", async || {
        assert!(matches!(find(&cache, nobody).await, Err(Error::NotFound)));
        store.reads() > 1
    })
    .await;
}

#[tokio::test]
async fn a_copy_over_its_time_is_served_if_the_store_fails_and_only_then() {
    let (world, store) = (InRedis::start().await, FakeStore::open());
    let times = Limits { stale_ttl: LONG, ..limits(SHORT) };
    let (redis, cache) = world.replica(&store, &times);
    connected(&redis).await;
    let id = store.id();
    find(&cache, id).await.expect("found");
    let reads = store.reads();
    eventually("a copy over its time", async || {
        store.failures.lock().expect("lock").clear();
        store.failures.lock().expect("lock").push_back(unavailable());
        assert_eq!(find(&cache, id).await.expect("kept, or a copy over its time").version(), 1);
        store.reads() > reads
    })
    .await;
    assert!(store.failures.lock().expect("lock").is_empty(), "the store was asked, and failed");

    // Nobody gets a copy from before a write, and a store that answers is believed.
    let (other_redis, other) = world.replica(&store, &times);
    connected(&other_redis).await;
    other.replace(id, 1, &details("Kettle")).await.expect("replaced");
    store.failures.lock().expect("lock").extend([unavailable(), unavailable()]);
    assert!(matches!(find(&cache, id).await, Err(Error::Unavailable(_))));
    assert!(matches!(find(&other, id).await, Err(Error::Unavailable(_))));
    assert_eq!(find(&cache, id).await.expect("found").version(), 2);
    store.add(&product("Teapot")).await.expect("takes the place of the other");
    eventually("the removal to show", async || {
        let reads = store.reads();
        let outcome = find(&cache, id).await;
        assert!(store.reads() == reads || matches!(outcome, Err(Error::NotFound)), "{outcome:?}");
        outcome.is_err()
    })
    .await;
}

#[tokio::test]
async fn without_time_for_copies_a_failure_is_a_failure() {
    let (world, store) = (InRedis::start().await, FakeStore::open());
    let (redis, cache) = world.replica(&store, &limits(SHORT));
    connected(&redis).await;
    find(&cache, store.id()).await.expect("found");
    eventually("the failure to show", async || {
        store.failures.lock().expect("lock").clear();
        store.failures.lock().expect("lock").push_back(unavailable());
        matches!(find(&cache, store.id()).await, Err(Error::Unavailable(_)))
    })
    .await;
}

#[tokio::test]
async fn keys_are_ours_and_go_in_time() {
    let (world, store) = (InRedis::start().await, FakeStore::open());
    let hundred = Duration::from_secs(100);
    let times = Limits { negative_ttl: hundred / 10, stale_ttl: hundred * 10, ..limits(hundred) };
    let (redis, cache) = world.replica(&store, &times);
    connected(&redis).await;
    find(&cache, store.id()).await.expect("found");
    cache.search(&search("a")).await.expect("page");
    assert!(find(&cache, ProductId::from(uuid::Uuid::nil())).await.is_err());
    let keys = world.keys("*").await;
    assert!(keys.len() >= 4 && keys.iter().all(|key| key.starts_with("signalbox:product:v1:")), "{keys:?}");
    for key in keys.iter().filter(|key| !key.ends_with(":generations")) {
        let ttl: u64 = world.redis.run("TTL test", cmd("TTL").arg(key)).await.expect("a time");
        let allowed = if key.contains("0000-0000") { 1..=10 } else { 1_000 + 79..=1_000 + 100 };
        assert!(allowed.contains(&ttl), "{key} goes in {ttl} s");
    }
}

#[tokio::test]
async fn without_redis_the_store_answers_one_read_for_many_callers() {
    let (world, store) = (InRedis::start().await, FakeStore::closed());
    let (redis, cache) = world.replica(&store, &limits(LONG));
    connected(&redis).await;
    let id = store.id();
    store.gate.add_permits(1);
    find(&cache, id).await.expect("found");
    world.server.kill().expect("Redis does it");
    disconnected(&redis).await;
    let call = || {
        let cache = Arc::clone(&cache);
        async move { find(&cache, id).await.expect("found").version() }
    };
    let answers =
        together(&store, 50, call, async { eventually("the second read", async || store.reads() == 2).await }).await;
    assert_eq!((answers.len(), store.reads()), (50, 2));
    store.gate.add_permits(100);
    for version in 1..4 {
        cache.replace(id, version, &details("Kettle")).await.expect("replaced");
        assert_eq!(find(&cache, id).await.expect("found").version(), version + 1, "nothing is kept in memory");
    }
    store.failures.lock().expect("lock").push_back(unavailable());
    assert!(matches!(find(&cache, id).await, Err(Error::Unavailable(_))), "no copy to be had");

    world.server.launch().expect("Redis does it");
    connected(&redis).await;
    eventually("a look-up that reads nothing", async || {
        let reads = store.reads();
        assert_eq!(find(&cache, id).await.expect("found").version(), 4);
        store.reads() == reads
    })
    .await;
}

#[tokio::test]
async fn a_write_during_an_outage_is_seen_after_it() {
    let (world, store) = (InRedis::start().await, FakeStore::open());
    let (one_redis, one) = world.replica(&store, &limits(LONG));
    let (two_redis, two) = world.replica(&store, &limits(LONG));
    connected(&one_redis).await;
    connected(&two_redis).await;
    let id = store.id();
    // Kept for long, and known to both.
    eventually("a look-up that reads nothing", async || {
        let reads = store.reads();
        assert_eq!(find(&one, id).await.expect("found").version(), 1);
        assert_eq!(find(&two, id).await.expect("found").version(), 1);
        store.reads() == reads
    })
    .await;
    world.server.pause().expect("Redis does it");
    // Found out before the write, so that Redis never hears of it.
    assert_eq!(find(&one, id).await.expect("found").version(), 1);
    disconnected(&one_redis).await;
    let details = details("Kettle");
    tokio::time::timeout(BOUND, one.replace(id, 1, &details)).await.expect("in time").expect("replaced");
    assert_eq!(find(&one, id).await.expect("found").version(), 2, "its own write");
    assert_eq!(find(&two, id).await.expect("found").version(), 2, "Redis does not answer");
    world.server.resume().expect("Redis does it");
    // Whoever is back first: neither ever sees the copy from before, which Redis still has.
    let reads = store.reads();
    let kept = AtomicUsize::new(0);
    eventually("copies of the new version", async || {
        let reads = store.reads();
        assert_eq!(find(&one, id).await.expect("found").version(), 2);
        assert_eq!(find(&two, id).await.expect("found").version(), 2);
        let kept_now = usize::from(store.reads() == reads);
        kept.fetch_add(kept_now, Ordering::Relaxed) + kept_now > 3
    })
    .await;
    assert!(store.reads() > reads);
    connected(&world.redis).await;
    assert!(world.keys(&format!("*item:{id}:*")).await.len() >= 2, "the copy from before is there, and of no use");
}

#[tokio::test]
async fn a_write_that_redis_never_heard_of_is_made_good_by_its_replica_alone() {
    let (world, store) = (InRedis::start().await, FakeStore::open());
    let (one_redis, one) = world.replica(&store, &limits(LONG));
    let (two_redis, two) = world.patient_replica(&store, &limits(LONG), 5_000);
    connected(&one_redis).await;
    connected(&two_redis).await;
    let id = store.id();
    eventually("a look-up that reads nothing", async || {
        let reads = store.reads();
        assert_eq!(find(&one, id).await.expect("found").version(), 1);
        assert_eq!(find(&two, id).await.expect("found").version(), 1);
        store.reads() == reads
    })
    .await;
    // The pause is over before the second replica notices it; the first one does not look anything up again.
    world.server.pause().expect("Redis does it");
    assert_eq!(find(&one, id).await.expect("found").version(), 1);
    disconnected(&one_redis).await;
    one.replace(id, 1, &details("Kettle")).await.expect("replaced");
    world.server.resume().expect("Redis does it");
    eventually("the other replica to see the write", async || find(&two, id).await.expect("found").version() == 2)
        .await;
}

#[tokio::test]
async fn without_redis_nobody_joins_a_read_from_before_his_write() {
    let (world, store) = (InRedis::start().await, FakeStore::closed());
    let (redis, cache) = world.replica(&store, &limits(LONG));
    connected(&redis).await;
    world.server.kill().expect("Redis does it");
    disconnected(&redis).await;
    let id = store.id();
    let slow = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.find(id).await.expect("found").version() }
    });
    eventually("the first read", async || store.reads() == 1).await;
    cache.replace(id, 1, &details("Kettle")).await.expect("replaced");
    let (fresh, ()) = tokio::join!(find(&cache, id), async {
        eventually("the second read", async || store.reads() == 2).await;
        store.gate.add_permits(2);
    });
    assert_eq!((fresh.expect("found").version(), slow.await.expect("no panic")), (2, 1));
}

#[tokio::test]
async fn a_write_that_redis_refuses_to_note_is_seen_all_the_same() {
    let server = RedisServer::start().expect("Redis");
    server.configure(&["rename-command HDEL \"\""]).expect("Redis does it");
    let (world, store) = (InRedis { redis: client(&server, 5_000), server }, FakeStore::open());
    let (redis, cache) = world.replica(&store, &limits(LONG));
    connected(&redis).await;
    let id = store.id();
    eventually("a look-up that reads nothing", async || {
        let reads = store.reads();
        find(&cache, id).await.expect("found");
        store.reads() == reads
    })
    .await;
    for version in 1..4 {
        cache.replace(id, version, &details("Kettle")).await.expect("replaced");
        assert_eq!(find(&cache, id).await.expect("found").version(), version + 1);
    }
    assert_eq!(redis.connection().await.expect("connected").number(), 1, "a refusal is no outage");
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_not_kept_for_failures_either() {
    let (world, store) = (InRedis::start().await, FakeStore::open());
    let times = Limits { stale_ttl: LONG, ..limits(Duration::ZERO) };
    let (redis, cache) = world.replica(&store, &times);
    connected(&redis).await;
    find(&cache, store.id()).await.expect("found");
    assert!(find(&cache, ProductId::from(uuid::Uuid::nil())).await.is_err());
    let keys = world.keys("*").await;
    assert!(keys.iter().all(|key| key.ends_with(":generations")), "{keys:?}");
}

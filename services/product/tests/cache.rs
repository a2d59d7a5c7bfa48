//! The cache in memory.

#[path = "support/contract.rs"]
mod contract;
#[path = "support/fake_store.rs"]
mod fake_store;
#[allow(dead_code, reason = "what the other tests use of it")]
#[path = "support/fixtures.rs"]
mod fixtures;

use std::sync::Arc;

use contract::{Cached, LONG, limits};
use fake_store::FakeStore;
use product::adapters::cache::{CachedStore, Limits};
use product::domain::Error;
use product::domain::product::ProductId;
use product::ports::ProductStore;

struct InMemory;

impl Cached for InMemory {
    fn before(&self, store: &Arc<FakeStore>, limits: &Limits) -> Arc<dyn ProductStore> {
        Arc::new(CachedStore::new(Arc::clone(store) as Arc<dyn ProductStore>, limits))
    }

    async fn settle(&self) {
        // On the single thread of a test, a call that has started runs on until it waits for the store.
    }
}

/// Runs a part of the contract as a test of its own.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                contract::$name(&InMemory).await;
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
async fn a_missing_product_is_asked_for_again() {
    let store = FakeStore::open();
    let cache = InMemory.before(&store, &limits(LONG));
    let nobody = ProductId::from(uuid::Uuid::nil());
    for _ in 0..2 {
        assert!(matches!(cache.find(nobody).await, Err(Error::NotFound)));
    }
    assert_eq!(store.reads(), 2);
}

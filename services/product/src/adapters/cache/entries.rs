//! One kind of entry in Redis: looked up, loaded on a miss, kept.

use std::future::Future;
use std::hash::Hash;
use std::time::Duration;

use stores::redis::RedisError;

use super::encoding::Entry;
use super::generations::{Generations, Lookup};
use super::loading::LoadingCache;
use super::metrics::count;
use crate::domain::Error;

/// What is stored for what does not exist; no product and no page is encoded like that.
const ABSENT: &str = "absent";

/// Share of a time to live that chance may take away.
const JITTER: f64 = 0.2;

/// How long entries of a kind are kept.
#[derive(Clone, Copy)]
pub(super) struct Ttls {
    /// As long as they are fresh.
    pub(super) fresh: Duration,
    /// That something does not exist.
    pub(super) negative: Duration,
    /// After that, for when the store fails.
    pub(super) stale: Duration,
}

/// A request for an entry.
pub(super) struct EntryRequest<K> {
    /// What is asked for.
    pub(super) key: K,
    /// Partition of the catalogue it depends on.
    pub(super) partition: String,
    /// Its key in Redis, without the generation at the end.
    pub(super) key_prefix: String,
    /// Writes of this process so far that may concern it.
    pub(super) writes: u64,
}

/// See the module.
pub(super) struct EntryCache<K, V> {
    name: &'static str,
    ttls: Ttls,
    /// Loads by what is loaded, the writes before, and the key in Redis if there is one.
    loads: LoadingCache<(K, u64, Option<String>), V>,
}

impl<K, V> EntryCache<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Entry + Clone + Send + Sync + 'static,
{
    pub(super) fn new(name: &'static str, ttls: Ttls, load_timeout: Duration) -> Self {
        let outcomes = ["hit", "miss", "negative", "stale", "error"];
        telemetry::init_to_zero("cache_lookups_total", &[("cache", &[name]), ("outcome", &outcomes)]);
        Self { name, ttls, loads: LoadingCache::without_retention(load_timeout) }
    }

    /// The entry, or what `load` answers, or an entry over its time if that fails. Counts one outcome.
    pub(super) async fn get(
        &self,
        generations: &Generations,
        request: EntryRequest<K>,
        load: impl Future<Output = Result<V, Error>> + Send,
    ) -> Result<V, Error> {
        let EntryRequest { key, partition, key_prefix, writes } = request;
        let found = match generations.look_up(&partition, &key_prefix).await {
            Ok(found) => found,
            Err(_) => {
                // Known to the log since the connection was lost.
                count(self.name, "error");
                return self.loads.load((key, writes, None), load).await;
            }
        };
        let kept = match found.text.as_deref() {
            Some(ABSENT) => {
                count(self.name, "negative");
                return Err(Error::NotFound);
            }
            Some(text) => V::decode(text),
            None => None,
        };
        match kept {
            Some(value) if found.ttl > self.ttls.stale => {
                count(self.name, "hit");
                Ok(value)
            }
            kept => self.miss(generations, (key, writes), found, (kept, load)).await,
        }
    }

    async fn miss(
        &self,
        generations: &Generations,
        (key, writes): (K, u64),
        found: Lookup,
        (kept, load): (Option<V>, impl Future<Output = Result<V, Error>> + Send),
    ) -> Result<V, Error> {
        let load_key = (key, writes, Some(found.key.clone()));
        let load = async {
            let outcome = load.await;
            // What is not stored now is read again: no reason to fail.
            let _ = self.store(generations, &found.key, &outcome).await;
            outcome
        };
        match (self.loads.load(load_key, load).await, kept) {
            (Err(Error::Unavailable(_) | Error::Storage(_)), Some(old)) => {
                count(self.name, "stale");
                Ok(old)
            }
            (outcome, _) => {
                count(self.name, "miss");
                outcome
            }
        }
    }

    async fn store(&self, generations: &Generations, key: &str, outcome: &Result<V, Error>) -> Result<(), RedisError> {
        let Ttls { fresh, negative, stale } = self.ttls;
        match outcome {
            Ok(value) if !fresh.is_zero() => {
                let fresh = fresh.mul_f64(rand::random_range(1.0 - JITTER..=1.0));
                generations.store(key, &value.encode(), fresh + stale).await
            }
            Err(Error::NotFound) if !negative.is_zero() => generations.store(key, ABSENT, negative).await,
            _ => Ok(()),
        }
    }
}

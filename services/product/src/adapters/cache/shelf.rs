//! One kind of entry in Redis: looked up, loaded on a miss, kept.

use std::future::Future;
use std::hash::Hash;
use std::time::Duration;

use stores::redis::RedisError;

use super::count;
use super::generations::{Found, Generations};
use super::memo::Memo;
use super::wire::Entry;
use crate::domain::Error;

/// What is stored for what does not exist; no product and no page is encoded like that.
const ABSENT: &str = "absent";

/// Share of a time to live that chance may take away.
const JITTER: f64 = 0.2;

/// How long entries of a kind are kept.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// As long as they count.
    pub(super) ttl: Duration,
    /// That something does not exist.
    pub(super) negative: Duration,
    /// After their time.
    pub(super) stale: Duration,
}

/// A request for an entry.
pub(super) struct Wanted<K> {
    /// What is wanted.
    pub(super) key: K,
    /// Part of the catalogue it depends on.
    pub(super) part: String,
    /// How its key in Redis begins.
    pub(super) begin: String,
    /// Writes of this process so far that may concern it.
    pub(super) writes: u64,
}

/// See the module.
pub(super) struct Shelf<K, V> {
    name: &'static str,
    times: Times,
    /// Loads by what is loaded, the writes before, and the key in Redis if there is one.
    loads: Memo<(K, u64, Option<String>), V>,
}

impl<K, V> Shelf<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Entry + Clone + Send + Sync + 'static,
{
    pub(super) fn new(name: &'static str, times: Times, load_timeout: Duration) -> Self {
        let outcomes = ["hit", "miss", "negative", "stale", "error"];
        telemetry::init_to_zero("cache_lookups_total", &[("cache", &[name]), ("outcome", &outcomes)]);
        Self { name, times, loads: Memo::of_nothing(load_timeout) }
    }

    /// The entry, or what `load` answers, or an entry over its time if that fails. Counts one outcome.
    pub(super) async fn get(
        &self,
        generations: &Generations,
        wanted: Wanted<K>,
        load: impl Future<Output = Result<V, Error>> + Send,
    ) -> Result<V, Error> {
        let Wanted { key, part, begin, writes } = wanted;
        let found = match generations.look_up(&part, &begin).await {
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
            Some(value) if found.stays > self.times.stale => {
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
        found: Found,
        (kept, load): (Option<V>, impl Future<Output = Result<V, Error>> + Send),
    ) -> Result<V, Error> {
        let flight = (key, writes, Some(found.key.clone()));
        let load = async {
            let outcome = load.await;
            // What is not kept now is read again: no reason to fail.
            let _ = self.keep(generations, &found.key, &outcome).await;
            outcome
        };
        match (self.loads.load(flight, load).await, kept) {
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

    async fn keep(&self, generations: &Generations, key: &str, outcome: &Result<V, Error>) -> Result<(), RedisError> {
        let Times { ttl, negative, stale } = self.times;
        match outcome {
            Ok(value) if !ttl.is_zero() => {
                let ttl = ttl.mul_f64(rand::random_range(1.0 - JITTER..=1.0));
                generations.keep(key, &value.encode(), ttl + stale).await
            }
            Err(Error::NotFound) if !negative.is_zero() => generations.keep(key, ABSENT, negative).await,
            _ => Ok(()),
        }
    }
}

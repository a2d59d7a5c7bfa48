//! What has been loaded a moment ago, and what is being loaded just now: callers who miss the same thing at the same
//! time wait for one load.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::domain::Error;

/// A cache of one kind of thing.
pub(super) struct LoadingCache<K, V> {
    cache: Cache<K, V>,
    load_timeout: Duration,
}

impl<K, V> LoadingCache<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Keeps what `cache` allows. A load may take `load_timeout`.
    pub(super) fn new(cache: Cache<K, V>, load_timeout: Duration) -> Self {
        Self { cache, load_timeout }
    }

    /// Keeps nothing, and still makes one load for all who ask at the same time.
    #[cfg(feature = "backing-services")]
    pub(super) fn without_retention(load_timeout: Duration) -> Self {
        Self::new(Cache::builder().time_to_live(Duration::ZERO).build(), load_timeout)
    }

    /// What is kept under `key`.
    pub(super) async fn get(&self, key: &K) -> Option<V> {
        self.cache.get(key).await
    }

    /// What `load` answers, or somebody else's load of the same key that began before. A failure is not kept.
    pub(super) async fn load(&self, key: K, load: impl Future<Output = Result<V, Error>>) -> Result<V, Error> {
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

    /// How many entries there are.
    pub(super) async fn entries(&self) -> u64 {
        // Until it has tidied up, the cache also counts what is over its time.
        self.cache.run_pending_tasks().await;
        self.cache.entry_count()
    }
}

//! Which entries in Redis count. Every key of an entry ends in the generation of its partition of the catalogue, a
//! random word in the hash `signalbox:product:v1:generations`. Without a word, the next look-up makes one up. So deleting
//! the word invalidates what is stored and what is being read just now, for all replicas and for good:
//!
//! - after a write, the words of its partition and of all pages;
//! - at the start of every connection, all words: what this or another replica could not invalidate during an outage is
//!   invalidated then. Until that has been done, this replica uses no entry.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stores::redis::{Connection, Redis, RedisError, Script, cmd};
use uuid::Uuid;

use super::encoding::key;
use super::writes::WriteCounts;
use crate::domain::product::ProductId;

const GENERATIONS: &str = key!("generations");

/// Partition that all pages belong to.
const ALL: &str = "all";

/// Key: generations. Arguments: partition, word to use if it has none, prefix of the entry's key.
const LOOK_UP: &str = "
    local generation = redis.call('HGET', KEYS[1], ARGV[1])
    if not generation then
        generation = ARGV[2]
        redis.call('HSET', KEYS[1], ARGV[1], generation)
    end
    local key = ARGV[3] .. generation
    local entry = redis.call('GET', key)
    return {key, entry, entry and redis.call('PTTL', key) or 0}";

/// See the module.
pub(super) struct Generations {
    redis: Redis,
    look_up: Script,
    /// Number of the connection at whose start all words were last deleted.
    cleared: AtomicU64,
    /// Writes that may not have invalidated what they had to, and for how many of them that has been done since.
    missed: AtomicU64,
    recovered: AtomicU64,
}

/// What a look-up found in Redis.
pub(super) struct Lookup {
    /// Key of the entry, also if there is none yet.
    pub(super) key: String,
    /// The entry.
    pub(super) text: Option<String>,
    /// How long Redis will keep it.
    pub(super) ttl: Duration,
}

impl Generations {
    pub(super) fn new(redis: Redis) -> Self {
        Self {
            redis,
            look_up: Script::new(LOOK_UP),
            cleared: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            recovered: AtomicU64::new(0),
        }
    }

    /// Name of the partition that a product belongs to; for pages there is no id.
    pub(super) fn partition(id: Option<ProductId>) -> String {
        id.map_or_else(|| ALL.to_owned(), |id| WriteCounts::partition(id).to_string())
    }

    /// Looks for the entry of a partition whose key has that prefix.
    pub(super) async fn look_up(&self, partition: &str, key_prefix: &str) -> Result<Lookup, RedisError> {
        let connection = self.redis.connection().await?;
        self.clear_if_needed(&connection).await?;
        let mut script = self.look_up.key(GENERATIONS);
        script.arg(partition).arg(Uuid::new_v4().simple().to_string()).arg(key_prefix);
        let (key, text, ttl_ms): (String, Option<String>, u64) =
            connection.script("EVALSHA look_up_entry", &script).await?;
        Ok(Lookup { key, text, ttl: Duration::from_millis(ttl_ms) })
    }

    /// Stores an entry under the key that [`Generations::look_up`] gave before it was read from the store.
    pub(super) async fn store(&self, key: &str, text: &str, ttl: Duration) -> Result<(), RedisError> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        self.redis.run("SET entry", cmd("SET").arg(key).arg(text).arg("PX").arg(ttl_ms)).await
    }

    /// Invalidates a product and all pages.
    pub(super) async fn invalidate(&self, id: ProductId) {
        let command = cmd("HDEL").arg(GENERATIONS).arg(Self::partition(Some(id))).arg(ALL).to_owned();
        if let Err(error) = self.redis.run::<()>("HDEL generations", &command).await {
            self.note_missed();
            if error.error_type() != "not_connected" {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a write could not outdate the cache; all of it is outdated before its next use");
            }
        }
    }

    /// Notes a write that may not have invalidated what it had to.
    pub(super) fn note_missed(&self) {
        self.missed.fetch_add(1, Ordering::SeqCst);
    }

    /// Clears at the start of every connection, for ever, so that other replicas need not wait for a look-up here.
    pub(super) async fn watch(&self) {
        let mut number = 0;
        loop {
            let connection = self.redis.connection_after(number).await;
            number = connection.number();
            // If it fails, the next look-up or the next connection does it.
            let _ = self.clear_if_needed(&connection).await;
        }
    }

    /// Deletes all words if this replica may have missed something.
    async fn clear_if_needed(&self, connection: &Connection) -> Result<(), RedisError> {
        // Read before the command, so that a write that is missed meanwhile is not taken for recovered.
        let missed = self.missed.load(Ordering::SeqCst);
        let recovered = self.recovered.load(Ordering::SeqCst) >= missed;
        if recovered && self.cleared.load(Ordering::SeqCst) >= connection.number() {
            return Ok(());
        }
        connection.run::<()>("DEL generations", cmd("DEL").arg(GENERATIONS)).await?;
        self.recovered.fetch_max(missed, Ordering::SeqCst);
        self.cleared.fetch_max(connection.number(), Ordering::SeqCst);
        Ok(())
    }
}

//! Which entries in Redis count. Every key of an entry ends in the generation of its part of the catalogue, a random
//! word in the hash `signalbox:product:v1:generations`. Without a word, the next who looks makes one up. So taking the
//! word away outdates what is stored and what is being read just now, for all replicas and for good:
//!
//! - after a write, the words of its part and of all pages;
//! - at the begin of every connection, all words: what this or another replica could not outdate during an outage is
//!   outdated then. Until that has been done, this replica uses no entry.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stores::redis::{Connection, Redis, RedisError, Script, cmd};
use uuid::Uuid;

use super::wire::key;
use super::writes::Writes;
use crate::domain::product::ProductId;

const GENERATIONS: &str = key!("generations");

/// Part that all pages belong to.
const ALL: &str = "all";

/// Key: generations. Arguments: part, word to use if it has none, begin of the entry's key.
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
    /// Number of the connection at whose begin all words were last taken away.
    renewed: AtomicU64,
    /// Writes that may not have outdated what they had to, and how many of them have been made good.
    missed: AtomicU64,
    made_good: AtomicU64,
}

/// What stands in Redis.
pub(super) struct Found {
    /// Key of the entry, also if there is none yet.
    pub(super) key: String,
    /// The entry.
    pub(super) text: Option<String>,
    /// How long it stays.
    pub(super) stays: Duration,
}

impl Generations {
    pub(super) fn new(redis: Redis) -> Self {
        Self {
            redis,
            look_up: Script::new(LOOK_UP),
            renewed: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            made_good: AtomicU64::new(0),
        }
    }

    /// Name of the part that a product belongs to; for pages there is no id.
    pub(super) fn part(id: Option<ProductId>) -> String {
        id.map_or_else(|| ALL.to_owned(), |id| Writes::part(id).to_string())
    }

    /// Looks for the entry of a part whose key begins like this.
    pub(super) async fn look_up(&self, part: &str, begin: &str) -> Result<Found, RedisError> {
        let connection = self.redis.connection().await?;
        self.catch_up(&connection).await?;
        let mut script = self.look_up.key(GENERATIONS);
        script.arg(part).arg(Uuid::new_v4().simple().to_string()).arg(begin);
        let (key, text, stays_ms): (String, Option<String>, u64) =
            connection.script("EVALSHA look_up_entry", &script).await?;
        Ok(Found { key, text, stays: Duration::from_millis(stays_ms) })
    }

    /// Keeps an entry under the key that [`Generations::look_up`] gave before it was read from the store.
    pub(super) async fn keep(&self, key: &str, text: &str, ttl: Duration) -> Result<(), RedisError> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        self.redis.run("SET entry", cmd("SET").arg(key).arg(text).arg("PX").arg(ttl_ms)).await
    }

    /// Outdates a product and all pages.
    pub(super) async fn outdate(&self, id: ProductId) {
        let command = cmd("HDEL").arg(GENERATIONS).arg(Self::part(Some(id))).arg(ALL).to_owned();
        if let Err(error) = self.redis.run::<()>("HDEL generations", &command).await {
            self.miss();
            if error.error_type() != "not_connected" {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a write could not outdate the cache; all of it is outdated before its next use");
            }
        }
    }

    /// Notes a write that may not have outdated what it had to.
    pub(super) fn miss(&self) {
        self.missed.fetch_add(1, Ordering::SeqCst);
    }

    /// Begins every connection, for ever, so that other replicas need not wait for a look-up here.
    pub(super) async fn watch(&self) {
        let mut number = 0;
        loop {
            let connection = self.redis.connection_after(number).await;
            number = connection.number();
            // If it fails, the next look-up or the next connection does it.
            let _ = self.catch_up(&connection).await;
        }
    }

    /// Takes all words away if this replica may have missed something.
    async fn catch_up(&self, connection: &Connection) -> Result<(), RedisError> {
        // Read before the command, so that a write that is missed meanwhile is not taken for made good.
        let missed = self.missed.load(Ordering::SeqCst);
        let good = self.made_good.load(Ordering::SeqCst) >= missed;
        if good && self.renewed.load(Ordering::SeqCst) >= connection.number() {
            return Ok(());
        }
        connection.run::<()>("DEL generations", cmd("DEL").arg(GENERATIONS)).await?;
        self.made_good.fetch_max(missed, Ordering::SeqCst);
        self.renewed.fetch_max(connection.number(), Ordering::SeqCst);
        Ok(())
    }
}

//! The limit of all replicas together: a GCRA per client and set of routes in Redis, by the clock of Redis.
//!
//! A key holds the microsecond at which its client has used nothing of its burst any more, and goes at that moment, at
//! most `burst / per_second` seconds after the client's last request. It names the address as it is: a hash of an
//! address is found out by trying all of them, and no key lives long enough to tell a story.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

#[cfg(feature = "backing-services")]
use stores::redis::Script;
use stores::redis::{Redis, RedisError};

/// Keys: the buckets to take from. Arguments: rate per second and burst of each. Takes from all or from none.
/// Answers the microseconds to wait, 0 if the request is welcome. A bucket emptier than empty was left by another clock
/// or a slower rate, and counts as full.
#[cfg(feature = "backing-services")]
const TAKE: &str = "
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local full = {}
    for i, key in ipairs(KEYS) do
        local interval = 1000000 / ARGV[2 * i - 1]
        local empty = now + ARGV[2 * i] * interval
        local used = tonumber(redis.call('GET', key) or now)
        if used < now or used > empty + 1 then used = now end
        local next = used + interval
        local wait = next - empty
        if wait > 0 then return math.ceil(wait) end
        full[i] = next
    end
    for i, key in ipairs(KEYS) do
        redis.call('SET', key, string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000))
    end
    return 0";

/// Requests per second on average, and at once.
#[derive(Clone, Copy)]
pub(super) struct Rate {
    pub(super) per_second: NonZeroU32,
    pub(super) burst: NonZeroU32,
}

/// See the module.
#[cfg(feature = "backing-services")]
pub(super) struct SharedLimit {
    redis: Redis,
    take: Script,
    all: Rate,
    auth: Rate,
}

#[cfg(feature = "backing-services")]
impl SharedLimit {
    pub(super) fn new(redis: Redis, all: Rate, auth: Rate) -> Self {
        Self { redis, take: Script::new(TAKE), all, auth }
    }

    /// The wait until the next request is welcome, if this one is not.
    pub(super) async fn refuse(&self, client: IpAddr, auth: bool) -> Result<Option<Duration>, RedisError> {
        let client = client.to_canonical();
        let mut script = self.take.key(format!("signalbox:gateway:v1:rate:all:{client}"));
        script.arg(self.all.per_second.get()).arg(self.all.burst.get());
        if auth {
            script.key(format!("signalbox:gateway:v1:rate:auth:{client}"));
            script.arg(self.auth.per_second.get()).arg(self.auth.burst.get());
        }
        let wait_us: u64 = self.redis.script("EVALSHA take_request", &script).await?;
        Ok((wait_us > 0).then(|| Duration::from_micros(wait_us)))
    }
}

/// In a program that was built without the client of Redis there is none.
#[cfg(not(feature = "backing-services"))]
pub(super) enum SharedLimit {}

#[cfg(not(feature = "backing-services"))]
impl SharedLimit {
    pub(super) fn new(redis: Redis, _: Rate, _: Rate) -> Self {
        match redis {}
    }

    pub(super) async fn refuse(&self, _: IpAddr, _: bool) -> Result<Option<Duration>, RedisError> {
        match *self {}
    }
}

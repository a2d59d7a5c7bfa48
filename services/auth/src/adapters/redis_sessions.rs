//! Sessions in Redis. Two kinds of keys, both gone when what they hold has expired:
//!
//! - `signalbox:auth:v1:family:<family>`: a hash of `user` and `expires`. Revoking a family deletes it.
//! - `signalbox:auth:v1:token:<hash>`: a hash of `family`, `expires` and, once it is spent, `used`. Spent tokens stay
//!   until they expire: that is how a second use is noticed.
//!
//! Times are microseconds since the epoch, of our clocks; only the removal of keys follows that of Redis. Every
//! operation is one script, so none of them sees another half-way. The scripts find families through their tokens,
//! which a Redis cluster does not allow.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use stores::redis::{Redis, RedisError, Script};
use uuid::Uuid;

use crate::domain::refresh_token::TokenHash;
use crate::domain::session::{NewSession, NewToken, RotateOutcome, StoredToken};

const FAMILY: &str = "signalbox:auth:v1:family:";
const TOKEN: &str = "signalbox:auth:v1:token:";

/// Keys: token, family. Arguments: user, then expiry and removal of the family; family, then those of the token.
const OPEN: &str = "
    redis.call('HSET', KEYS[2], 'user', ARGV[1], 'expires', ARGV[2])
    redis.call('PEXPIREAT', KEYS[2], ARGV[3])
    redis.call('HSET', KEYS[1], 'family', ARGV[4], 'expires', ARGV[5])
    redis.call('PEXPIREAT', KEYS[1], ARGV[6])";

/// Key: token. Arguments: prefix of families, now.
const FIND: &str = "
    local token = redis.call('HMGET', KEYS[1], 'family', 'expires', 'used')
    if not token[1] or tonumber(token[2]) <= tonumber(ARGV[2]) then return false end
    local family = redis.call('HMGET', ARGV[1] .. token[1], 'user', 'expires')
    if not family[1] or tonumber(family[2]) <= tonumber(ARGV[2]) then return false end
    return {token[1], family[1], token[3] or '0'}";

/// Keys: token, family, next token. Arguments: family, now, expiry and removal of the next token.
///
/// Only a token that was used, not one that expired meanwhile, tells of a theft.
const ROTATE: &str = "
    local now = tonumber(ARGV[2])
    local ends = redis.call('HGET', KEYS[2], 'expires')
    if not ends or tonumber(ends) <= now then return 'refused' end
    local token = redis.call('HMGET', KEYS[1], 'family', 'expires', 'used')
    if token[1] ~= ARGV[1] then return 'refused' end
    if token[3] then return 'reused' end
    if tonumber(token[2]) <= now then return 'refused' end
    redis.call('HSET', KEYS[1], 'used', '1')
    redis.call('HSET', KEYS[3], 'family', ARGV[1], 'expires', ARGV[3])
    redis.call('PEXPIREAT', KEYS[3], ARGV[4])
    return 'rotated'";

/// Key: token. Argument: prefix of families.
const REVOKE: &str = "
    local family = redis.call('HGET', KEYS[1], 'family')
    if not family then return 0 end
    redis.call('DEL', ARGV[1] .. family)
    return 1";

/// Refresh tokens and their families in Redis. They are worth something only while their user has credentials, of which
/// Redis knows nothing.
#[derive(Clone)]
pub struct RedisSessions {
    redis: Redis,
    open: Script,
    find: Script,
    rotate: Script,
    revoke: Script,
}

impl RedisSessions {
    /// Sessions in that Redis.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            open: Script::new(OPEN),
            find: Script::new(FIND),
            rotate: Script::new(ROTATE),
            revoke: Script::new(REVOKE),
        }
    }

    /// Stores a session with its first token.
    ///
    /// # Errors
    /// If Redis does not do it, or may have done it: [`RedisError::may_have_happened`].
    pub async fn open(&self, session: NewSession) -> Result<(), RedisError> {
        let NewSession { family_id, user_id, expires_at, token } = session;
        let mut script = self.open.key(token_key(&token.hash));
        script.key(family_key(family_id)).arg(user_id.to_string());
        script.arg(expires_at.timestamp_micros()).arg(removal(expires_at));
        script.arg(family_id.to_string()).arg(token.expires_at.timestamp_micros()).arg(removal(token.expires_at));
        self.redis.script("EVALSHA open_session", &script).await
    }

    /// A token of a living session that has not expired, spent or not.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn find(&self, token: &TokenHash, now: DateTime<Utc>) -> Result<Option<StoredToken>, RedisError> {
        let mut script = self.find.key(token_key(token));
        script.arg(FAMILY).arg(now.timestamp_micros());
        let found: Option<(String, String, u8)> = self.redis.script("EVALSHA find_session", &script).await?;
        let read = |(family, user, used): (String, String, u8)| {
            let id = |text: &str| Uuid::try_parse(text).map_err(|error| RedisError::Answer(error.to_string().into()));
            Ok(StoredToken { family_id: id(&family)?, user_id: id(&user)?, spent: used != 0 })
        };
        found.map(read).transpose()
    }

    /// Spends `token` and stores `next`, at most once however many try; whoever comes second is to announce that and to
    /// revoke the family.
    ///
    /// # Errors
    /// If Redis does not do it, or may have done it.
    pub async fn rotate(
        &self,
        family_id: Uuid,
        token: &TokenHash,
        next: NewToken,
    ) -> Result<RotateOutcome, RedisError> {
        let mut script = self.rotate.key(token_key(token));
        script.key(family_key(family_id)).key(token_key(&next.hash));
        script.arg(family_id.to_string()).arg(next.issued_at.timestamp_micros());
        script.arg(next.expires_at.timestamp_micros()).arg(removal(next.expires_at));
        let outcome: String = self.redis.script("EVALSHA rotate_session", &script).await?;
        match outcome.as_str() {
            "rotated" => Ok(RotateOutcome::Rotated),
            "reused" => Ok(RotateOutcome::Reused),
            "refused" => Ok(RotateOutcome::Refused),
            _ => Err(RedisError::Answer(outcome.into())),
        }
    }

    /// Revokes the family of a token. Answers whether Redis knows the token.
    ///
    /// # Errors
    /// If Redis does not do it, or may have done it; repeating it does no harm.
    pub async fn revoke(&self, token: &TokenHash) -> Result<bool, RedisError> {
        let mut script = self.revoke.key(token_key(token));
        script.arg(FAMILY);
        self.redis.script("EVALSHA revoke_session", &script).await
    }

    /// Whose family it is, if it is here and alive.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn owner(&self, family_id: Uuid) -> Result<Option<Uuid>, RedisError> {
        let command = stores::redis::cmd("HGET").arg(family_key(family_id)).arg("user").to_owned();
        let user: Option<String> = self.redis.run("HGET session", &command).await?;
        let id = |text: String| Uuid::try_parse(&text).map_err(|error| RedisError::Answer(error.to_string().into()));
        user.map(id).transpose()
    }

    /// Revokes a family. Answers whether it was still alive.
    ///
    /// # Errors
    /// If Redis does not do it, or may have done it; repeating it does no harm.
    pub async fn revoke_family(&self, family_id: Uuid) -> Result<bool, RedisError> {
        let command = stores::redis::cmd("DEL").arg(family_key(family_id)).to_owned();
        self.redis.run("DEL session", &command).await
    }
}

fn family_key(family_id: Uuid) -> String {
    format!("{FAMILY}{family_id}")
}

fn token_key(hash: &TokenHash) -> String {
    format!("{TOKEN}{}", URL_SAFE_NO_PAD.encode(hash))
}

/// When a key that is over at `end` goes, in milliseconds: not before.
fn removal(end: DateTime<Utc>) -> i64 {
    end.timestamp_millis() + 1
}

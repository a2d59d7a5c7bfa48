//! The keys of `config.toml` that are the gateway's own.

use std::num::NonZeroU32;
use std::time::Duration;

use chassis::settings::{Http, seconds};
use http::HeaderValue;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use stores::settings::Redis;
use upstream::Settings as Upstream;

/// See `config.toml` for the meaning of each key.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "config.toml is the manual")]
pub struct Config {
    pub http: Http,
    pub cors: Cors,
    pub rate_limit: RateLimit,
    pub redis: Redis,
    pub token: Token,
    pub auth: Upstream,
    pub user: Upstream,
    pub product: Upstream,
}

/// Cross-origin requests.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "config.toml is the manual")]
pub struct Cors {
    #[serde(deserialize_with = "origins")]
    pub allowed_origins: Vec<HeaderValue>,
}

/// Requests per client.
#[derive(Clone, Copy, Debug, Deserialize)]
#[allow(missing_docs, reason = "config.toml is the manual")]
pub struct RateLimit {
    pub per_second: NonZeroU32,
    pub burst: NonZeroU32,
    pub auth_per_second: NonZeroU32,
    pub auth_burst: NonZeroU32,
    pub trusted_proxies: usize,
}

/// Access tokens.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "config.toml is the manual")]
pub struct Token {
    pub issuer: String,
    pub audience: String,
    #[serde(rename = "leeway_s", deserialize_with = "seconds")]
    pub leeway: Duration,
    #[serde(rename = "jwks_refresh_s", deserialize_with = "seconds")]
    pub jwks_refresh: Duration,
}

fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<HeaderValue>, D::Error> {
    let origins = Vec::<String>::deserialize(deserializer)?;
    let parse =
        |origin: String| origin.parse().map_err(|_| D::Error::custom("an origin looks like https://shop.example"));
    origins.into_iter().map(parse).collect()
}

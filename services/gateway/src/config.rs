//! The keys of `config.toml` that are the gateway's own.

use chassis::settings::{Callee, Http, Redis};
use serde::Deserialize;

/// See `config.toml` for the meaning of each key.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "config.toml is the manual")]
pub struct Config {
    pub http: Http,
    pub cors: Cors,
    pub rate_limit: RateLimit,
    pub redis: Redis,
    pub token: Token,
    pub auth: Callee,
    pub user: Callee,
    pub product: Callee,
}

/// Cross-origin requests.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "config.toml is the manual")]
pub struct Cors {
    pub allowed_origins: Vec<String>,
}

/// Requests per client.
#[derive(Clone, Copy, Debug, Deserialize)]
#[allow(missing_docs, reason = "config.toml is the manual")]
pub struct RateLimit {
    pub per_second: u32,
    pub burst: u32,
    pub auth_per_second: u32,
    pub auth_burst: u32,
    pub trusted_proxies: usize,
}

/// Access tokens.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "config.toml is the manual")]
pub struct Token {
    pub issuer: String,
    pub audience: String,
    pub leeway_s: u64,
    pub jwks_refresh_s: u64,
}

//! Requests per client: a token bucket per address in this process, and a stricter one for sign-in routes.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chassis::{Kind, Peer, Problem, StartError};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config;

/// How often buckets that are full again are forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// The buckets of all clients.
pub(crate) struct Limiter {
    all: DefaultKeyedRateLimiter<IpAddr>,
    auth: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    trusted_proxies: usize,
}

impl Limiter {
    pub(crate) fn new(settings: &config::RateLimit) -> Result<Self, StartError> {
        for outcome in ["allowed", "limited"] {
            telemetry::counter!("rate_limit_decisions_total", "outcome" => outcome).absolute(0);
        }
        Ok(Self {
            all: RateLimiter::keyed(quota("rate_limit.per_second", settings.per_second, settings.burst)?),
            auth: RateLimiter::keyed(quota(
                "rate_limit.auth_per_second",
                settings.auth_per_second,
                settings.auth_burst,
            )?),
            clock: DefaultClock::default(),
            trusted_proxies: settings.trusted_proxies,
        })
    }

    /// Forgets clients that have been quiet, for ever.
    pub(crate) async fn sweep(self: Arc<Self>) {
        let mut timer = tokio::time::interval(SWEEP);
        loop {
            timer.tick().await;
            for buckets in [&self.all, &self.auth] {
                buckets.retain_recent();
                buckets.shrink_to_fit();
            }
        }
    }

    /// The wait until the next request is welcome, if this one is not.
    fn refuse(&self, client: IpAddr, auth: bool) -> Option<Duration> {
        let now = self.clock.now();
        let wait = |buckets: &DefaultKeyedRateLimiter<IpAddr>| {
            buckets.check_key(&client).err().map(|refusal| refusal.wait_time_from(now))
        };
        wait(&self.all).or_else(|| if auth { wait(&self.auth) } else { None })
    }

    /// The address to count: the peer, or what the nearest trusted proxy says it saw.
    fn client(&self, request: &Request) -> IpAddr {
        let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        if self.trusted_proxies == 0 {
            return peer;
        }
        let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let addresses: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        let position = addresses.len().checked_sub(self.trusted_proxies);
        position.and_then(|position| addresses[position].parse().ok()).unwrap_or(peer)
    }
}

fn quota(key: &str, per_second: u32, burst: u32) -> Result<Quota, StartError> {
    match (NonZeroU32::new(per_second), NonZeroU32::new(burst)) {
        (Some(per_second), Some(burst)) => Ok(Quota::per_second(per_second).allow_burst(burst)),
        _ => Err(StartError::Invalid { key: key.to_owned(), reason: "rate and burst must be at least 1".to_owned() }),
    }
}

/// Middleware: answers 429 with `Retry-After` to clients that ask too often.
pub(super) async fn limit(State(limiter): State<Arc<Limiter>>, request: Request, next: Next) -> Response {
    let auth = request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str().starts_with("/v1/auth/"));
    let refused = limiter.refuse(limiter.client(&request), auth);
    let outcome = if refused.is_some() { "limited" } else { "allowed" };
    telemetry::counter!("rate_limit_decisions_total", "outcome" => outcome).increment(1);
    match refused {
        None => next.run(request).await,
        Some(wait) => Problem::new(Kind::RateLimited, "rate_limited", "Too many requests from this client.")
            .retry_after(wait)
            .into_response(),
    }
}

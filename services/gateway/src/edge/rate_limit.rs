//! Requests per client: a bucket per address, and a stricter one for sign-in routes.
//!
//! The buckets in this process are asked first. With Redis, what they let pass is then asked of the buckets that all
//! replicas share. A client that one replica alone has seen too often is refused without a round trip, and when Redis
//! does not answer, the decision of this process stands: it has counted all the time, so an outage neither opens the
//! gates nor closes them. A client then gets at most the limit once per replica.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chassis::{ClientAddress, Kind, Problem};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use stores::redis::Redis;

use super::shared_limit::{Rate, SharedLimit};
use crate::config;

/// How often buckets that are full again are forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The buckets of all clients.
pub(crate) struct Limiter {
    all: DefaultKeyedRateLimiter<IpAddr>,
    auth: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    shared: Option<SharedLimit>,
    trusted_proxies: usize,
}

/// What becomes of a request, and who said so.
struct Decision {
    /// The wait until the next request is welcome, if this one is not.
    refused: Option<Duration>,
    decided_by: &'static str,
}

impl Limiter {
    pub(crate) fn new(settings: &config::RateLimit, redis: Option<Redis>) -> Self {
        let all = Rate { per_second: settings.per_second, burst: settings.burst };
        let auth = Rate { per_second: settings.auth_per_second, burst: settings.auth_burst };
        let deciders: &[_] = if redis.is_some() { &["process", "redis", "fallback"] } else { &["process"] };
        let labels: &[(_, &[_])] = &[("outcome", &["allowed", "limited"]), ("decided_by", deciders)];
        telemetry::init_to_zero("rate_limit_decisions_total", labels);
        Self {
            all: RateLimiter::keyed(quota(all)),
            auth: RateLimiter::keyed(quota(auth)),
            clock: DefaultClock::default(),
            shared: redis.map(|redis| SharedLimit::new(redis, all, auth)),
            trusted_proxies: settings.trusted_proxies,
        }
    }

    /// Forgets clients that have been quiet, for ever.
    pub(crate) async fn sweep(self: Arc<Self>) {
        let mut timer = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            timer.tick().await;
            for buckets in [&self.all, &self.auth] {
                buckets.retain_recent();
                buckets.shrink_to_fit();
            }
        }
    }

    async fn decide(&self, client: IpAddr, auth: bool) -> Decision {
        let refused = self.refuse(client, auth);
        let Some(shared) = self.shared.as_ref().filter(|_| refused.is_none()) else {
            return Decision { refused, decided_by: "process" };
        };
        match shared.refuse(client, auth).await {
            Ok(refused) => Decision { refused, decided_by: "redis" },
            Err(_) => Decision { refused: None, decided_by: "fallback" },
        }
    }

    /// The wait by the buckets of this process.
    fn refuse(&self, client: IpAddr, auth: bool) -> Option<Duration> {
        let now = self.clock.now();
        let wait = |buckets: &DefaultKeyedRateLimiter<IpAddr>| {
            buckets.check_key(&client).err().map(|refusal| refusal.wait_time_from(now))
        };
        wait(&self.all).or_else(|| if auth { wait(&self.auth) } else { None })
    }

    /// The address to count: the peer, or what the nearest trusted proxy says it saw.
    fn client(&self, request: &Request) -> IpAddr {
        let peer =
            request.extensions().get::<ClientAddress>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        if self.trusted_proxies == 0 {
            return peer;
        }
        let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let addresses: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        let position = addresses.len().checked_sub(self.trusted_proxies);
        position.and_then(|position| addresses[position].parse().ok()).unwrap_or(peer)
    }
}

fn quota(rate: Rate) -> Quota {
    Quota::per_second(rate.per_second).allow_burst(rate.burst)
}

fn count(outcome: &'static str, decided_by: &'static str) {
    telemetry::counter!("rate_limit_decisions_total", "outcome" => outcome, "decided_by" => decided_by).increment(1);
}

/// Middleware: answers 429 with `Retry-After` to clients that ask too often.
pub(super) async fn limit(State(limiter): State<Arc<Limiter>>, request: Request, next: Next) -> Response {
    let auth = request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str().starts_with("/v1/auth/"));
    let Decision { refused, decided_by } = limiter.decide(limiter.client(&request), auth).await;
    count(if refused.is_some() { "limited" } else { "allowed" }, decided_by);
    match refused {
        None => next.run(request).await,
        Some(wait) => Problem::new(Kind::RateLimited, "rate_limited", "Too many requests from this client.")
            .retry_after(wait)
            .into_response(),
    }
}

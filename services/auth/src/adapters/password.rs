//! Argon2id on a bounded pool: a few workers, a short queue, a limit on the wait. Whoever does not fit is told to
//! come back, so that a flood of sign-ins takes neither all cores nor all memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use argon2::{ARGON2ID_IDENT, Params};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use telemetry::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::argon::Argon;
use crate::config::Password;
use crate::domain::Error;
use crate::ports::{PasswordCheck, PasswordHasher};

/// See the module.
pub struct HashPool {
    argon: Arc<Argon>,
    /// What an unknown account is compared with: of the configured cost, and the hash of nothing.
    dummy: String,
    workers: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    wait: Duration,
}

impl HashPool {
    /// A pool with the limits and costs of `settings`.
    ///
    /// # Errors
    /// If Argon2 does not allow the costs; says why.
    pub fn new(settings: &Password) -> Result<Self, String> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)
            .map_err(|error| error.to_string())?;
        for metric in ["password_pool_rejections_total", "password_pool_active", "password_pool_queued"] {
            telemetry::init_to_zero(metric, &[]);
        }
        Ok(Self {
            dummy: dummy(&params),
            argon: Arc::new(Argon::new(params)),
            workers: Arc::new(Semaphore::new(settings.workers)),
            queue: Arc::new(Semaphore::new(settings.queue)),
            wait: settings.wait,
        })
    }

    /// Gives the working memory of Argon2 back to the system if no password was hashed since the last call.
    pub fn release_unused_memory(&self) {
        self.argon.release_unused();
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let worker = self.worker().await?;
        let job = telemetry::carry_current_trace(move || {
            // The job holds its place itself: it runs on when its caller has given up.
            let _worker = worker;
            let _active = GaugeGuard::new(active());
            let start = Instant::now();
            let outcome = tracing::info_span!("hash password").in_scope(work);
            telemetry::histogram!("password_hash_duration_seconds").record(start.elapsed().as_secs_f64());
            outcome
        });
        tokio::task::spawn_blocking(job).await.map_err(|error| Error::Internal(error.into()))
    }

    #[tracing::instrument(name = "wait for a password worker", skip_all)]
    async fn worker(&self) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(free) = Arc::clone(&self.workers).try_acquire_owned() {
            return Ok(free);
        }
        let Ok(_place) = self.queue.try_acquire() else { return Err(reject()) };
        let _queued = GaugeGuard::new(queued());
        match tokio::time::timeout(self.wait, Arc::clone(&self.workers).acquire_owned()).await {
            Ok(worker) => worker.map_err(|error| Error::Internal(error.into())),
            Err(_) => Err(reject()),
        }
    }
}

#[async_trait]
impl PasswordHasher for HashPool {
    async fn hash(&self, password: &SecretString) -> Result<String, Error> {
        let (argon, password) = (Arc::clone(&self.argon), password.clone());
        let hash = self.run(move || argon.hash(password.expose_secret().as_bytes())).await?;
        hash.map_err(|error| Error::Internal(error.into()))
    }

    async fn verify(&self, password: &SecretString, hash: Option<&str>) -> Result<PasswordCheck, Error> {
        let stored = PasswordHash::new(hash.unwrap_or(&self.dummy)).map_err(|error| Error::Internal(error.into()))?;
        let strong = is_strong(&stored, self.argon.params());
        let (argon, password) = (Arc::clone(&self.argon), password.clone());
        let outcome = self.run(move || argon.verify(password.expose_secret().as_bytes(), &stored)).await?;
        match outcome {
            Ok(same) if !same || hash.is_none() => Ok(PasswordCheck::Mismatch),
            Ok(_) => Ok(if strong { PasswordCheck::Match } else { PasswordCheck::NeedsRehash }),
            Err(error) => Err(Error::Internal(error.into())),
        }
    }
}

/// A well-formed hash that no password has been hashed to.
fn dummy(params: &Params) -> String {
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    let (salt, output) = ("A".repeat(22), "A".repeat(43)); // 16 and 32 zero bytes
    format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${output}")
}

fn is_strong(hash: &PasswordHash, wanted: &Params) -> bool {
    let enough = |params: Params| params.m_cost() >= wanted.m_cost() && params.t_cost() >= wanted.t_cost();
    hash.algorithm == ARGON2ID_IDENT && Params::try_from(hash).is_ok_and(enough)
}

fn reject() -> Error {
    telemetry::counter!("password_pool_rejections_total").increment(1);
    Error::Busy
}

fn active() -> Gauge {
    telemetry::gauge!("password_pool_active")
}

fn queued() -> Gauge {
    telemetry::gauge!("password_pool_queued")
}

/// Counts for as long as it lives, also if its request is cancelled.
struct GaugeGuard(Gauge);

impl GaugeGuard {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

#[cfg(test)]
#[path = "password_tests.rs"]
mod tests;

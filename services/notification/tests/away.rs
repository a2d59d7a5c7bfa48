//! A store that is away is no fault of the event: it is held, not sent up the ladder.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use messaging::{Envelope, Failure, Handler};
use notification::domain::{Applied, Backlog, Claim, Effect, Error, Event, Verdict};
use notification::events::Events;
use notification::ports::Store;
use serde_json::json;
use uuid::Uuid;

/// Fails as the database does.
struct Broken(fn() -> sqlx::Error);

#[async_trait]
impl Store for Broken {
    async fn apply(&self, _: &Event, _: &Effect) -> Result<Applied, Error> {
        Err((self.0)().into())
    }
    async fn claim(&self, _: usize, _: Duration) -> Result<Vec<Claim>, Error> {
        Err((self.0)().into())
    }
    async fn settle(&self, _: &Claim, _: &Verdict) -> Result<(), Error> {
        Err((self.0)().into())
    }
    async fn backlog(&self) -> Result<Backlog, Error> {
        Err((self.0)().into())
    }
    async fn purge(&self, _: DateTime<Utc>) -> Result<u64, Error> {
        Err((self.0)().into())
    }
}

async fn outcome(error: fn() -> sqlx::Error) -> Failure {
    let events = Events::new(Arc::new(Broken(error)), None, Arc::default());
    let user = Uuid::new_v4();
    let event = Envelope::new("user.deleted", 1, &user.to_string(), json!({ "user_id": user })).unwrap();
    events.handle(&event).await.unwrap_err()
}

#[tokio::test]
async fn an_event_waits_for_a_database_that_is_away_and_retries_what_else_fails() {
    for away in [|| sqlx::Error::PoolTimedOut, || sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into())] {
        let failure = outcome(away).await;
        assert_eq!(failure, Failure::dependency_down(failure.to_string()));
    }
    let failure = outcome(|| sqlx::Error::Protocol("odd".to_owned())).await;
    assert_eq!(failure, Failure::transient(failure.to_string()));
}

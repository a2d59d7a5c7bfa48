//! Places, waiting, and what a call without a place is told.

use tokio::time::Instant;

use chassis::ports::Ports;

use super::*;
use crate::limit::{Limit, LimitLayer};
use crate::retry::{Retry, RetryLayer};
use crate::testing::{Answer, READ, Stub, call, expect_metric, measured};

fn client(stub: &Stub, limit: usize) -> Limit<Retry<Bulkhead<Stub>>> {
    let places = BulkheadLayer::new("demo", limit, Ports::default().clock).layer(stub.clone());
    LimitLayer::new("demo", Duration::from_secs(2), Ports::default().clock)
        .layer(RetryLayer::new("demo", 1, Ports::default()).layer(places))
}

#[tokio::test(start_paused = true)]
async fn a_call_too_many_waits_a_moment_and_fails_with_a_hint() {
    let identity = measured();
    let stub = Stub::new(|_| Answer::Hangs);
    let client = client(&stub, 2);
    let busy = futures_util::future::join(call(&client, READ), call(&client, READ));
    let third = async {
        tokio::task::yield_now().await;
        expect_metric(identity, "rpc_client_active_calls{callee=\"demo\"} 2");
        let start = Instant::now();
        (call(&client, READ).await.expect_err("no place"), start.elapsed())
    };
    let (_, (status, waited)) = futures_util::future::join(busy, third).await;
    let problem = Problem::from(&status);
    assert_eq!((problem.kind, problem.retry_after), (Kind::Overloaded, Some(RETRY_AFTER)));
    assert_eq!((waited, stub.attempts()), (WAIT, 2));
    expect_metric(identity, "rpc_client_rejections_total{callee=\"demo\",reason=\"too_many\"} 1");
    expect_metric(identity, "rpc_client_max_calls{callee=\"demo\"} 2");
    expect_metric(identity, "rpc_client_active_calls{callee=\"demo\"} 0");
}

#[tokio::test(start_paused = true)]
async fn a_place_that_comes_free_in_time_is_taken() {
    let stub = Stub::new(|_| Answer::After(WAIT / 2, Box::new(Answer::Fine)));
    let client = client(&stub, 1);
    let (first, second) = futures_util::future::join(call(&client, READ), call(&client, READ)).await;
    first.expect("the first");
    second.expect("the second, after the first");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_leaves_its_place() {
    let stub = Stub::new(|attempt| if attempt == 1 { Answer::Hangs } else { Answer::Fine });
    let client = client(&stub, 1);
    tokio::time::timeout(WAIT, call(&client, READ)).await.expect_err("it hangs");
    let start = Instant::now();
    call(&client, READ).await.expect("a free place");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

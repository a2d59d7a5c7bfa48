//! What counts as a failure, and what callers and operators see of an open breaker.

use super::*;
use crate::limit::{Limit, LimitLayer};
use crate::retry::{Retry, RetryLayer};
use crate::testing::{Answer, READ, Stub, call, expect_metric, measured};
use chassis::deadline;

const TIMEOUT: Duration = Duration::from_secs(2);

type Client = Limit<Retry<Guarded<Stub>>>;

fn client(stub: &Stub) -> (Client, Arc<Breaker>) {
    let layer = BreakerLayer::new("demo", &Settings::new("http://demo", TIMEOUT).expect("a URL"), Ports::default());
    let breaker = Arc::clone(&layer.0);
    (
        LimitLayer::new("demo", TIMEOUT, Ports::default().clock)
            .layer(RetryLayer::new("demo", 1, Ports::default()).layer(layer.layer(stub.clone()))),
        breaker,
    )
}

/// Whether a callee that always answers like this has its breaker open after thirty calls.
async fn opens(answer: Answer) -> bool {
    let stub = Stub::new(move |_| answer.clone());
    let (client, breaker) = client(&stub);
    for _ in 0..30 {
        let _ = call(&client, READ).await;
        if matches!(breaker.circuit().phase(), Phase::Open { .. }) {
            return true;
        }
    }
    false
}

#[tokio::test(start_paused = true)]
async fn only_a_callee_that_is_away_or_silent_opens_it() {
    assert!(opens(Answer::code(Code::Unavailable)).await);
    for code in [Code::ResourceExhausted, Code::Internal, Code::Unknown, Code::NotFound, Code::Cancelled] {
        assert!(!opens(Answer::code(code)).await, "{code:?}");
    }
    assert!(opens(Answer::code(Code::DeadlineExceeded)).await);
    assert!(!opens(Answer::Fine).await);
}

/// `count` calls at the same time, as slow callees have them.
async fn at_once(client: &Client, count: usize) {
    futures_util::future::join_all((0..count).map(|_| call(client, READ))).await;
}

#[tokio::test(start_paused = true)]
async fn silence_until_the_deadline_opens_it() {
    let stub = Stub::new(|_| Answer::Hangs);
    let (client, breaker) = client(&stub);
    at_once(&client, 19).await;
    assert_eq!(breaker.circuit().phase(), Phase::Closed);
    at_once(&client, 1).await;
    assert!(matches!(breaker.circuit().phase(), Phase::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_callee_is_not_blamed_for_time_it_never_had() {
    let stub = Stub::new(|_| Answer::Hangs);
    let (client, breaker) = client(&stub);
    let hurried = deadline::within(TIMEOUT / 3, at_once(&client, 40));
    hurried.await.expect_err("nothing answers");
    for _ in 0..40 {
        // A caller that gives up says nothing about the callee either.
        tokio::time::timeout(TIMEOUT / 2, call(&client, READ)).await.expect_err("nothing answers");
    }
    assert_eq!((stub.attempts(), breaker.circuit().phase()), (80, Phase::Closed));
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_answers_at_once_and_says_when_to_come_back() {
    let identity = measured();
    let stub = Stub::new(|attempt| if attempt <= 20 { Answer::code(Code::Unavailable) } else { Answer::Fine });
    let (client, _) = client(&stub);
    expect_metric(identity, "rpc_client_breaker_state{callee=\"demo\",state=\"closed\"} 1");
    at_once(&client, 20).await;
    let problem = Problem::from(&call(&client, READ).await.expect_err("open"));
    assert_eq!((problem.kind, stub.attempts()), (Kind::Unavailable, 20));
    let wait = problem.retry_after.expect("when to come back");
    expect_metric(identity, "rpc_client_breaker_state{callee=\"demo\",state=\"open\"} 1");
    expect_metric(identity, "rpc_client_breaker_state{callee=\"demo\",state=\"closed\"} 0");
    expect_metric(identity, "rpc_client_rejections_total{callee=\"demo\",reason=\"breaker_open\"} 1");
    tokio::time::sleep(wait + Duration::from_millis(1)).await;
    // Without a call.
    expect_metric(identity, "rpc_client_breaker_state{callee=\"demo\",state=\"half_open\"} 1");
    for _ in 0..3 {
        call(&client, READ).await.expect("a probe");
    }
    expect_metric(identity, "rpc_client_breaker_state{callee=\"demo\",state=\"closed\"} 1");
    for (state, times) in [("open", 1), ("half_open", 1), ("closed", 1)] {
        let series = format!("rpc_client_breaker_transitions_total{{callee=\"demo\",state=\"{state}\"}} {times}");
        expect_metric(identity, &series);
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_counts_and_a_refusal_is_not_repeated() {
    let stub = Stub::new(|_| Answer::code(Code::Unavailable));
    let layer = BreakerLayer::new("demo", &Settings::new("http://demo", TIMEOUT).expect("a URL"), Ports::default());
    let breaker = Arc::clone(&layer.0);
    let client = LimitLayer::new("demo", TIMEOUT, Ports::default().clock)
        .layer(RetryLayer::new("demo", 3, Ports::default()).layer(layer.layer(stub.clone())));
    for _ in 0..10 {
        call(&client, READ).await.expect_err("down");
    }
    assert!(matches!(breaker.circuit().phase(), Phase::Open { .. }), "ten calls were twenty attempts");
    assert_eq!(stub.attempts(), 20);
    call(&client, READ).await.expect_err("open");
    assert_eq!(stub.attempts(), 20);
}

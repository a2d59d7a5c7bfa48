//! What is repeated, when, and how often.

use tonic_types::ErrorDetails;

use tokio::time::Instant;

use super::*;
use crate::limit::{Limit, LimitLayer};
use crate::testing::{Answer, READ, Stub, WRITE, call, expect_metric, measured};
use chassis::deadline::MARGIN;

const TIMEOUT: Duration = Duration::from_secs(2);

fn client(stub: &Stub) -> Limit<Retry<Stub>> {
    let ports = Ports::default();
    let retry = RetryLayer::new("demo", 3, ports.clone());
    LimitLayer::new("demo", TIMEOUT, ports.clock).layer(retry.layer(stub.clone()))
}

fn with_retry_info(code: Code, delay: Duration) -> Answer {
    Answer::Fails(Status::with_error_details(code, "later", ErrorDetails::with_retry_info(Some(delay))))
}

fn with_pushback(code: Code, value: &'static str) -> Answer {
    let mut status = Status::new(code, "later");
    status.metadata_mut().insert(PUSHBACK, value.parse().expect("ascii"));
    Answer::Fails(status)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_be_repeated_survives_two_failures() {
    let identity = measured();
    let stub = Stub::new(|attempt| if attempt < 3 { Answer::code(Code::Unavailable) } else { Answer::Fine });
    call(&client(&stub), READ).await.expect("the third attempt");
    let previous: Vec<_> = stub
        .seen()
        .iter()
        .map(|(_, headers)| headers.get(PREVIOUS_ATTEMPTS).map(|value| value.as_bytes()[0]))
        .collect();
    assert_eq!(previous, [None, Some(b'1'), Some(b'2')]);
    expect_metric(identity, "rpc_client_retries_total{callee=\"demo\",outcome=\"repeated\"} 2");
    expect_metric(identity, "rpc_client_retries_total{callee=\"demo\",outcome=\"used_up\"} 0");
}

#[tokio::test(start_paused = true)]
async fn three_attempts_are_the_most() {
    let identity = measured();
    let stub = Stub::new(|_| Answer::code(Code::Unavailable));
    assert_eq!(call(&client(&stub), READ).await.expect_err("down").code(), Code::Unavailable);
    assert_eq!(stub.attempts(), 3);
    expect_metric(identity, "rpc_client_retries_total{callee=\"demo\",outcome=\"used_up\"} 1");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_repeated_is_sent_once() {
    let stub = Stub::new(|_| Answer::code(Code::Unavailable));
    call(&client(&stub), WRITE).await.expect_err("down");
    call(&client(&stub), "/nobody.v1.Knows/This").await.expect_err("down");
    assert_eq!(stub.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn other_failures_are_not_repeated() {
    let codes = [Code::Internal, Code::Unknown, Code::DeadlineExceeded, Code::Aborted, Code::NotFound];
    for code in codes.into_iter().chain([Code::ResourceExhausted]) {
        let stub = Stub::new(move |_| Answer::code(code));
        assert_eq!(call(&client(&stub), READ).await.expect_err("refused").code(), code);
        assert_eq!(stub.attempts(), 1, "{code:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_callee_says_when_to_come_back() {
    let delay = Duration::from_millis(700);
    for refusal in [
        with_retry_info(Code::ResourceExhausted, delay),
        with_retry_info(Code::Unavailable, delay),
        with_pushback(Code::ResourceExhausted, "700"),
        with_pushback(Code::Unavailable, "700"),
    ] {
        let stub = Stub::new(move |attempt| if attempt == 1 { refusal.clone() } else { Answer::Fine });
        call(&client(&stub), READ).await.expect("the second attempt");
        let seen = stub.seen();
        assert_eq!(seen[1].0 - seen[0].0, delay);
    }
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_wants_no_repetition_gets_none() {
    for value in ["-1", "soon"] {
        let stub = Stub::new(move |_| with_pushback(Code::Unavailable, value));
        call(&client(&stub), READ).await.expect_err("refused");
        assert_eq!(stub.attempts(), 1, "{value}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let identity = measured();
    let stub = Stub::new(|_| with_retry_info(Code::ResourceExhausted, TIMEOUT));
    let start = Instant::now();
    assert_eq!(call(&client(&stub), READ).await.expect_err("refused").code(), Code::ResourceExhausted);
    assert_eq!((start.elapsed(), stub.attempts()), (Duration::ZERO, 1));
    expect_metric(identity, "rpc_client_retries_total{callee=\"demo\",outcome=\"too_late\"} 1");
}

#[tokio::test(start_paused = true)]
async fn attempts_share_one_deadline() {
    let slow = || Answer::After(Duration::from_millis(1500), Box::new(Answer::code(Code::Unavailable)));
    let stub = Stub::new(move |_| slow());
    let start = Instant::now();
    assert_eq!(call(&client(&stub), READ).await.expect_err("too slow").code(), Code::DeadlineExceeded);
    assert_eq!((start.elapsed(), stub.attempts()), (TIMEOUT + MARGIN, 2));
}

#[tokio::test(start_paused = true)]
async fn an_outage_multiplies_the_load_by_hardly_more_than_one() {
    let identity = measured();
    let stub = Stub::new(|_| Answer::code(Code::Unavailable));
    let client = client(&stub);
    const CALLS: usize = 1000;
    for _ in 0..CALLS {
        call(&client, READ).await.expect_err("down");
    }
    let ratio = stub.attempts() as f64 / CALLS as f64;
    // One in ten calls, and the ten retries there are at the start.
    assert!(ratio > 1.05 && ratio <= 1.11, "{ratio}");
    let metrics = identity.render_metrics();
    assert!(!metrics.contains("outcome=\"over_budget\"} 0"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn what_we_refuse_ourselves_is_not_repeated() {
    let stub = Stub::new(|_| Answer::Fine);
    let refusing = Refusing(stub.clone());
    let client = LimitLayer::new("demo", TIMEOUT, Ports::default().clock)
        .layer(RetryLayer::new("demo", 3, Ports::default()).layer(refusing));
    call(&client, READ).await.expect_err("refused");
    assert_eq!(stub.attempts(), 1);
}

/// Counts in its stub and refuses as a layer of ours does.
#[derive(Clone)]
struct Refusing(Stub);

impl Service<Request<Bytes>> for Refusing {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Call;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> Call {
        drop(self.0.call(request));
        Box::pin(std::future::ready(Ok(refuse(Status::unavailable("open")))))
    }
}

#[test]
fn pauses_grow_vary_and_stay_bounded() {
    let (first, longest, random) = (Duration::from_millis(50), Duration::from_secs(1), Ports::default().random);
    for (attempt, bound) in [(1, first), (2, first * 2), (30, longest)] {
        let pauses: Vec<_> = (0..200).map(|_| PAUSES.wait(attempt, &*random)).collect();
        assert!(pauses.iter().all(|pause| *pause <= bound));
        assert!(pauses.iter().any(|pause| *pause > bound / 2) && pauses.iter().any(|pause| *pause < bound / 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_too_large_to_keep_is_refused() {
    let stub = Stub::new(|_| Answer::Fine);
    let body = http_body_util::Full::new(Bytes::from(vec![0; MAX_REQUEST + 1]));
    let request = Request::builder().uri(READ).body(Body::new(body)).expect("a request");
    let Ok(response) = client(&stub).oneshot(request).await;
    assert_eq!(response.headers()["grpc-status"], "11");
    assert_eq!(stub.attempts(), 0);
}

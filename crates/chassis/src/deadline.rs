//! How long a gRPC call may take: the shorter of what the caller allows and what this side allows,
//! told to the callee in `grpc-timeout` and answered with `DEADLINE_EXCEEDED` when it is over.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response};
use tonic::Status;
use tower::{Layer, Service};

const HEADER: &str = "grpc-timeout";

/// Bounds calls on either side of the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadlineLayer {
    limit: Duration,
}

impl DeadlineLayer {
    /// No call takes longer than `limit`.
    #[must_use]
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Deadline { inner, limit: self.limit }
    }
}

/// See [`DeadlineLayer`].
#[derive(Clone, Debug)]
pub struct Deadline<S> {
    inner: S,
    limit: Duration,
}

impl<S, B, R> Service<Request<B>> for Deadline<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    R: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let limit = parse(request.headers()).map_or(self.limit, |allowed| allowed.min(self.limit));
        if let Ok(value) = HeaderValue::from_str(&format!("{}m", limit.as_millis())) {
            request.headers_mut().insert(HEADER, value);
        }
        // Taken before the call begins and asked first: tonic's channel reads the same header, and its time-out, which
        // ends in CANCELLED, must not win.
        let end = tokio::time::Instant::now() + limit;
        let call = self.inner.call(request);
        Box::pin(async move {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(end) => Ok(Status::deadline_exceeded("the call took too long").into_http()),
                result = call => result,
            }
        })
    }
}

/// Reads `grpc-timeout`: at most eight digits and a unit.
fn parse(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(HEADER), HeaderValue::from_str(value).expect("ascii"))])
    }

    #[test]
    fn units_are_read() {
        assert_eq!(parse(&headers("2S")), Some(Duration::from_secs(2)));
        assert_eq!(parse(&headers("250m")), Some(Duration::from_millis(250)));
        assert_eq!(parse(&headers("1H")), Some(Duration::from_secs(3600)));
        for bad in ["", "S", "123456789S", "5x", "-1S"] {
            assert_eq!(parse(&headers(bad)), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_call_that_hangs_is_answered() {
        let hang = tower::service_fn(|_: Request<()>| std::future::pending::<Result<Response<String>, ()>>());
        let mut service = DeadlineLayer::new(Duration::from_secs(60)).layer(hang);
        let mut request = Request::new(());
        request.headers_mut().extend(headers("10m"));
        let response = service.call(request).await.expect("an answer");
        assert_eq!(response.headers()["grpc-status"], "4");
    }
}

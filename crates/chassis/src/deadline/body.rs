//! A gRPC response body that ends with `DEADLINE_EXCEEDED` when the time of the call is over.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use super::exceeded;

pin_project! {
    /// See the module. The end comes as trailers, not as an error: whoever counts or reads the call sees the code.
    pub struct TimedBody<B> {
        #[pin]
        inner: B,
        #[pin]
        sleep: Option<Sleep>,
        over: bool,
    }
}

impl<B> TimedBody<B> {
    /// `inner` until `end`; without one, as long as it takes.
    #[must_use]
    pub fn new(inner: B, end: Option<Instant>) -> Self {
        Self { inner, sleep: end.map(tokio::time::sleep_until), over: false }
    }
}

impl<B: Default> Default for TimedBody<B> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B: Body<Data = Bytes>> Body for TimedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if *this.over {
            return Poll::Ready(None);
        }
        // What has arrived is handed on, however late; nothing is waited for.
        if let Poll::Ready(frame) = this.inner.poll_frame(cx) {
            return Poll::Ready(frame);
        }
        match this.sleep.as_pin_mut().map(|sleep| sleep.poll(cx)) {
            Some(Poll::Ready(())) => {
                *this.over = true;
                let mut trailers = HeaderMap::new();
                // Fails only for details that cannot be a header, and there are none.
                let _ = exceeded().add_header(&mut trailers);
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            _ => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;

    use super::*;

    /// Never yields anything.
    struct Silent;

    impl Body for Silent {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_ends_with_the_code() {
        let start = Instant::now();
        let body = TimedBody::new(Silent, Some(start + Duration::from_secs(1)));
        let trailers = body.collect().await.expect("no error").trailers().cloned().expect("trailers");
        assert_eq!(trailers["grpc-status"], "4");
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }
}

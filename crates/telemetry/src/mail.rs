//! Spans of mails. A mail is the last step of what a request began, and people look for it there: its span continues
//! the trace of the event's cause, unlike the consumer span, which only links to it.

use std::future::Future;

use tracing::{Instrument, Span};

use crate::context::TraceContext;

/// The sending of one mail. All texts but the id must be bounded.
#[derive(Clone, Copy, Debug)]
pub struct MailSpan<'a> {
    /// What kind of mail it is.
    pub kind: &'static str,
    /// How it is sent: `smtp` or `file`.
    pub transport: &'static str,
    /// Its id.
    pub id: &'a str,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// What caused it.
    pub cause: Option<TraceContext>,
}

impl MailSpan<'_> {
    /// Runs `work` in a client span `send mail <kind>` below the cause, or in a trace of its own without one.
    /// `error_type` names a failure in a bounded way.
    pub async fn observe<T, F>(&self, error_type: fn(&T) -> Option<&'static str>, work: F) -> T
    where
        F: Future<Output = T>,
    {
        let mut context = self.cause.map_or_else(TraceContext::root, TraceContext::child);
        let mut span = Span::none();
        if context.sampled {
            span = context.scope(|| self.span());
            context = crate::trace::set_parent(&span, self.cause).unwrap_or(context);
        }
        let outcome = context.attach(work.instrument(span.clone())).await;
        if let Some(error) = error_type(&outcome) {
            span.record("error.type", error);
            span.record("otel.status_code", "ERROR");
        }
        outcome
    }

    fn span(&self) -> Span {
        tracing::info_span!(
            parent: None,
            "mail.send",
            otel.name = format!("send mail {}", self.kind),
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            mail.kind = self.kind,
            mail.transport = self.transport,
            mail.id = self.id,
            mail.attempt = self.attempt,
            error.type = tracing::field::Empty,
        )
    }
}

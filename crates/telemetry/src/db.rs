//! Span and duration of a database operation, named by a summary given in code.

use std::future::Future;
use std::time::Instant;

use metrics::Label;
use tracing::Instrument;

use crate::context::TraceContext;

/// The database behind a pool, for attributes and labels.
#[derive(Clone, Debug)]
pub struct Database {
    /// `db.system.name`: `sqlite` or `postgresql`.
    pub system: &'static str,
    /// `db.namespace`: name of the database.
    pub namespace: String,
}

impl Database {
    /// Runs `operation` in a client span named `summary` (at most 255 characters, such as `SELECT users`) and
    /// measures it. `error_type` names a failure in a bounded way; the error itself is handed on untouched.
    ///
    /// # Errors
    /// Those of `operation`.
    pub async fn observe<T, E, F>(
        &self,
        summary: &'static str,
        error_type: fn(&E) -> Option<&'static str>,
        operation: F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let start = Instant::now();
        let span = match TraceContext::current() {
            Some(context) if context.sampled => self.span(summary),
            _ => tracing::Span::none(),
        };
        let result = operation.instrument(span.clone()).await;
        let error = result.as_ref().err().and_then(error_type);
        if let Some(error) = error {
            span.record("error.type", error);
            span.record("otel.status_code", "ERROR");
        }
        let mut labels = vec![
            Label::from_static_parts("db_system_name", self.system),
            Label::from_static_parts("db_query_summary", summary),
        ];
        if let Some(error) = error {
            labels.push(Label::from_static_parts("error_type", error));
        }
        metrics::histogram!("db_client_operation_duration_seconds", labels).record(start.elapsed().as_secs_f64());
        result
    }

    fn span(&self, summary: &'static str) -> tracing::Span {
        tracing::info_span!(
            "db.client",
            otel.name = summary,
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            db.system.name = self.system,
            db.namespace = self.namespace,
            db.query.summary = summary,
            error.type = tracing::field::Empty,
        )
    }
}

//! One request of a user: send it under its route's name, then check status, JSON shape and content of the answer.

use goose::metrics::GooseRequestMetric;
use goose::prelude::{GooseRequest, GooseUser, TransactionError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::routes::Route;
use crate::progress;

/// What a step of a journey fails with; goose has counted the failed request by then.
pub(crate) type StepError = Box<TransactionError>;

/// What a check finds wrong with a well-formed answer; short and without ids, because reports group by it.
pub(crate) type Finding = Result<(), &'static str>;

/// A request that is being put together.
pub(crate) struct Call<'a> {
    route: Route,
    path: String,
    token: Option<&'a str>,
    body: Option<Value>,
}

impl<'a> Call<'a> {
    /// A request to a route without parameters.
    pub(crate) fn to(route: Route) -> Self {
        Self { route, path: route.template.to_owned(), token: None, body: None }
    }

    /// Send it to this path, which is the template with its parameters filled in, and a query if there is one.
    pub(crate) fn at(mut self, path: String) -> Self {
        self.path = path;
        self
    }

    /// Add the access token.
    pub(crate) fn bearer(mut self, token: &'a str) -> Self {
        self.token = Some(token);
        self
    }

    /// Add a JSON body.
    pub(crate) fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Send it and read an answer of shape `T` that passes `check`.
    pub(crate) async fn read<T: DeserializeOwned>(
        self,
        user: &mut GooseUser,
        check: impl FnOnce(&T) -> Finding,
    ) -> Result<T, StepError> {
        let (metric, body) = self.send(user).await?;
        let answer = match serde_json::from_slice::<T>(&body) {
            Ok(answer) => answer,
            Err(error) => return Err(fail(user, metric, &shape_problem(&error))),
        };
        match check(&answer) {
            Ok(()) => Ok(answer),
            Err(finding) => Err(fail(user, metric, finding)),
        }
    }

    /// Send it and expect an answer without a body.
    pub(crate) async fn finish(self, user: &mut GooseUser) -> Result<(), StepError> {
        let (metric, body) = self.send(user).await?;
        if body.is_empty() { Ok(()) } else { Err(fail(user, metric, "the answer should have no body")) }
    }

    /// Send it and take the body of an answer that has the route's status.
    async fn send(self, user: &mut GooseUser) -> Result<(GooseRequestMetric, Vec<u8>), StepError> {
        let mut builder = user.get_request_builder(&self.route.method, &self.path)?;
        if let Some(token) = self.token {
            builder = builder.bearer_auth(token);
        }
        if let Some(body) = &self.body {
            builder = builder.json(body);
        }
        let request = GooseRequest::builder()
            .method(self.route.method)
            .path(self.path.as_str())
            .name(self.route.template)
            .expect_status_code(self.route.status)
            .set_request_builder(builder)
            .build();
        let answer = user.request(request).await?;
        progress::count_request();
        let metric = answer.request;
        let Ok(response) = answer.response else { return Err(failed(metric)) };
        if !metric.success {
            return Err(failed(metric));
        }
        match response.bytes().await {
            Ok(body) => Ok((metric, body.to_vec())),
            Err(_) => Err(fail(user, metric, "the body broke off")),
        }
    }
}

/// Path and query of a request, with the values encoded.
pub(crate) fn with_query<V: AsRef<str>>(path: &str, pairs: &[(&str, V)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}

/// What is wrong with the shape, without the position, so that reports can group it.
fn shape_problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    format!("not the documented JSON: {what}")
}

/// Count an answered request as failed.
fn fail(user: &mut GooseUser, mut metric: GooseRequestMetric, problem: &str) -> StepError {
    // Its result is always an error: the one below, or that the run is over and nobody counts any more.
    let _ = user.set_failure(problem, &mut metric, None, None);
    failed(metric)
}

/// The error of a request that goose has already counted as failed.
fn failed(metric: GooseRequestMetric) -> StepError {
    progress::count_failure();
    Box::new(TransactionError::RequestFailed { raw_request: Box::new(metric) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_into_the_query() {
        let path = with_query("/v1/products", &[("q", "tea & co"), ("sort", "-price")]);
        assert_eq!(path, "/v1/products?q=tea+%26+co&sort=-price");
    }

    #[test]
    fn a_shape_problem_names_the_field_but_not_the_position() {
        #[derive(Debug, serde::Deserialize)]
        struct Shape {
            #[expect(dead_code, reason = "only its absence matters")]
            id: String,
        }
        let error = serde_json::from_slice::<Shape>(b"{}").unwrap_err();
        assert_eq!(shape_problem(&error), "not the documented JSON: missing field `id`");
    }
}

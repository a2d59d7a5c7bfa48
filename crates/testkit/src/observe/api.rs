//! Questions to a Prometheus over its HTTP API.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use crate::client::Client;

/// One series of an answer: its labels, the name as `__name__` among them.
pub type Labels = BTreeMap<String, String>;

/// A series with its samples.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its labels; the name is `__name__`.
    pub labels: Labels,
    /// Time in seconds since 1970, and value.
    pub samples: Vec<(f64, f64)>,
}

impl Series {
    /// A label; empty if it is not there.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// From when to when to look, in seconds since 1970, and at what distance.
#[derive(Clone, Copy, Debug)]
pub struct TimeRange {
    /// The first moment.
    pub from: f64,
    /// The last moment.
    pub to: f64,
    /// Seconds between two.
    pub step: u32,
}

/// A Prometheus somewhere.
#[derive(Clone)]
pub struct Prometheus {
    client: Client,
}

impl Prometheus {
    /// The one at `address`.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self { client: Client::new(address) }
    }

    /// What a query has for an answer now. A scalar is one series without labels.
    ///
    /// # Errors
    /// Why it has none: the words of Prometheus, or that it does not answer.
    pub async fn query(&self, query: &str) -> Result<Vec<Series>, String> {
        let data = self.get("/api/v1/query", &[("query", query)]).await?;
        Ok(series(&data))
    }

    /// What a query has for an answer over a range.
    ///
    /// # Errors
    /// Why it has none.
    pub async fn query_range(&self, query: &str, range: TimeRange) -> Result<Vec<Series>, String> {
        let (from, to, step) = (range.from.to_string(), range.to.to_string(), range.step.to_string());
        let parameters = [("query", query), ("start", &from), ("end", &to), ("step", &step)];
        Ok(series(&self.get("/api/v1/query_range", &parameters).await?))
    }

    /// The `data` of any other answer, such as that of `/api/v1/rules`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(parameters);
        let path = format!("{path}?{}", encoded.finish());
        let answer = self.client.try_get(&path).await.map_err(|error| error.reason)?;
        let mut body = answer.json();
        if body["status"] == "success" {
            return Ok(body["data"].take());
        }
        Err(body["error"].as_str().map_or_else(|| format!("{}: {}", answer.status, answer.text()), str::to_owned))
    }
}

fn series(data: &Value) -> Vec<Series> {
    if data["resultType"] == "scalar" {
        return vec![Series { labels: Labels::new(), samples: sample(&data["result"]).into_iter().collect() }];
    }
    let one = |entry: &Value| {
        let labels = entry["metric"].as_object().into_iter().flatten();
        let labels = labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        let many = entry["values"].as_array().into_iter().flatten();
        let samples = many.chain(entry.get("value")).filter_map(sample).collect();
        Series { labels, samples }
    };
    data["result"].as_array().into_iter().flatten().map(one).collect()
}

fn sample(pair: &Value) -> Option<(f64, f64)> {
    Some((pair[0].as_f64()?, pair[1].as_str()?.parse().ok()?))
}

//! The other end of Alertmanager's webhooks: keeps what comes, tells it line by line, and notices when the Watchdog,
//! which always comes, does not. It also serves the runbooks, so that the link in each alert opens its page.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use backends::BackendError;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How many are kept.
const KEPT: usize = 10_000;

/// The path of the Watchdog's webhook.
const WATCHDOG: &str = "watchdog";

/// One alert of one delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// When it came, RFC 3339.
    pub at: String,
    /// Which receiver it was for: the last part of the webhook's path.
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The labels it was grouped by.
    pub group: BTreeMap<String, String>,
}

impl Delivery {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.labels.get("alertname").map_or("", String::as_str)
    }

    /// Time, receiver, status, alert, service, summary, runbook.
    #[must_use]
    pub fn line(&self) -> String {
        let of = |map: &BTreeMap<String, String>, key: &str| map.get(key).cloned().unwrap_or_else(|| "-".to_owned());
        let (service, summary) = (of(&self.labels, "service"), of(&self.annotations, "summary"));
        let runbook = of(&self.annotations, "runbook_url");
        format!("{}  {:<8} {:<8} {}  {service}  {summary}  {runbook}", self.at, self.receiver, self.status, self.name())
    }
}

/// A webhook receiver on loopback. Dropping it ends it.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Inner>,
    tasks: [JoinHandle<()>; 2],
}

type Say = Box<dyn Fn(&str) + Send + Sync>;

struct Inner {
    say: Say,
    patience: Duration,
    seen: Mutex<Seen>,
}

struct Seen {
    deliveries: Vec<Delivery>,
    watchdog: Instant,
    silent: bool,
}

impl Receiver {
    /// Listens on a port of loopback, 0 for any. A Watchdog that is missing for longer than `patience` is told, as is
    /// its return, and every other alert that comes.
    ///
    /// # Errors
    /// If the port is taken.
    pub async fn start(
        port: u16,
        patience: Duration,
        say: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self, BackendError> {
        let taken = |source| BackendError::System { what: format!("cannot listen on port {port} for alerts"), source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let seen = Mutex::new(Seen { deliveries: Vec::new(), watchdog: Instant::now(), silent: false });
        let state = Arc::new(Inner { say: Box::new(say), patience, seen });
        let router = Router::new().route("/{receiver}", post(accept)).route("/runbooks/{page}", get(runbook));
        let router = router.with_state(Arc::clone(&state));
        let serve = tokio::spawn(async move {
            // It ends with this task only.
            let _ = axum::serve(listener, router).await;
        });
        let watch = tokio::spawn(watch(Arc::clone(&state)));
        Ok(Self { address, state, tasks: [serve, watch] })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that came, the Watchdog too, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.seen().deliveries.clone()
    }

    /// Whether the Watchdog is missing.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.state.seen().silent
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Inner {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, delivery: Delivery) {
        let mut seen = self.seen();
        if delivery.receiver == WATCHDOG {
            seen.watchdog = Instant::now();
            if std::mem::take(&mut seen.silent) {
                (self.say)(&format!("{}  the Watchdog is back", delivery.at));
            }
        } else {
            (self.say)(&delivery.line());
        }
        if seen.deliveries.len() == KEPT {
            seen.deliveries.remove(0);
        }
        seen.deliveries.push(delivery);
    }

    fn look(&self) {
        let mut seen = self.seen();
        if !seen.silent && seen.watchdog.elapsed() > self.patience {
            seen.silent = true;
            let missing = "no Watchdog for";
            let advice = "alerts do not arrive; look at Prometheus and Alertmanager";
            (self.say)(&format!("{}  {missing} {:?}: {advice}", now(), self.patience));
        }
    }
}

async fn watch(state: Arc<Inner>) {
    let mut timer = tokio::time::interval(Duration::from_millis(100));
    loop {
        timer.tick().await;
        state.look();
    }
}

async fn accept(State(state): State<Arc<Inner>>, Path(receiver): Path<String>, Json(body): Json<Value>) -> StatusCode {
    let Some(alerts) = body["alerts"].as_array() else { return StatusCode::BAD_REQUEST };
    for alert in alerts {
        state.take(Delivery {
            at: now(),
            receiver: receiver.clone(),
            status: alert["status"].as_str().unwrap_or_default().to_owned(),
            labels: texts(&alert["labels"]),
            annotations: texts(&alert["annotations"]),
            group: texts(&body["groupLabels"]),
        });
    }
    StatusCode::OK
}

/// The page of an alert as text; its name has letters only, so it leads to no other folder.
async fn runbook(Path(page): Path<String>) -> Result<impl IntoResponse, StatusCode> {
    let name = page.strip_suffix(".md").filter(|name| name.chars().all(|c| c.is_ascii_alphabetic()));
    let folder = path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks");
    let text = std::fs::read_to_string(folder.join(format!("{}.md", name.ok_or(StatusCode::NOT_FOUND)?)));
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.map_err(|_| StatusCode::NOT_FOUND)?))
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    value.as_object().into_iter().flatten().filter_map(text).collect()
}

fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

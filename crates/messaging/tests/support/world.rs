//! What the contract is asked of: a broker, a service with telemetry and a database around it, handlers that record.

use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
pub use backends::eventually;
use messaging::{Broker, DeadLetter, Envelope, Failure, Handler, Inbox, Ladder, Outbox, Subscription, schema};
use serde_json::json;
use stores::db::{Db, Migrations};
use stores::settings::Database;
use telemetry::testing::Collector;
use telemetry::{Identity, LogFormat, LogOutput, ServiceSettings};
use tempfile::TempDir;

/// Longest time a condition may take to come true.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Puts raw bytes into a queue: queue, message id, body.
pub type Inject =
    Box<dyn Fn(String, Option<&'static str>, Vec<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A broker under test.
pub struct World {
    pub broker: Arc<dyn Broker>,
    pub inject: Inject,
    pub collector: Arc<Collector>,
}

/// Runs `work` inside a service whose every trace is recorded.
pub fn in_service<F>(name: &str, work: impl FnOnce(Arc<Collector>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let _guard = telemetry::install(LogFormat::Json, &LogOutput::Off).unwrap();
    show_panics();
    let outside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let collector = Arc::new(outside.block_on(Collector::start()).unwrap());
    let identity: Arc<OnceLock<Identity>> = Arc::default();
    let known = Arc::clone(&identity);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(4).enable_all().on_thread_start(move || known.wait().enter_thread()).build();
    let runtime = runtime.unwrap();
    let settings = ServiceSettings {
        name: name.to_owned(),
        version: "1".to_owned(),
        instance: name.to_owned(),
        environment: "test".to_owned(),
        log_level: "info".to_owned(),
        sampling_ratio: 1.0,
        otlp_endpoint: collector.endpoint(),
        tap: None,
    };
    let registered = {
        let _inside = runtime.enter();
        telemetry::register(&settings).unwrap()
    };
    identity.set(registered.identity()).unwrap();
    let outcome = runtime.block_on(runtime.spawn(work(collector)));
    runtime.shutdown_background();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic.into_panic());
    }
}

/// Telemetry turns the panics of services into log lines; a failing test has to say where it failed.
fn show_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let inner = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = writeln!(std::io::stderr(), "{panic}");
            inner(panic);
        }));
    });
}

/// A database with outbox, inbox and a table of effects.
pub struct Store {
    pub db: Db,
    pub outbox: Outbox,
    pub inbox: Inbox,
    _folder: Option<TempDir>,
}

pub const MIGRATIONS: Migrations = Migrations {
    sqlite: &[
        ("0001_outbox.sql", schema::OUTBOX_SQLITE),
        ("0002_inbox.sql", schema::INBOX_SQLITE),
        ("0003_effects.sql", "CREATE TABLE effects (event BLOB NOT NULL)"),
    ],
    postgres: &[
        ("0001_outbox.sql", schema::OUTBOX_POSTGRES),
        ("0002_inbox.sql", schema::INBOX_POSTGRES),
        ("0003_effects.sql", "CREATE TABLE effects (event uuid NOT NULL)"),
    ],
};

impl Store {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self { _folder: Some(folder), ..Self::open(&url).await }
    }

    pub async fn open(url: &str) -> Self {
        let settings = Database::new(url).expect("a URL");
        let db = Db::open("test", &settings, MIGRATIONS).await.unwrap();
        Self { outbox: Outbox::new(db.clone()), inbox: Inbox::new(db.clone()), db, _folder: None }
    }

    pub async fn append(&self, event: &Envelope) {
        let mut tx = self.db.begin().await.unwrap();
        self.outbox.append(&mut tx, event).await.unwrap();
        self.outbox.commit(tx).await.unwrap();
    }
}

/// An event of `kind` about `key`, with a number to tell it by.
pub fn event(kind: &str, key: &str, number: u64) -> Envelope {
    Envelope::new(kind, 1, key, json!({ "number": number })).unwrap()
}

pub fn number(event: &Envelope) -> u64 {
    event.payload()["number"].as_u64().unwrap()
}

/// A subscription with a short ladder.
pub fn subscription(context: &str, consumer: &str, types: &[&str]) -> Subscription {
    let types: Vec<_> = types.iter().map(|kind| (*kind, 1)).collect();
    let mut subscription = Subscription::new(context, consumer, &types).unwrap();
    subscription.ladder = Ladder::new([60, 180].map(Duration::from_millis).to_vec()).unwrap();
    subscription
}

type Answer = Box<dyn Fn(&Envelope, usize) -> Result<(), Failure> + Send + Sync>;

/// Records what it is given, then answers as told; the answer knows how often the event has come.
pub struct RecordingHandler {
    seen: Mutex<Vec<(Envelope, Instant)>>,
    answer: Answer,
}

impl RecordingHandler {
    pub fn new(answer: impl Fn(&Envelope, usize) -> Result<(), Failure> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { seen: Mutex::default(), answer: Box::new(answer) })
    }

    pub fn accepting() -> Arc<Self> {
        Self::new(|_, _| Ok(()))
    }

    pub fn all(&self) -> Vec<Envelope> {
        self.seen.lock().unwrap().iter().map(|(event, _)| event.clone()).collect()
    }

    pub fn times(&self) -> Vec<Instant> {
        self.seen.lock().unwrap().iter().map(|(_, time)| *time).collect()
    }

    /// Waits until `count` deliveries have been noted.
    pub async fn at_least(&self, count: usize) -> Vec<Envelope> {
        eventually(&format!("{count} deliveries"), || async { Some(self.all()).filter(|all| all.len() >= count) }).await
    }
}

#[async_trait]
impl Handler for RecordingHandler {
    async fn handle(&self, event: &Envelope) -> Result<(), Failure> {
        let times = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((event.clone(), Instant::now()));
            seen.iter().filter(|(other, _)| other.id() == event.id()).count()
        };
        (self.answer)(event, times)
    }
}

/// Never finishes an event, but tells that one has come.
#[derive(Default)]
pub struct HangingHandler(pub tokio::sync::Notify);

#[async_trait]
impl Handler for HangingHandler {
    async fn handle(&self, _: &Envelope) -> Result<(), Failure> {
        self.0.notify_one();
        std::future::pending().await
    }
}

impl World {
    /// Waits for the dead letter of a queue.
    pub async fn dead_letter(&self, queue: &str) -> DeadLetter {
        let letters = self.broker.dead_letters();
        eventually("a dead letter", || async {
            letters.list(1_000).await.unwrap().into_iter().find(|letter| letter.queue == queue)
        })
        .await
    }

    /// Publishes events and demands that the broker takes them.
    pub async fn publish(&self, context: &str, events: &[Envelope]) {
        for outcome in self.broker.publisher(context).unwrap().publish(events).await {
            outcome.unwrap();
        }
    }
}

//! The service on a broker, a database and a folder of its own, and what the tests ask of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use backends::eventually;
use chassis::config::Layers;
use chassis::{HostOptions, Running, StartError, start};
use messaging::{Broker, DeadLetter, Envelope, InProcess};
use notification::SPEC;
use serde_json::{Value, json};
use sqlx::Connection;
use telemetry::exposition::Exposition;
use telemetry::{LogRecord, SpanRecord, Tap};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

/// A running service. It can be stopped and started again on the same broker, database and folder.
pub struct Service {
    pub broker: InProcess,
    pub records: Arc<Records>,
    url: String,
    folder: TempDir,
    more: String,
    running: Option<Running>,
}

impl Service {
    /// Starts it with more configuration, in TOML.
    pub async fn start(more: &str) -> Self {
        let mut service = Self::prepare(more);
        service.running = Some(service.try_start("").await.unwrap());
        service
    }

    /// Everything but the service.
    pub fn prepare(more: &str) -> Self {
        install_telemetry();
        let name = Uuid::new_v4().to_string();
        let url = format!("in-process:{name}");
        Self {
            broker: InProcess::named(&name),
            records: Arc::default(),
            url,
            folder: tempfile::tempdir().unwrap(),
            more: more.to_owned(),
            running: None,
        }
    }

    /// Starts the service with still more configuration.
    pub async fn try_start(&self, more: &str) -> Result<Running, StartError> {
        let overrides = format!(
            r#"
            admin.address = "127.0.0.1:0"
            broker.url = "{}"
            consumer.retry_ms = [20, 50, 100]
            database.url = "sqlite:{}"
            mail.folder = "{}"
            mail.poll_ms = 20
            mail.retry_first_ms = 20
            runtime.worker_threads = 2
            "#,
            self.url,
            self.database().display(),
            self.folder().display(),
        );
        let mut layers = Layers::new(SPEC.name, SPEC.defaults).unwrap();
        for text in [overrides.as_str(), &self.more, more] {
            layers = layers.table("test", text.parse().unwrap()).unwrap();
        }
        let tap: Arc<dyn Tap> = self.records.clone();
        start(&SPEC, &layers, HostOptions { tap: Some(tap), ..HostOptions::default() }).await
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("notification.db")
    }

    /// Where mails are written to.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Stops it in order; answers whether it drained.
    pub async fn stop(&mut self) -> bool {
        self.running.take().unwrap().stop().await
    }

    /// Ends it without a word, as a kill does.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Starts it again with still more configuration.
    pub async fn restart(&mut self, more: &str) {
        self.running = Some(self.try_start(more).await.unwrap());
    }

    pub async fn publish(&self, events: &[&Envelope]) {
        for event in events {
            let context = event.kind().split('.').next().unwrap();
            let outcomes = self.broker.publisher(context).unwrap().publish(&[(*event).clone()]).await;
            assert_eq!(outcomes, [Ok(())]);
        }
    }

    /// The mails in the folder, by event id.
    pub fn files(&self) -> BTreeMap<Uuid, String> {
        let files = std::fs::read_dir(self.folder()).unwrap().map(|file| file.unwrap().path());
        let mails = files.filter(|path| path.extension().is_some_and(|ending| ending == "eml"));
        mails
            .map(|path| {
                let id = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
                (id, std::fs::read_to_string(&path).unwrap())
            })
            .collect()
    }

    /// Waits for the mail of an event.
    pub async fn mail(&self, event: &Envelope) -> String {
        eventually("a mail", || async { self.files().remove(&event.id()) }).await
    }

    /// A connection to the database past the service.
    async fn connection(&self) -> sqlx::SqliteConnection {
        sqlx::SqliteConnection::connect(&format!("sqlite:{}", self.database().display())).await.unwrap()
    }

    /// Rows of the store: kind, state, attempts and last error by event id.
    pub async fn rows(&self) -> BTreeMap<Uuid, (String, String, i64, Option<String>)> {
        let mut conn = self.connection().await;
        let select = sqlx::query_as("SELECT id, kind, state, attempts, last_error FROM mails");
        let rows: Vec<(Uuid, String, String, i64, Option<String>)> = select.fetch_all(&mut conn).await.unwrap();
        rows.into_iter().map(|(id, kind, state, attempts, error)| (id, (kind, state, attempts, error))).collect()
    }

    /// State, address and name of a recipient.
    pub async fn recipient(&self, user: Uuid) -> (String, Option<String>, Option<String>) {
        let mut conn = self.connection().await;
        let select = sqlx::query_as("SELECT state, email, name FROM recipients WHERE user_id = $1").bind(user);
        select.fetch_one(&mut conn).await.unwrap()
    }

    /// Runs a statement on the database past the service.
    pub async fn sql(&self, statement: &'static str) {
        sqlx::query(statement).execute(&mut self.connection().await).await.unwrap();
    }

    /// Waits until the mail of an event is in that state, and answers attempts and last error.
    pub async fn state(&self, event: &Envelope, wanted: &str) -> (i64, Option<String>) {
        eventually(&format!("a mail that is {wanted}"), || async {
            match self.rows().await.remove(&event.id()) {
                Some((_, state, attempts, error)) if state == wanted => Ok((attempts, error)),
                other => Err(other),
            }
        })
        .await
    }

    /// Waits until that many deliveries of a queue ended so.
    pub async fn settled(&self, queue: &str, outcome: &str, count: f64) {
        let labels = [("messaging_destination_name", queue), ("outcome", outcome)];
        eventually(&format!("{count} deliveries {outcome}"), || async {
            let found = self.metric("messaging_settled_messages_total", &labels);
            if found >= count { Ok(()) } else { Err(found) }
        })
        .await;
    }

    /// Sum of the samples of `name` whose labels include all of `labels`.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        Exposition::parse(&self.running().metrics()).unwrap().sum(name, labels)
    }

    /// Waits for the dead letter of an event.
    pub async fn dead(&self, id: &str) -> DeadLetter {
        let letters = self.broker.dead_letters();
        eventually("a dead letter", || async {
            letters.list(1_000).await.unwrap().into_iter().find(|letter| letter.id.starts_with(id))
        })
        .await
    }

    /// What a path of the admin port answers: status and body.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        get(self.running().address("admin").unwrap(), path).await
    }
}

/// What a path answers over HTTP: status and body.
pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// Keeps spans and log lines of recorded traces.
#[derive(Debug, Default)]
pub struct Records {
    pub spans: Mutex<Vec<SpanRecord>>,
    pub lines: Mutex<Vec<LogRecord>>,
}

impl Tap for Records {
    fn spans(&self, spans: Vec<SpanRecord>) {
        self.spans.lock().unwrap().extend(spans);
    }

    fn log(&self, line: LogRecord) {
        self.lines.lock().unwrap().push(line);
    }
}

/// Metrics need the process-wide recorder. It comes with a hook that turns panics into log lines; a failing test has to
/// say where it failed.
fn install_telemetry() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let _guard = telemetry::install(telemetry::LogFormat::Json, &telemetry::LogOutput::Off).unwrap();
        let inner = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = writeln!(std::io::stderr(), "{panic}");
            inner(panic);
        }));
    });
}

/// An event about a user.
pub fn about(kind: &str, user: Uuid, mut payload: Value) -> Envelope {
    payload["user_id"] = json!(user);
    Envelope::new(kind, 1, &user.to_string(), payload).unwrap()
}

pub fn registered(user: Uuid) -> Envelope {
    let payload = json!({
        "email": format!("{user}@example.com"), "name": "Ada Lovelace", "role": "user",
        "registered_at": "2026-01-02T03:04:05Z", "a_field_of_tomorrow": [1],
    });
    about("user.registered", user, payload)
}

pub fn deleted(user: Uuid) -> Envelope {
    about("user.deleted", user, json!({ "deleted_at": "2026-01-02T03:04:05Z" }))
}

pub fn role_changed(user: Uuid) -> Envelope {
    let payload = json!({
        "old_role": "user", "new_role": "admin", "changed_by": null, "changed_at": "2026-01-02T03:04:05Z",
    });
    about("user.role_changed", user, payload)
}

pub fn token_reused(user: Uuid) -> Envelope {
    let payload = json!({ "session_id": Uuid::new_v4(), "detected_at": "2026-01-02T03:04:05Z" });
    about("auth.refresh_token_reused", user, payload)
}

pub fn product(kind: &str) -> Envelope {
    let id = Uuid::new_v4();
    let payload = json!({
        "product_id": id, "sku": "SB-05", "name": "Steel <bottle>", "price_minor": 1250, "currency": "EUR",
        "version": 1, "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
        "deleted_at": "2026-01-02T03:04:05Z",
    });
    Envelope::new(kind, 1, &id.to_string(), payload).unwrap()
}

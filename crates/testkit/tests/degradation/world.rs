//! The one set of processes for all cells, with what cells ask of it: as users, as operators, and as fate.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backends::{BackendError, free_port};
use http::Method;
use serde_json::{Value, json};
use telemetry::exposition::Exposition;
use testkit::{Answer, Client, ProcessOptions, Processes, SERVICES, eventually_within};
use topology::Topology;

/// Longest time for an answer: the gateway's `http.timeout_ms` below, and something for a busy machine.
pub(crate) const IN_TIME: Duration = Duration::from_secs(6);

/// Longest time an admin port may take; one readiness check may take 2 s.
const ADMIN: Duration = Duration::from_secs(4);

/// Longest time for everything to be well again.
pub(crate) const RECOVERY: Duration = Duration::from_secs(60);

/// Requests an address may make at once; each further second brings one.
pub(crate) const BURST: usize = 40;

const PASSWORD: &str = "correct horse battery";

/// Short times for whatever a service has, so that a cell takes seconds.
const OF_THE_DATABASE: [(&str, &str); 1] = [("DATABASE_ACQUIRE_TIMEOUT_MS", "500")];
const OF_THE_BROKER: [(&str, &str); 2] = [("BROKER_CONNECT_TIMEOUT_MS", "1000"), ("BROKER_CONFIRM_TIMEOUT_MS", "1000")];
const OF_A_CALLEE: [(&str, &str); 2] = [("TIMEOUT_MS", "1000"), ("BREAKER_OPEN_MS", "500")];

/// And others, which prevail.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("gateway", "HTTP_TIMEOUT_MS", "4000"),
    ("gateway", "AUTH_TIMEOUT_MS", "3000"),
    ("gateway", "USER_TIMEOUT_MS", "1500"),
    ("gateway", "PRODUCT_BREAKER_OPEN_MS", "1000"),
    // The test says which client a request comes from, and every request but those of one cell comes from another.
    ("gateway", "RATE_LIMIT_TRUSTED_PROXIES", "1"),
    ("gateway", "RATE_LIMIT_PER_SECOND", "1"),
    ("gateway", "RATE_LIMIT_BURST", "40"),
    ("auth", "PASSWORD_MEMORY_KIB", "64"),
    ("auth", "PASSWORD_ITERATIONS", "1"),
    ("product", "CACHE_TTL_S", "1"),
    ("product", "CACHE_LIST_TTL_S", "1"),
    ("product", "CACHE_LOAD_TIMEOUT_MS", "600"),
    // As long altogether as an outage here may last, without long steps.
    ("notification", "CONSUMER_RETRY_MS", "1000,4000,5000,6000,7000,8000,9000"),
    // A mail whose sender lost the database in the moment it claimed it is sent when the claim ends.
    ("notification", "MAIL_ATTEMPT_TIMEOUT_MS", "2000"),
    ("notification", "MAIL_LEASE_S", "5"),
    ("notification", "MAIL_RETRY_FIRST_MS", "200"),
    ("notification", "MAIL_RETRY_MAX_S", "1"),
];

/// Somebody with an account and a session.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// What the admin port of a service says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// It welcomes requests; these checks fail and decide nothing.
    Ready(Vec<String>),
    /// It does not, because of these checks.
    Unready(Vec<String>),
    /// It does not answer.
    Silent,
}

/// See the module.
pub(crate) struct World {
    pub(crate) processes: Arc<Processes>,
    /// Where spans are sent to; nobody listens there but in the cells of the collector.
    pub(crate) collector: SocketAddr,
    gateway: Client,
    addresses: AtomicU32,
    products: Vec<String>,
    used: AtomicUsize,
    /// Everybody who was told that they are registered.
    registered: Mutex<Vec<String>>,
}

/// Every service but one.
pub(crate) fn all_but(name: &str) -> Vec<&'static str> {
    SERVICES.into_iter().filter(|service| *service != name).collect()
}

/// What each service is told at start.
fn variables(collector: SocketAddr) -> Vec<(&'static str, String, String)> {
    let mut all = Vec::new();
    for service in SERVICES {
        let known = Topology::ours().service(service).unwrap();
        let mut tell = |key: String, value: &str| all.push((service, key, value.to_owned()));
        tell("TELEMETRY_OTLP_ENDPOINT".to_owned(), &format!("http://{collector}"));
        let database = OF_THE_DATABASE.iter().filter(|_| known.has_database());
        let broker = OF_THE_BROKER.iter().filter(|_| known.has_broker());
        database.chain(broker).for_each(|(key, value)| tell((*key).to_owned(), value));
        for callee in Topology::ours().callees(known) {
            let section = callee.module().to_uppercase();
            OF_A_CALLEE.iter().for_each(|(key, value)| tell(format!("{section}_{key}"), value));
        }
        let ours = SETTINGS.iter().filter(|(name, ..)| *name == service);
        ours.for_each(|(_, key, value)| tell((*key).to_owned(), value));
    }
    all
}

impl World {
    pub(crate) async fn start() -> Arc<Self> {
        let collector = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let options = ProcessOptions { variables: variables(collector), ..ProcessOptions::default() };
        let processes = tokio::task::spawn_blocking(move || Processes::start(&options, |_| {}).unwrap()).await.unwrap();
        let gateway = Client::new(processes.service("gateway").address().unwrap());
        let page = gateway.get("/v1/products?limit=100").await.expect(200).json();
        let ids = page["items"].as_array().unwrap().iter().map(|product| product["id"].as_str().unwrap().to_owned());
        let world = Self {
            processes: Arc::new(processes),
            collector,
            gateway,
            addresses: AtomicU32::new(1),
            products: ids.collect(),
            used: AtomicUsize::new(0),
            registered: Mutex::default(),
        };
        // RabbitMQ 3.10 forgets a quorum queue whose name it has not written yet.
        eventually_within(RECOVERY, "queues that survive a kill", || async {
            ["notification.user", "notification.auth", "notification.product"]
                .iter()
                .all(|queue| world.processes.rabbitmq.remembers(queue))
                .then_some(())
        })
        .await;
        Arc::new(world)
    }

    /// An address that nobody has had before.
    pub(crate) fn address(&self) -> String {
        Ipv4Addr::from(0x0a00_0000 + self.addresses.fetch_add(1, Ordering::Relaxed)).to_string()
    }

    // What users do. Each answer has to come in time.

    pub(crate) async fn send_from(
        &self,
        address: &str,
        (method, path): (Method, &str),
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut client = self.gateway.with_header("x-forwarded-for", address);
        if let Some(token) = token {
            client = client.with_token(token);
        }
        let answer = tokio::time::timeout(IN_TIME, client.send(method.clone(), path, body)).await;
        answer.unwrap_or_else(|_| panic!("{method} {path}: no answer within {IN_TIME:?}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send_from(&self.address(), (Method::GET, path), None, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send_from(&self.address(), (Method::POST, path), None, Some(body)).await
    }

    pub(crate) async fn register(&self, email: &str) -> Answer {
        let account = json!({ "email": email, "password": PASSWORD, "name": "Test Person" });
        let answer = self.post("/v1/auth/register", &account).await;
        if answer.status == 201 {
            self.registered.lock().unwrap().push(email.to_owned());
        }
        answer
    }

    pub(crate) async fn login(&self, email: &str) -> Answer {
        self.post("/v1/auth/login", &json!({ "email": email, "password": PASSWORD })).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.post("/v1/auth/refresh", &json!({ "refresh_token": token })).await
    }

    pub(crate) async fn me(&self, access: &str) -> Answer {
        self.send_from(&self.address(), (Method::GET, "/v1/users/me"), Some(access), None).await
    }

    /// The path of a product that nobody has looked at before.
    pub(crate) fn unseen_product(&self) -> String {
        format!("/v1/products/{}", self.products[self.used.fetch_add(1, Ordering::Relaxed)])
    }

    /// An address of e-mail that nobody has had before.
    pub(crate) fn email(&self) -> String {
        format!("person-{}@example.com", self.addresses.fetch_add(1, Ordering::Relaxed))
    }

    /// Somebody who registers and signs in.
    pub(crate) async fn person(&self) -> Person {
        let email = self.email();
        let _ = self.register(&email).await.expect(201);
        let tokens = self.login(&email).await.expect(200).json();
        let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
        Person { email, access: token("access_token"), refresh: token("refresh_token") }
    }

    // What operators see.

    pub(crate) async fn readiness(&self, service: &str) -> Readiness {
        let Some((status, text)) = self.admin(service, chassis::paths::READYZ).await else { return Readiness::Silent };
        let report: Value = serde_json::from_str(&text).unwrap();
        let checks = report["checks"].as_array().unwrap().iter().filter(|check| !check["error"].is_null());
        let failing = checks.map(|check| check["name"].as_str().unwrap().to_owned()).collect();
        if status == 200 { Readiness::Ready(failing) } else { Readiness::Unready(failing) }
    }

    /// Waits until `services` say that; what is wrong takes a moment to be noticed.
    pub(crate) async fn shows(&self, services: &[&str], readiness: &Readiness) {
        for service in services {
            let what = format!("{service} to be {readiness:?}");
            eventually_within(RECOVERY, &what, || async {
                (self.readiness(service).await == *readiness).then_some(())
            })
            .await;
        }
    }

    pub(crate) async fn metric(&self, service: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
        let (_, text) = self.admin(service, "/metrics").await.expect("metrics");
        let metrics = Exposition::parse(&text).expect("metrics");
        assert!(metrics.types.contains_key(name.trim_end_matches("_count")), "{service} has no {name}");
        metrics.sum(name, labels)
    }

    /// Waits until a metric has a value that is as it should be.
    pub(crate) async fn measures(
        &self,
        service: &str,
        name: &str,
        labels: &[(&str, &str)],
        fits: impl Fn(f64) -> bool,
    ) {
        let what = format!("{service} to measure it: {name} {labels:?}");
        eventually_within(RECOVERY, &what, || async { fits(self.metric(service, name, labels).await).then_some(()) })
            .await;
    }

    /// Whether `service` has counted calls of that method that ended so.
    pub(crate) async fn counts_calls(&self, service: &str, method: &str, code: &str) {
        let labels = [("rpc_method", method), ("rpc_response_status_code", code)];
        self.measures(service, "rpc_client_call_duration_seconds_count", &labels, |value| value >= 1.0).await;
    }

    async fn admin(&self, service: &str, path: &str) -> Option<(u16, String)> {
        let client = Client::new(self.processes.service(service).admin().unwrap());
        let answer = tokio::time::timeout(ADMIN, client.try_get(path)).await.ok()?.ok()?;
        Some((answer.status.as_u16(), answer.text()))
    }

    /// Welcome mails by recipient.
    pub(crate) fn welcomes(&self) -> BTreeMap<String, usize> {
        let mut mails = BTreeMap::new();
        for entry in std::fs::read_dir(self.processes.mail()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "eml") {
                let text = std::fs::read_to_string(path).unwrap();
                let recipient = text.lines().find_map(|line| line.strip_prefix("To: ")).unwrap();
                let address = recipient.split(['<', '>']).nth(1).unwrap_or(recipient).trim().to_owned();
                if text.contains("Subject: Welcome") {
                    *mails.entry(address).or_default() += 1;
                }
            }
        }
        mails
    }

    // What happens to them.

    pub(crate) async fn fate(&self, act: impl FnOnce(&Processes) -> Result<(), BackendError> + Send + 'static) {
        let processes = Arc::clone(&self.processes);
        tokio::task::spawn_blocking(move || act(&processes)).await.unwrap().unwrap();
    }

    /// Ends whatever a cell that failed has left.
    pub(crate) async fn mend(&self) {
        self.fate(|all| {
            all.postgres.resume().and_then(|()| all.postgres.launch())?;
            all.redis.resume().and_then(|()| all.redis.launch())?;
            all.rabbitmq.resume().and_then(|()| all.rabbitmq.launch())?;
            SERVICES.iter().try_for_each(|name| all.service(name).resume().and_then(|()| all.service(name).launch()))
        })
        .await;
        crate::mail::mend(self);
    }

    /// Waits until everything is ready and works, and everybody has one welcome mail.
    pub(crate) async fn is_well(&self) {
        self.shows(&SERVICES, &Readiness::Ready(Vec::new())).await;
        let email = self.email();
        eventually_within(RECOVERY, "a registration", || async {
            (self.register(&email).await.status == 201).then_some(())
        })
        .await;
        let tokens = eventually_within(RECOVERY, "a login", || async {
            Some(self.login(&email).await).filter(|answer| answer.status == 200)
        })
        .await;
        let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
        let product = self.unseen_product();
        eventually_within(RECOVERY, "a profile and a product", || async {
            let works = self.me(&access).await.status == 200 && self.get(&product).await.status == 200;
            works.then_some(())
        })
        .await;
        let refresh = tokens.json()["refresh_token"].as_str().unwrap().to_owned();
        // Refused by an open breaker it has not been spent.
        eventually_within(RECOVERY, "a refresh", || async {
            (self.refresh(&refresh).await.status == 200).then_some(())
        })
        .await;
        let everybody = self.registered.lock().unwrap().clone();
        let mails = eventually_within(RECOVERY, "a welcome mail for everybody", || async {
            let mails = self.welcomes();
            everybody.iter().all(|email| mails.contains_key(email)).then_some(mails)
        })
        .await;
        assert!(mails.values().all(|count| *count == 1), "{mails:?}");
    }

    /// A listener where spans are sent to.
    pub(crate) fn listen(&self) -> TcpListener {
        let listener = TcpListener::bind(self.collector).unwrap();
        listener.set_nonblocking(true).unwrap();
        listener
    }
}

/// An answer that says to try again later, and neither that somebody is not who they are nor that something is broken.
#[track_caller]
pub(crate) fn later(answer: &Answer) {
    assert!([503, 504].contains(&answer.status.as_u16()), "{} {}", answer.status, answer.text());
    let codes = ["unavailable", "deadline_exceeded", "registration_unfinished"];
    assert!(codes.contains(&answer.code().as_str()), "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

/// The tokens of an answer.
pub(crate) fn token(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", answer.text())).to_owned()
}

//! The services as processes, each with roles of its own: what a role may and what it may not.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::json;
use testkit::{Client, Collector, ProcessOptions, Processes, SERVICES, eventually};

/// One set for all of this file: it takes a while to start.
#[tokio::test(flavor = "multi_thread")]
async fn services_run_as_processes_and_reach_only_what_is_theirs() {
    let collector = Collector::start().await.unwrap();
    let mut options = ProcessOptions::default();
    options.variables.extend(SERVICES.map(|name| (name, "TELEMETRY_OTLP_ENDPOINT".to_owned(), collector.endpoint())));
    let processes = tokio::task::spawn_blocking(move || Processes::start(&options, |_| {}).unwrap()).await.unwrap();
    a_registration_becomes_a_mail(&processes).await;
    one_trace_reaches_the_consumer(&processes, &collector).await;
    health_is_a_subcommand(&processes);
    roles_of_the_database(&processes);
    users_of_redis(&processes);
    users_of_the_broker(&processes).await;
    let stopped = tokio::task::spawn_blocking(move || processes.stop()).await.unwrap();
    stopped.unwrap();
}

async fn a_registration_becomes_a_mail(processes: &Processes) {
    let client = Client::new(processes.service("gateway").address().unwrap());
    let (user, tokens) = client.sign_up("process@example.com", "correct horse battery").await;
    let _ = user.get("/v1/users/me").await.expect(200);
    let _ = user.get("/v1/products?limit=1").await.expect(200);
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    let _ = client.post("/v1/auth/refresh", &refresh).await.expect(200);
    let _ = client.post("/v1/auth/refresh", &refresh).await.expect(401);
    eventually("a welcome and a warning", || async {
        let mails = std::fs::read_dir(processes.mail()).unwrap();
        let mails = mails.filter(|mail| mail.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "eml"));
        (mails.count() == 2).then_some(())
    })
    .await;
    let sessions = processes.redis.command("KEYS signalbox:auth:*").unwrap();
    assert!(sessions.contains("signalbox:auth:v1:"), "sessions are in Redis: {sessions}");
    for name in SERVICES {
        let admin = Client::new(processes.service(name).admin().unwrap());
        let report = admin.get(chassis::paths::READYZ).await.expect(200).json();
        let checks = report["checks"].as_array().unwrap();
        assert!(checks.iter().all(|check| check["error"].is_null()), "{name}: {report}");
    }
}

/// From the request to the mail: each process under its own name, over a real broker.
async fn one_trace_reaches_the_consumer(processes: &Processes, collector: &Collector) {
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4761";
    let client = Client::new(processes.service("gateway").address().unwrap());
    let client = client.with_header("traceparent", &format!("00-{trace_id}-00f067aa0ba902b7-01"));
    let account = json!({ "email": "traced@example.com", "password": "correct horse battery", "name": "Traced" });
    let _ = client.post("/v1/auth/register", &account).await.expect(201);
    let publish = "publish user:user.registered";
    let published = eventually("the publication", || async {
        collector.trace(trace_id).into_iter().find(|span| span.kind == "producer" && span.name == publish)
    })
    .await;
    assert_eq!(
        (published.service.as_str(), published.attribute("messaging.system").as_deref()),
        ("user", Some("rabbitmq"))
    );
    let mut callers = BTreeSet::new();
    for (service, kind, name) in [
        ("gateway", "server", "POST /v1/auth/register"),
        ("gateway", "client", "auth.v1.AuthService/Register"),
        ("auth", "server", "auth.v1.AuthService/Register"),
        ("auth", "client", "user.v1.UserService/CreateUser"),
        ("user", "server", "user.v1.UserService/CreateUser"),
        ("user", "client", "INSERT outbox"),
    ] {
        let found = eventually(name, || async {
            let spans = collector.trace(trace_id);
            spans.into_iter().find(|span| span.service == service && span.kind == kind && span.name == name)
        })
        .await;
        callers.insert(found.service);
    }
    assert_eq!(callers.len(), 3);
    let linked = eventually("a consumer that links to the publication", || async {
        let consumers = collector.all().into_iter().filter(|span| span.kind == "consumer");
        let links = |id: &str| collector.links(id).contains(&(trace_id.to_owned(), published.span_id.clone()));
        consumers.into_iter().find(|span| links(&span.span_id))
    })
    .await;
    assert_eq!(linked.service, "notification");
    assert_eq!(linked.name, "process user:user.registered:notification.user");
    let mail = eventually("the mail in the trace of its cause", || async {
        collector
            .trace(trace_id)
            .into_iter()
            .find(|span| span.service == "notification" && span.name.starts_with("send mail"))
    })
    .await;
    assert!(!mail.error && mail.attribute("mail.transport").as_deref() == Some("file"), "{mail:?}");
}

/// As the health check of a container asks.
fn health_is_a_subcommand(processes: &Processes) {
    let ask = |name: &str, admin: &str| {
        let variable = format!("SIGNALBOX_{}_ADMIN_ADDRESS", name.to_uppercase());
        Command::new(testkit::executable(name).unwrap()).arg("health").env(variable, admin).output().unwrap()
    };
    for name in SERVICES {
        let admin = processes.service(name).admin().unwrap().to_string();
        let answer = ask(name, &admin);
        assert!(answer.status.success(), "{name}: {}", String::from_utf8_lossy(&answer.stderr));
    }
    let answer = ask("user", "127.0.0.1:1");
    let text = String::from_utf8_lossy(&answer.stderr);
    assert!(!answer.status.success() && text.contains("`admin.address`"), "{text}");
}

fn secret(processes: &Processes, name: &str) -> String {
    std::fs::read_to_string(processes.folder().join("secrets").join(name)).unwrap()
}

fn roles_of_the_database(processes: &Processes) {
    let port = processes.postgres.port();
    let run = |role: &str, database: &str, sql: &str| {
        let password = secret(processes, &format!("{role}_password"));
        let url = format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}");
        let output = Command::new("psql").args(["-X", "-q", "-A", "-t", &url, "-c", sql]).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    };
    assert_eq!(run("auth_app", "auth", "SELECT count(*) FROM credentials"), (true, "2\n".to_owned()));
    for (role, database, sql) in [
        ("auth_app", "auth", "CREATE TABLE mine (id INT)"),
        ("auth_app", "auth", "DROP TABLE credentials"),
        ("auth_app", "auth", "ALTER TABLE credentials ADD COLUMN more INT"),
        ("auth_app", "auth", "TRUNCATE credentials"),
        ("product_app", "auth", "SELECT count(*) FROM credentials"),
        ("product_owner", "auth", "SELECT count(*) FROM credentials"),
        ("notification_app", "user", "SELECT count(*) FROM users"),
        ("auth_app", "postgres", "CREATE DATABASE mine"),
    ] {
        let (done, text) = run(role, database, sql);
        assert!(!done && text.contains("permission denied") || text.contains("must be owner"), "{role} {sql}: {text}");
    }
}

fn users_of_redis(processes: &Processes) {
    let ask = |user: &str, command: &str| {
        let password = secret(processes, &format!("{user}_redis_password"));
        processes.redis.command(&format!("AUTH {user} {password}\r\n{command}")).unwrap()
    };
    assert!(ask("product", "SET signalbox:product:test 1").contains("+OK\r\n+OK"));
    for (user, command) in [
        ("product", "GET signalbox:auth:v1:token:x"),
        ("auth", "GET signalbox:product:test"),
        ("gateway", "FLUSHALL"),
        ("auth", "CONFIG GET requirepass"),
        ("auth", "ACL LIST"),
    ] {
        let answer = ask(user, command);
        assert!(answer.contains("NOPERM"), "{user} {command}: {answer}");
    }
}

async fn users_of_the_broker(processes: &Processes) {
    use messaging::{Broker, Envelope, RabbitMq, RabbitSettings};
    let publish = async |user: &str, context: &str| {
        let password = secret(processes, &format!("{user}_broker_password"));
        let url = processes.rabbitmq.url_of(&format!("{user}:{password}"), "signalbox");
        let broker = RabbitMq::new(RabbitSettings::new(&url, user)).unwrap();
        let kind = format!("{context}.tested");
        let event = Envelope::new(&kind, 1, "key", json!({})).unwrap();
        broker.publisher(context).unwrap().publish(&[event]).await.remove(0)
    };
    publish("product", "product").await.unwrap();
    let refusal = publish("product", "user").await.unwrap_err().to_string();
    assert!(refusal.contains("ACCESS_REFUSED") || refusal.contains("access"), "{refusal}");
    let guest = RabbitMq::new(RabbitSettings::new(&processes.rabbitmq.url_of("guest:guest", "signalbox"), "test"));
    guest.unwrap().check().await.unwrap_err();
}

#[test]
fn secrets_are_made_once_and_differ_between_machines() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let make = |folder: &Path| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/secrets");
        assert!(Command::new(script).arg(folder).output().unwrap().status.success());
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())
        };
        std::fs::read_dir(folder).unwrap().map(read).collect::<BTreeMap<_, _>>()
    };
    let (first, again, other) = (make(one.path()), make(one.path()), make(two.path()));
    for (name, text) in first.iter().filter(|(name, _)| name.ends_with("_password")) {
        assert!(text.len() == 48 && again[name] == *text && other[name] != *text, "{name}");
    }
    assert!(first.len() > 20 && first["auth.toml"] == again["auth.toml"]);
}

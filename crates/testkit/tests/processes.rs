//! The services as processes, each with roles of its own: what a role may and what it may not.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use testkit::{Client, ProcessOptions, Processes, SERVICES, eventually};

/// One set for all of this file: it takes a while to start.
#[tokio::test(flavor = "multi_thread")]
async fn services_run_as_processes_and_reach_only_what_is_theirs() {
    let options = ProcessOptions::default();
    let processes = tokio::task::spawn_blocking(move || Processes::start(&options, |_| {}).unwrap()).await.unwrap();
    a_registration_becomes_a_mail(&processes).await;
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
        let report = admin.get("/readyz").await.expect(200).json();
        let checks = report["checks"].as_array().unwrap();
        assert!(checks.iter().all(|check| check["error"].is_null()), "{name}: {report}");
    }
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
    assert_eq!(run("auth_app", "auth", "SELECT count(*) FROM credentials"), (true, "1\n".to_owned()));
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

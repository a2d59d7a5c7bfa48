//! A service and its database at start: not up yet, refusing, too old, too new. Each is told with the key to look at.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use backends::{Postgres, free_port};
use serde_json::Value;
use testkit::{Client, eventually, executable};

/// The user service in a process; killed when it is dropped.
struct User {
    child: Child,
    admin: SocketAddr,
}

impl User {
    fn start(url: &str, migrate: bool) -> Self {
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
        let child = command(url, migrate)
            .env("SIGNALBOX_USER_ADMIN_ADDRESS", admin.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, admin }
    }

    /// What `/readyz` answers, once it answers.
    async fn report(&self) -> (u16, Value) {
        let client = Client::new(self.admin);
        let answer = eventually("the admin port", || async { client.try_get(chassis::paths::READYZ).await.ok() }).await;
        (answer.status.as_u16(), answer.json())
    }

    async fn is_ready(&self) {
        eventually("the service to be ready", || async { (self.report().await.0 == 200).then_some(()) }).await;
    }

    /// Waits until it says that the database is what it waits for, and answers why.
    async fn waits(&self) -> String {
        eventually("the reason of waiting", || async {
            let (status, report) = self.report().await;
            assert_eq!((status, report["phase"].as_str()), (503, Some("starting")), "{report}");
            let error = report["checks"][0]["error"].as_str().unwrap_or_default().to_owned();
            (!error.contains("not connected yet")).then_some(error)
        })
        .await
    }

    /// Asks it to end and answers what it had logged.
    fn end(mut self) -> (bool, String) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        let status = self.child.wait().unwrap();
        let mut log = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut log).unwrap();
        (status.success(), log)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(url: &str, migrate: bool) -> Command {
    let mut command = Command::new(executable("user").unwrap());
    for listener in ["ADMIN", "GRPC"] {
        command.env(format!("SIGNALBOX_USER_{listener}_ADDRESS"), "127.0.0.1:0");
    }
    command.env("SIGNALBOX_USER_DATABASE_URL", url).env("SIGNALBOX_USER_DATABASE_MIGRATE", migrate.to_string());
    command
}

fn complaint(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_up_yet_is_waited_for() {
    let server = Postgres::durable().unwrap();
    let url = server.database().unwrap();
    server.stop().unwrap();
    let user = User::start(&url, true);
    let reason = user.waits().await;
    assert!(reason.contains("`database.url`") && reason.contains("refused"), "{reason}");
    let password = url.split([':', '@']).nth(2).unwrap();
    assert!(!reason.contains(password), "{reason}");
    server.launch().unwrap();
    user.is_ready().await;
    let (success, log) = user.end();
    assert!(success && log.contains("waiting for the database") && !log.contains(password), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_can_be_stopped() {
    let url = format!("postgres://user:secret@127.0.0.1:{}/user", free_port().unwrap());
    let user = User::start(&url, true);
    user.waits().await;
    let (success, log) = user.end();
    assert!(success && !log.contains("secret"), "{log}");
}

#[test]
fn wrong_credentials_end_the_start_with_the_key() {
    let url = backends::postgres().database().unwrap();
    let password = url.split([':', '@']).nth(2).unwrap();
    for verb in [&[][..], &["migrate"]] {
        let (code, text) = complaint(&command(&url.replace(password, "guessed"), true).args(verb).output().unwrap());
        assert_eq!(code, Some(78), "{text}");
        assert!(text.contains("`database.url`") && text.contains("password authentication failed"), "{text}");
        assert!(!text.contains("guessed"), "{text}");
    }
    let (code, text) = complaint(&command(&format!("{url}_missing"), true).output().unwrap());
    assert!(code == Some(78) && text.contains("does not exist"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_migrated_by_a_job_and_waited_for() {
    let url = backends::postgres().database().unwrap();
    let user = User::start(&url, false);
    let reason = user.waits().await;
    assert!(reason.contains("is at version 0, older than") && reason.contains("`migrate`"), "{reason}");
    // Two jobs at once, as two roll-outs do.
    let jobs = [0, 1].map(|_| command(&url, false).arg("migrate").stdout(Stdio::piped()).spawn().unwrap());
    for job in jobs {
        let output = job.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.starts_with("user: the schema is at version "), "{text}");
    }
    user.is_ready().await;
    assert!(user.end().0);
}

/// A migrated database with one more migration than the program knows.
fn ahead(description: &str) -> String {
    let url = backends::postgres().database().unwrap();
    assert!(command(&url, true).arg("migrate").output().unwrap().status.success());
    let row = format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9000, '{description}', true, '', 0)"
    );
    backends::postgres().execute(&url, &row).unwrap();
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_a_later_version_added_to_is_used() {
    let url = ahead("add nickname");
    for migrate in [true, false] {
        let user = User::start(&url, migrate);
        user.is_ready().await;
        let (success, log) = user.end();
        assert!(success && log.contains("schema is newer than this program"), "{log}");
        assert!(log.contains("9000"), "{log}");
    }
    let output = command(&url, false).arg("migrate").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("the schema is at version 9000"), "{text}");
}

#[test]
fn a_schema_that_a_later_version_took_from_is_refused() {
    let url = ahead("since 8999 drop nickname");
    for (verb, migrate) in [(&[][..], true), (&[], false), (&["migrate"], false)] {
        let (code, text) = complaint(&command(&url, migrate).args(verb).output().unwrap());
        assert_eq!(code, Some(78), "{text}");
        assert!(text.contains("at version 9000 and has lost what this program needs"), "{text}");
        assert!(text.contains("start a program that knows version 8999") && text.contains("`database.url`"), "{text}");
    }
}

//! The command as people run it, against a stub gateway: what it exits with, what it says and what it leaves behind.
//!
//! Each test starts the built binary, because goose keeps a logger, a Ctrl-C handler and a stop flag per process.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod stub;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use stub::{ReadFault, Stub};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::Mutex;

/// Every request the journeys make, by the name reports and thresholds use.
const REQUESTS: [&str; 9] = [
    "GET /v1/products",
    "GET /v1/products/{id}",
    "GET /v1/users/me",
    "GET /v2/products",
    "PATCH /v1/users/me",
    "POST /v1/auth/login",
    "POST /v1/auth/logout",
    "POST /v1/auth/refresh",
    "POST /v1/auth/register",
];

/// Runs take turns: one that has the machine to itself measures the stub and not its neighbours.
static TURN: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn a_healthy_gateway_passes_and_leaves_three_reports() {
    let stub = Stub::start(ReadFault::None).await;
    let folder = TempDir::new().unwrap();
    let reports = folder.path().join("new").join("load");
    let run = load(&["--target", &stub.target], &reports).await;

    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(told.contains("All 10 thresholds were met."), "{told}");
    assert_eq!(told.matches("PER REQUEST METRICS").count(), 1, "the tables are for the end: {told}");
    for file in ["report.html", "report.md", "report.json"] {
        let path = reports.join(file);
        assert!(told.contains(&path.display().to_string()), "{file} is not named in: {told}");
        assert!(path.metadata().unwrap().len() > 500, "{file} is empty");
    }
    assert_eq!(request_names(&reports), REQUESTS.map(str::to_owned).into());

    let seen = stub.seen();
    assert_eq!(seen.requests.keys().map(String::as_str).collect::<Vec<_>>(), REQUESTS);
    assert_eq!(seen.spent_tokens_used, 0, "a spent refresh token was used");
    assert!(seen.requests["POST /v1/auth/refresh"] >= 2, "one renewal does not show which token is kept");
    assert_eq!(seen.requests["POST /v1/auth/logout"], seen.requests["POST /v1/auth/register"]);
}

#[tokio::test]
async fn failing_reads_miss_the_error_rate() {
    let stub = Stub::start(ReadFault::Status500).await;
    let folder = TempDir::new().unwrap();
    let run = load(&["--target", &stub.target], folder.path()).await;

    assert_eq!(run.status.code(), Some(3), "{}", said(&run));
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(told.contains("1 of 10 thresholds were missed:"), "{told}");
    assert!(told.contains("error-rate<0.1% was not met: observed "), "{told}");
    assert!(told.contains("gateway availability"), "{told}");
    assert!(folder.path().join("report.json").exists(), "a missed threshold is when the report is needed most");
}

#[tokio::test]
async fn slow_reads_miss_the_latency_of_that_request_only() {
    let stub = Stub::start(ReadFault::Slow).await;
    let folder = TempDir::new().unwrap();
    let run = load(&["--target", &stub.target], folder.path()).await;

    assert_eq!(run.status.code(), Some(3), "{}", said(&run));
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(told.contains("p99<250ms for GET /v1/products/{id} was not met: observed "), "{told}");
    assert!(!told.contains("error-rate<0.1% was"), "slow is not failed: {told}");
}

#[tokio::test]
async fn an_answer_of_the_wrong_shape_is_a_failure() {
    let stub = Stub::start(ReadFault::MissingPrice).await;
    let folder = TempDir::new().unwrap();
    let run = load(&["--target", &stub.target], folder.path()).await;

    assert_eq!(run.status.code(), Some(3), "{}", said(&run));
    assert!(String::from_utf8_lossy(&run.stderr).contains("error-rate<0.1% was not met"), "{}", said(&run));
    let report = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(report.contains("missing field"), "{report}");
}

#[tokio::test]
async fn an_unreachable_target_is_named_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let folder = TempDir::new().unwrap();
    let reports = folder.path().join("load");
    let run = load(&["--target", &target], &reports).await;

    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(told.contains(&format!("no answer from {target}/ping")), "{told}");
    assert!(told.contains("make demo") && told.contains("--target"), "{told}");
    assert!(!reports.exists(), "nothing ran, so there is nothing to report");
}

#[tokio::test]
async fn a_server_that_is_no_gateway_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await });
    let folder = TempDir::new().unwrap();
    let run = load(&["--target", &target], folder.path()).await;

    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
    assert!(String::from_utf8_lossy(&run.stderr).contains("/ping answered 404 Not Found"), "{}", said(&run));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let stub = Stub::start(ReadFault::None).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let run = load(&["--target", &stub.target], &file.join("load")).await;

    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
    assert!(String::from_utf8_lossy(&run.stderr).contains("--report-dir"), "{}", said(&run));
    assert!(stub.seen().requests.is_empty(), "the load started without a place for its reports");
}

#[tokio::test]
async fn flags_that_cannot_be_used_are_refused() {
    let folder = TempDir::new().unwrap();
    for (flags, reason) in [
        (["--target", "http://shop.example.com"], "--allow-remote"),
        (["--target", "127.0.0.1:8080"], "http://127.0.0.1:8080"),
        (["--think-ms", "fast"], "--think-ms"),
        (["--unknown", "1"], "--unknown"),
    ] {
        let run = load(&flags, folder.path()).await;
        assert_eq!(run.status.code(), Some(2), "{flags:?}: {}", said(&run));
        assert!(String::from_utf8_lossy(&run.stderr).contains(reason), "{flags:?}: {}", said(&run));
    }
}

/// A short run of two users with these flags besides.
async fn load(flags: &[&str], reports: &Path) -> Output {
    let _turn = TURN.lock().await;
    Command::new(env!("CARGO_BIN_EXE_loadtests"))
        .args(["--users", "2", "--for", "3s", "--think-ms", "40", "--report-dir"])
        .arg(reports)
        .args(flags)
        // A proxy that is not there: nothing may go through one on its way to this machine.
        .envs([("http_proxy", "http://127.0.0.1:9"), ("HTTP_PROXY", "http://127.0.0.1:9")])
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

/// The names of all requests in the JSON report.
fn request_names(reports: &Path) -> BTreeSet<String> {
    let report: Value = serde_json::from_slice(&std::fs::read(reports.join("report.json")).unwrap()).unwrap();
    report["raw_metrics"]["requests"].as_object().unwrap().keys().cloned().collect()
}

/// Both outputs, for a failed assertion.
fn said(run: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr))
}

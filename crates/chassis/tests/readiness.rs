//! Readiness in the metrics of a running service.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chassis::config::Layers;
use chassis::{App, HostOptions, Running, Spec, StartError};
use serde::Deserialize;

const DEFAULTS: &str = r#"
[admin]
address = "127.0.0.1:0"
[telemetry]
log_level = "info"
log_format = "json"
sampling_ratio = 0.0
otlp_endpoint = ""
environment = "test"
instance = ""
[runtime]
worker_threads = 1
[shutdown]
unready_ms = 0
drain_ms = 10000
"#;

#[derive(Deserialize)]
struct Config {}

static WELL: AtomicBool = AtomicBool::new(true);

static SPEC: Spec =
    Spec { name: "demo", defaults: DEFAULTS, migrate: None, prepare: |layers| chassis::prepare(layers, build) };

async fn build(_: Config, app: App) -> Result<App, StartError> {
    app.readiness()
        .check("database", || async { if WELL.load(Ordering::Relaxed) { Ok(()) } else { Err("away".to_owned()) } });
    app.readiness().degrading("redis", || async { Err("away".to_owned()) });
    Ok(app)
}

async fn shows(running: &Running, ready: u8, database: u8) {
    let lines = [
        format!("service_ready {ready}"),
        format!("readiness_check{{check=\"database\"}} {database}"),
        "readiness_check{check=\"redis\"} 0".to_owned(),
    ];
    let look = async {
        let shown = || lines.iter().all(|line| running.metrics().lines().any(|found| found == line));
        while !shown() {
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), look).await;
    assert!(found.is_ok(), "not {lines:?} in\n{}", running.metrics());
}

#[tokio::test]
async fn readiness_and_its_checks_follow_what_they_look_at() {
    drop(telemetry::install(telemetry::LogFormat::Json, &telemetry::LogOutput::Off));
    let layers = Layers::new("demo", DEFAULTS).expect("layers");
    let running = chassis::start(&SPEC, &layers, HostOptions::default()).await.expect("it starts");
    shows(&running, 1, 1).await;
    WELL.store(false, Ordering::Relaxed);
    shows(&running, 0, 0).await;
    WELL.store(true, Ordering::Relaxed);
    shows(&running, 1, 1).await;
    assert!(running.stop().await);
}

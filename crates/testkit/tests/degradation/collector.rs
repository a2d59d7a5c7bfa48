//! The collector of traces.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testkit::{Collector, SERVICES, eventually_within};

use crate::world::{RECOVERY, Readiness, World};

/// Longest time to end: the last spans have 5 s to leave.
const END: Duration = Duration::from_secs(10);

/// Who has spans to send of what [`nobody_notices`] asks for.
const WITH_SPANS: [&str; 5] = ["gateway", "auth", "user", "product", "notification"];

/// How spans end that nobody takes.
const FAILED: [(&str, &str); 1] = [("error_type", "failed")];

/// So it is in all other cells, too.
pub(crate) async fn dead(world: &World) {
    nobody_notices(world).await;
    world.measures("gateway", "otel_sdk_exporter_span_exported_total", &FAILED, |spans| spans > 0.0).await;
    recovered(world).await;
}

/// Connections are accepted and nothing is read from them.
pub(crate) async fn hung(world: &World) {
    let listener = tokio::net::TcpListener::from_std(world.listen()).unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let silence = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    nobody_notices(world).await;
    eventually_within(RECOVERY, "whoever has spans to try", || async {
        nobody_notices(world).await;
        (connections.load(Ordering::Relaxed) >= WITH_SPANS.len()).then_some(())
    })
    .await;
    // Spans wait until the attempt to send those before them has run out of time, so there have to be new ones.
    eventually_within(RECOVERY, "spans of the gateway to wait", || async {
        nobody_notices(world).await;
        (world.metric("gateway", "otel_sdk_processor_span_queue_size", &[]).await > 0.0).then_some(())
    })
    .await;
    // It does not keep a service from ending in order either.
    let start = Instant::now();
    world.fate(|all| all.service("product").stop()).await;
    assert!(start.elapsed() < END, "it took {:?}", start.elapsed());
    world.fate(|all| all.service("product").launch()).await;
    silence.abort();
    let _ = silence.await;
    recovered(world).await;
}

async fn nobody_notices(world: &World) {
    let person = world.person().await;
    let _ = world.me(&person.access).await.expect(200);
    let _ = world.get("/v1/products?limit=3").await.expect(200);
    world.shows(&SERVICES, &Readiness::Ready(Vec::new())).await;
}

/// Spans arrive as soon as somebody takes them.
async fn recovered(world: &World) {
    let collector = Collector::listen(tokio::net::TcpListener::from_std(world.listen()).unwrap()).unwrap();
    eventually_within(RECOVERY, "spans of all who serve a login", || async {
        let _ = world.person().await;
        let spans = collector.all();
        ["gateway", "auth", "user"].iter().all(|name| spans.iter().any(|span| span.service == *name)).then_some(())
    })
    .await;
}

//! The product service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use testkit::eventually_within;
use tokio::task::JoinSet;

use crate::world::{Person, RECOVERY, Readiness, World, all_but, later};

/// As many requests at a time as a breaker wants to see before it opens, and some more.
const CROWD: usize = 25;

/// Long for an answer that nobody works for, and far below the callee's time-out.
const AT_ONCE: Duration = Duration::from_millis(500);

pub(crate) async fn dead(world: &Arc<World>) {
    let person = world.person().await;
    world.fate(|all| all.service("product").kill()).await;
    away(world, &person).await;
    world.fate(|all| all.service("product").launch()).await;
}

pub(crate) async fn hung(world: &Arc<World>) {
    let person = world.person().await;
    world.fate(|all| all.service("product").pause()).await;
    away(world, &person).await;
    world.fate(|all| all.service("product").resume()).await;
}

async fn away(world: &Arc<World>, person: &Person) {
    let opened = [("callee", "product"), ("state", "open")];
    let before = world.metric("gateway", "rpc_client_breaker_transitions_total", &opened).await;
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let world = Arc::clone(world);
        crowd.spawn(async move { later(&world.get("/v1/products?limit=7").await) });
    }
    while let Some(outcome) = crowd.join_next().await {
        outcome.unwrap();
    }
    world.measures("gateway", "rpc_client_breaker_transitions_total", &opened, |value| value > before).await;
    eventually_within(RECOVERY, "a refusal at once", || async {
        let start = Instant::now();
        let answer = world.get(&world.unseen_product()).await;
        later(&answer);
        let refused = answer.code() == "unavailable" && !answer.header("retry-after").is_empty();
        (refused && start.elapsed() < AT_ONCE).then_some(())
    })
    .await;
    let _ = world.login(&person.email).await.expect(200);
    let _ = world.me(&person.access).await.expect(200);
    let _ = world.refresh(&person.refresh).await.expect(200);
    world.shows(&["product"], &Readiness::Silent).await;
    world.shows(&all_but("product"), &Readiness::Ready(Vec::new())).await;
}

//! Postgres.

use std::time::{Duration, Instant};

use testkit::{Answer, eventually_within};
use topology::Topology;

use crate::world::{Person, RECOVERY, Readiness, World, later};

/// The services with a database.
fn stored() -> Vec<&'static str> {
    Topology::ours().databases().map(|service| service.name.as_str()).collect()
}

pub(crate) async fn dead(world: &World) {
    let before = before(world).await;
    world.fate(|all| all.postgres.kill()).await;
    away(world, &before).await;
    world.fate(|all| all.postgres.launch()).await;
    back(world, &before).await;
}

pub(crate) async fn hung(world: &World) {
    let before = before(world).await;
    world.fate(|all| all.postgres.pause()).await;
    away(world, &before).await;
    world.fate(|all| all.postgres.resume()).await;
    back(world, &before).await;
}

/// Longest time to be ready again, however long the outage was.
const PROMPTLY: Duration = Duration::from_secs(6);

struct Before {
    person: Person,
    /// A product that was looked at.
    path: String,
    product: Answer,
}

async fn before(world: &World) -> Before {
    let path = world.unseen_product();
    let product = world.get(&path).await.expect(200);
    Before { person: world.person().await, path, product }
}

async fn away(world: &World, before: &Before) {
    // Until the copy is over its time it is no stale one.
    let stale = [("cache", "product"), ("outcome", "stale")];
    let seen = world.metric("product", "cache_lookups_total", &stale).await;
    eventually_within(RECOVERY, "a copy over its time", || async {
        let kept = world.get(&before.path).await.expect(200);
        assert_eq!(kept.json(), before.product.json());
        (world.metric("product", "cache_lookups_total", &stale).await > seen).then_some(())
    })
    .await;
    later(&world.get(&world.unseen_product()).await);
    // More than there are connections, so that those that are stuck are waited for.
    for _ in 0..6 {
        later(&world.login(&before.person.email).await);
        later(&world.me(&before.person.access).await);
    }
    later(&world.refresh(&before.person.refresh).await);
    later(&world.register(&world.email()).await);
    world.shows(&stored(), &Readiness::Unready(vec!["database".to_owned()])).await;
    world.shows(&["gateway"], &Readiness::Ready(Vec::new())).await;
}

async fn back(world: &World, before: &Before) {
    let back = Instant::now();
    world.shows(&stored(), &Readiness::Ready(Vec::new())).await;
    assert!(back.elapsed() < PROMPTLY, "ready after {:?}", back.elapsed());
    // The session has outlived it.
    eventually_within(RECOVERY, "a refresh", || async {
        let answer = world.refresh(&before.person.refresh).await;
        if answer.status != 200 {
            later(&answer);
        }
        (answer.status == 200).then_some(())
    })
    .await;
}

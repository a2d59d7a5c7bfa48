//! The notification service.

use testkit::eventually_within;

use crate::world::{RECOVERY, Readiness, World, all_but};

pub(crate) async fn dead(world: &World) {
    world.fate(|all| all.service("notification").kill()).await;
    let email = away(world).await;
    world.fate(|all| all.service("notification").launch()).await;
    back(world, &email).await;
}

pub(crate) async fn hung(world: &World) {
    world.fate(|all| all.service("notification").pause()).await;
    let email = away(world).await;
    world.fate(|all| all.service("notification").resume()).await;
    back(world, &email).await;
}

async fn away(world: &World) -> String {
    let email = world.email();
    let _ = world.register(&email).await.expect(201);
    let _ = world.login(&email).await.expect(200);
    // The event is at the broker and waits in the queue.
    world.measures("user", "outbox_unsent_messages", &[], |value| value == 0.0).await;
    world.shows(&["notification"], &Readiness::Silent).await;
    world.shows(&all_but("notification"), &Readiness::Ready(Vec::new())).await;
    assert!(!world.welcomes().contains_key(&email));
    email
}

async fn back(world: &World, email: &str) {
    eventually_within(RECOVERY, "the mail that waited", || async {
        world.welcomes().contains_key(email).then_some(())
    })
    .await;
}

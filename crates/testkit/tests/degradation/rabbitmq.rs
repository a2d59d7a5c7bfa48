//! RabbitMQ.

use testkit::eventually_within;

use crate::world::{RECOVERY, Readiness, World};

pub(crate) async fn dead(world: &World) {
    world.fate(|all| all.rabbitmq.kill()).await;
    let email = away(world).await;
    world.fate(|all| all.rabbitmq.launch()).await;
    back(world, &email).await;
}

pub(crate) async fn hung(world: &World) {
    world.fate(|all| all.rabbitmq.pause()).await;
    let email = away(world).await;
    world.fate(|all| all.rabbitmq.resume()).await;
    back(world, &email).await;
}

async fn away(world: &World) -> String {
    let email = world.email();
    let _ = world.register(&email).await.expect(201);
    let _ = world.login(&email).await.expect(200);
    let _ = world.get(&world.unseen_product()).await.expect(200);
    world.measures("user", "outbox_unsent_messages", &[], |value| value >= 1.0).await;
    world.measures("user", "outbox_oldest_unsent_age_seconds", &[], |value| value > 0.0).await;
    world.shows(&["notification"], &Readiness::Ready(vec!["broker".to_owned()])).await;
    world.shows(&["gateway", "auth", "user", "product"], &Readiness::Ready(Vec::new())).await;
    assert!(!world.welcomes().contains_key(&email));
    email
}

async fn back(world: &World, email: &str) {
    eventually_within(RECOVERY, "the mail that waited", || async {
        world.welcomes().contains_key(email).then_some(())
    })
    .await;
    world.measures("user", "outbox_unsent_messages", &[], |value| value == 0.0).await;
}

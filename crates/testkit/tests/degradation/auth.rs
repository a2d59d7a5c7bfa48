//! The auth service.

use testkit::eventually_within;

use crate::world::{Person, RECOVERY, Readiness, World, all_but, later};

const LOGIN: &str = "auth.v1.AuthService/Login";

pub(crate) async fn dead(world: &World) {
    let person = world.person().await;
    world.fate(|all| all.service("auth").kill()).await;
    away(world, &person).await;
    world.counts_calls("gateway", LOGIN, "UNAVAILABLE").await;
    world.fate(|all| all.service("auth").launch()).await;
    back(world, &person).await;
}

pub(crate) async fn hung(world: &World) {
    let person = world.person().await;
    world.fate(|all| all.service("auth").pause()).await;
    away(world, &person).await;
    world.counts_calls("gateway", LOGIN, "DEADLINE_EXCEEDED").await;
    world.fate(|all| all.service("auth").resume()).await;
    back(world, &person).await;
}

/// The gateway has the keys: who is signed in stays so.
async fn away(world: &World, person: &Person) {
    let _ = world.me(&person.access).await.expect(200);
    let _ = world.get(&world.unseen_product()).await.expect(200);
    later(&world.login(&person.email).await);
    later(&world.refresh(&person.refresh).await);
    later(&world.register(&world.email()).await);
    world.shows(&["auth"], &Readiness::Silent).await;
    world.shows(&all_but("auth"), &Readiness::Ready(Vec::new())).await;
}

/// The session has outlived it.
async fn back(world: &World, person: &Person) {
    world.shows(&["auth"], &Readiness::Ready(Vec::new())).await;
    eventually_within(RECOVERY, "a login", || async {
        let answer = world.login(&person.email).await;
        if answer.status != 200 {
            later(&answer);
        }
        (answer.status == 200).then_some(())
    })
    .await;
}

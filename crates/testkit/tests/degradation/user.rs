//! The user service.

use testkit::eventually_within;

use crate::world::{Person, RECOVERY, Readiness, World, all_but, later};

const CALLERS: [&str; 2] = ["gateway", "auth"];

const GET_USER: &str = "user.v1.UserService/GetUser";

pub(crate) async fn dead(world: &World) {
    let person = world.person().await;
    world.fate(|all| all.service("user").kill()).await;
    let email = away(world, &person).await;
    for service in CALLERS {
        world.counts_calls(service, GET_USER, "UNAVAILABLE").await;
    }
    world.fate(|all| all.service("user").launch()).await;
    back(world, &person, &email).await;
}

pub(crate) async fn hung(world: &World) {
    let person = world.person().await;
    world.fate(|all| all.service("user").pause()).await;
    let email = away(world, &person).await;
    for service in CALLERS {
        world.counts_calls(service, GET_USER, "DEADLINE_EXCEEDED").await;
    }
    world.fate(|all| all.service("user").resume()).await;
    back(world, &person, &email).await;
}

/// Answers the address of an account that was begun.
async fn away(world: &World, person: &Person) -> String {
    let email = world.email();
    later(&world.register(&email).await);
    later(&world.login(&person.email).await);
    later(&world.refresh(&person.refresh).await);
    later(&world.me(&person.access).await);
    let _ = world.get(&world.unseen_product()).await.expect(200);
    world.shows(&["user"], &Readiness::Silent).await;
    world.shows(&all_but("user"), &Readiness::Ready(Vec::new())).await;
    email
}

/// The refresh token was not spent, and a registration that is repeated completes what was begun.
async fn back(world: &World, person: &Person, email: &str) {
    world.shows(&["user"], &Readiness::Ready(Vec::new())).await;
    for what in ["a registration", "a login", "a refresh"] {
        eventually_within(RECOVERY, what, || async {
            let answer = match what {
                "a registration" => world.register(email).await,
                "a login" => world.login(email).await,
                _ => world.refresh(&person.refresh).await,
            };
            if !answer.status.is_success() {
                later(&answer);
            }
            answer.status.is_success().then_some(())
        })
        .await;
    }
}

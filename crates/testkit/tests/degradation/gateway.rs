//! The gateway.

use testkit::Client;

use crate::world::{Readiness, World, all_but};

pub(crate) async fn dead(world: &World) {
    let person = world.person().await;
    world.fate(|all| all.service("gateway").kill()).await;
    let address = world.processes.service("gateway").address().unwrap();
    let refusal = Client::new(address).try_get("/ping").await.unwrap_err();
    assert!(refusal.refused, "{}", refusal.reason);
    world.shows(&["gateway"], &Readiness::Silent).await;
    world.shows(&all_but("gateway"), &Readiness::Ready(Vec::new())).await;
    world.fate(|all| all.service("gateway").launch()).await;
    let _ = world.me(&person.access).await.expect(200);
    let _ = world.refresh(&person.refresh).await.expect(200);
}

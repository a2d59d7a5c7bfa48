//! Redis.

use http::Method;

use crate::world::{BURST, Person, Readiness, World, token};

const USERS: [&str; 3] = ["auth", "product", "gateway"];

pub(crate) async fn dead(world: &World) {
    let before = before(world).await;
    world.fate(|all| all.redis.kill()).await;
    let during = away(world, &before).await;
    world.fate(|all| all.redis.launch()).await;
    back(world, before, during).await;
}

pub(crate) async fn hung(world: &World) {
    let before = before(world).await;
    world.fate(|all| all.redis.pause()).await;
    let during = away(world, &before).await;
    world.fate(|all| all.redis.resume()).await;
    back(world, before, during).await;
}

/// A session in Redis.
struct Before {
    person: Person,
    /// A token of it that was used.
    spent: String,
    fallbacks: f64,
}

async fn fallbacks(world: &World) -> f64 {
    world.metric("auth", "session_store_fallbacks_total", &[]).await
}

async fn before(world: &World) -> Before {
    let mut person = world.person().await;
    let spent = person.refresh.clone();
    person.refresh = token(&world.refresh(&spent).await.expect(200), "refresh_token");
    Before { person, spent, fallbacks: fallbacks(world).await }
}

/// Answers a session that was opened while Redis was away.
async fn away(world: &World, before: &Before) -> Person {
    let login = world.login(&before.person.email).await.expect(200);
    let new = Person {
        email: before.person.email.clone(),
        access: token(&login, "access_token"),
        refresh: token(&login, "refresh_token"),
    };
    for access in [&before.person.access, &new.access] {
        let _ = world.me(access).await.expect(200);
    }
    let _ = world.get(&world.unseen_product()).await.expect(200);
    let _ = world.get("/v1/products?limit=5").await.expect(200);
    // Nobody knows what Redis knows: neither signed out nor let in.
    for old in [&before.person.refresh, &before.spent] {
        assert_eq!(world.refresh(old).await.expect(503).code(), "unavailable");
    }
    let next = token(&world.refresh(&new.refresh).await.expect(200), "refresh_token");
    still_limits(world, "fallback").await;

    world.shows(&USERS, &Readiness::Ready(vec!["redis".to_owned()])).await;
    world.shows(&["user", "notification"], &Readiness::Ready(Vec::new())).await;
    for service in USERS {
        world.measures(service, "redis_connected", &[], |value| value == 0.0).await;
    }
    assert!(fallbacks(world).await >= before.fallbacks + 3.0, "logins and refreshes went to SQL");
    Person { refresh: next, ..new }
}

/// Both sessions go on, and no token that was spent works.
async fn back(world: &World, before: Before, during: Person) {
    for service in USERS {
        world.measures(service, "redis_connected", &[], |value| value == 1.0).await;
    }
    let next = token(&world.refresh(&before.person.refresh).await.expect(200), "refresh_token");
    let _ = world.refresh(&during.refresh).await.expect(200);
    // A token that comes twice ends its session.
    for spent in [&before.spent, &next, &during.refresh] {
        let _ = world.refresh(spent).await.expect(401);
    }
}

async fn still_limits(world: &World, decided_by: &str) {
    let decided = [("outcome", "allowed"), ("decided_by", decided_by)];
    let allowed = world.metric("gateway", "rate_limit_decisions_total", &decided).await;
    let address = world.address();
    let mut passed = 0;
    let refused = loop {
        let answer = world.send_from(&address, (Method::GET, "/ping"), None, None).await;
        if answer.status != 200 {
            break answer.expect(429);
        }
        passed += 1;
        assert!(passed < 3 * BURST, "nobody is refused");
    };
    assert!(passed >= BURST, "refused after {passed}");
    assert_ne!(refused.header("retry-after"), "");
    let now = world.metric("gateway", "rate_limit_decisions_total", &decided).await;
    assert!(now >= allowed + f64::from(u32::try_from(BURST).unwrap()), "{allowed} {now}");
}

pub(crate) async fn emptied(world: &World) {
    let before = before(world).await;
    world.processes.redis.command("FLUSHALL").unwrap();
    assert_eq!(world.refresh(&before.person.refresh).await.expect(401).code(), "invalid_refresh_token");
    let _ = world.refresh(&before.spent).await.expect(401);
    let _ = world.me(&before.person.access).await.expect(200);
    let _ = world.get(&world.unseen_product()).await.expect(200);
    let again = world.login(&before.person.email).await.expect(200);
    let _ = world.refresh(&token(&again, "refresh_token")).await.expect(200);
    still_limits(world, "redis").await;
    world.shows(&USERS, &Readiness::Ready(Vec::new())).await;
    let refused = world.metric("auth", "auth_refreshes_total", &[("outcome", "refused")]).await;
    assert!(refused >= 2.0, "{refused}");
}

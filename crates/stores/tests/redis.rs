//! The Redis client against a server that is there, refuses, hangs, dies and comes back.
#![allow(missing_docs)]

use std::time::{Duration, Instant};

use backends::{Redis as RedisServer, eventually};
use stores::redis::{Redis, RedisError, Script, cmd};
use stores::settings;

const TIMEOUT_MS: u64 = 200;

/// Far more than anything here takes, and less than a test may hang.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

fn client(url: &str) -> Redis {
    let settings = settings::Redis::new(url).expect("a URL");
    let settings = settings::Redis { timeout: Duration::from_millis(TIMEOUT_MS), ..settings };
    Redis::open(&settings).expect("a URL").expect("configured")
}

async fn set(redis: &Redis, key: &str, value: u64) -> Result<(), RedisError> {
    redis.run("SET test", cmd("SET").arg(key).arg(value)).await
}

async fn get(redis: &Redis, key: &str) -> Result<Option<u64>, RedisError> {
    redis.run("GET test", cmd("GET").arg(key)).await
}

#[tokio::test]
async fn commands_and_scripts_are_answered() {
    let server = RedisServer::start().expect("Redis");
    let redis = client(&server.url());
    set(&redis, "n", 7).await.expect("set");
    assert_eq!(get(&redis, "n").await.expect("got"), Some(7));
    let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    let sum: u64 = redis.script("EVALSHA add", script.key("n").arg(5)).await.expect("run");
    assert_eq!(sum, 12);
    // The server may forget scripts; the client sends them again.
    server.command("SCRIPT FLUSH").expect("Redis does it");
    let sum: u64 = redis.script("EVALSHA add", script.key("n").arg(5)).await.expect("run");
    assert_eq!(sum, 17);
    assert_eq!(redis.check().await, Ok(()));
    assert_eq!(redis.connection().await.expect("connected").number(), 1);
}

#[tokio::test]
async fn a_refusal_is_no_outage() {
    let server = RedisServer::start().expect("Redis");
    let redis = client(&server.url());
    redis.run::<()>("SET test", cmd("SET").arg("text").arg("word")).await.expect("set");
    let error = redis.run::<u64>("INCR test", cmd("INCR").arg("text")).await.expect_err("no number");
    assert_eq!((error.error_type(), error.may_have_happened()), ("refused", false));
    assert_eq!(redis.connection().await.expect("the same").number(), 1);
}

#[tokio::test]
async fn nobody_listening_fails_at_once_until_somebody_does() {
    let server = RedisServer::start().expect("Redis");
    server.kill().expect("Redis does it");
    let redis = client(&server.url());
    eventually("the first attempt ends", async || {
        redis.check().await.is_err_and(|reason| reason.contains("refused") && reason.contains("`redis.url`"))
    })
    .await;
    let error = set(&redis, "n", 1).await.expect_err("nobody");
    assert_eq!((error.error_type(), error.may_have_happened()), ("not_connected", false));
    server.launch().expect("Redis does it");
    eventually("it connects by itself", async || set(&redis, "n", 1).await.is_ok()).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let server = RedisServer::start().expect("Redis");
    let redis = client(&server.url_of(":hush"));
    eventually("the refusal is known", async || {
        redis.check().await.is_err_and(|reason| {
            assert!(!reason.contains("hush"), "{reason}");
            reason.to_lowercase().contains("password") && reason.contains("`redis.url`")
        })
    })
    .await;
    let redis = client(&server.url());
    eventually("the right one works", async || redis.check().await.is_ok()).await;
    // Without any password the connection is made, and refuses everything.
    let redis = client(&server.url_of(""));
    assert!(redis.check().await.is_err(), "that is not taken for a connection");
    eventually("none is told, too", async || redis.check().await.is_err_and(|reason| reason.contains("NOAUTH"))).await;
}

#[tokio::test]
async fn a_server_that_dies_is_noticed_without_a_command_and_comes_back_empty() {
    let server = RedisServer::start().expect("Redis");
    let redis = client(&server.url());
    set(&redis, "n", 1).await.expect("set");
    server.kill().expect("Redis does it");
    eventually("the heartbeat notices", async || redis.check().await.is_err()).await;
    server.launch().expect("Redis does it");
    eventually("it connects again", async || redis.check().await.is_ok()).await;
    assert_eq!(get(&redis, "n").await.expect("answered"), None);
    assert!(redis.connection().await.expect("connected").number() >= 2);
}

#[tokio::test]
async fn a_server_that_hangs_costs_one_time_out_and_then_nothing() {
    let server = RedisServer::start().expect("Redis");
    let redis = client(&server.url());
    set(&redis, "n", 1).await.expect("set");
    server.pause().expect("Redis does it");
    let limit = Duration::from_millis(TIMEOUT_MS) + TEST_TIMEOUT;
    let calls = (0..50).map(|_| get(&redis, "n"));
    let outcomes = tokio::time::timeout(limit, futures_util::future::join_all(calls)).await.expect("bounded");
    for outcome in outcomes {
        let error = outcome.expect_err("it hangs");
        assert!(["timeout", "not_connected"].contains(&error.error_type()), "{error}");
    }
    // Given up: a thousand calls one after the other do not wait a time-out each.
    let start = Instant::now();
    for _ in 0..1000 {
        assert_eq!(get(&redis, "n").await.expect_err("it hangs").error_type(), "not_connected");
    }
    assert!(start.elapsed() < Duration::from_millis(TIMEOUT_MS) * 1000);
    server.resume().expect("Redis does it");
    eventually("it goes on", async || get(&redis, "n").await.is_ok_and(|value| value == Some(1))).await;
}

#[tokio::test]
async fn a_command_without_an_answer_may_have_happened() {
    let server = RedisServer::start().expect("Redis");
    let redis = client(&server.url());
    set(&redis, "n", 1).await.expect("set");
    server.pause().expect("Redis does it");
    let error = set(&redis, "n", 2).await.expect_err("it hangs");
    assert_eq!((error.error_type(), error.may_have_happened()), ("timeout", true));
    server.resume().expect("Redis does it");
    eventually("it has happened", async || get(&redis, "n").await.is_ok_and(|value| value == Some(2))).await;
}

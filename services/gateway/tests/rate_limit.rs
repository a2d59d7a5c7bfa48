//! The rate limit of two gateways that share a Redis, which dies, hangs and comes back.
#![allow(missing_docs)]

use std::time::{Duration, Instant};

use backends::{Redis as RedisServer, eventually};
use chassis::config::Layers;
use chassis::{HostOptions, Running};
use stores::redis::{Redis, cmd};
use telemetry::exposition::Exposition;
use telemetry::{LogFormat, LogOutput};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request may take the time-out of Redis and some more; far less than this.
const BOUND: Duration = Duration::from_secs(10);

const BASE: &str = r#"
    [http]
    address = "127.0.0.1:0"
    [admin]
    address = "127.0.0.1:0"
    [telemetry]
    log_level = "error"
    [runtime]
    worker_threads = 1
    [rate_limit]
    per_second = 1
    burst = 10
    auth_per_second = 1
    auth_burst = 4
    trusted_proxies = 1
"#;

/// Two gateways and what they share.
struct World {
    server: RedisServer,
    gateways: Vec<Running>,
}

impl World {
    async fn start(overrides: &str) -> Self {
        let _ = telemetry::install(LogFormat::Pretty, &LogOutput::Off);
        let server = RedisServer::start().expect("Redis");
        let redis = format!("[redis]\nurl = \"{}\"\ntimeout_ms = 200", server.url());
        let mut gateways = Vec::new();
        for _ in 0..2 {
            let mut layers = Layers::new(gateway::SPEC.name, gateway::SPEC.defaults).expect("valid defaults");
            for text in [BASE, &redis, overrides] {
                layers = layers.table("test", text.parse().expect("TOML")).expect("known keys");
            }
            let extras = HostOptions { tap: None, admin: None };
            gateways.push(chassis::start(&gateway::SPEC, &layers, extras).await.expect("it starts"));
        }
        let world = Self { server, gateways };
        world.connected(1.0).await;
        world
    }

    /// Waits until both gateways have a connection, or have none.
    async fn connected(&self, state: f64) {
        eventually("the connections of both gateways", async || {
            let states = [0, 1].map(|gateway| self.metric(gateway, "redis_connected"));
            if states == [state; 2] { Ok(()) } else { Err(states) }
        })
        .await;
    }

    fn metric(&self, gateway: usize, series: &str) -> f64 {
        let metrics = Exposition::parse(&self.gateways[gateway].metrics()).expect("metrics");
        metrics.value(series).expect("a series").unwrap_or_default()
    }

    /// Decisions of both gateways.
    fn decisions(&self, outcome: &str, decided_by: &str) -> f64 {
        let series = format!("rate_limit_decisions_total{{outcome=\"{outcome}\",decided_by=\"{decided_by}\"}}");
        (0..2).map(|gateway| self.metric(gateway, &series)).sum()
    }

    /// The status and the head of an answer to a client behind a proxy.
    async fn ask(&self, gateway: usize, client: &str, line: &str) -> (u16, String) {
        let request = format!(
            "{line} HTTP/1.1\r\nhost: test\r\nx-forwarded-for: {client}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let asking = async {
            let mut stream = TcpStream::connect(self.gateways[gateway].address("http").expect("HTTP")).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = tokio::time::timeout(BOUND, asking).await.expect("in time").expect("an answer");
        (answer[9..12].parse().expect("a status"), answer.to_lowercase())
    }

    /// Of so many requests to the gateways in turn, how many were let in.
    async fn let_in(&self, requests: usize, client: &str, line: &str) -> u64 {
        let mut let_in = 0;
        for number in 0..requests {
            let (status, head) = self.ask(number % 2, client, line).await;
            assert!(status != 429 || head.contains("\r\nretry-after: 1\r\n"), "{head}");
            let_in += u64::from(status != 429);
        }
        let_in
    }
}

/// Tells how many more requests may be let in by now, at one a second.
struct Refill(Instant);

impl Refill {
    fn so_far(&self) -> u64 {
        self.0.elapsed().as_secs() + 1
    }
}

#[tokio::test]
async fn replicas_limit_a_client_together() {
    let world = World::start("").await;
    let start = Refill(Instant::now());
    let let_in = world.let_in(40, "192.0.2.1", "GET /ping").await;
    // By itself, each gateway lets ten in.
    assert!((10..=10 + start.so_far()).contains(&let_in), "{let_in}");
    assert!(world.decisions("limited", "redis") >= 1.0);
    assert_eq!(world.decisions("allowed", "redis"), let_in as f64);
    assert_eq!(world.decisions("allowed", "fallback") + world.decisions("allowed", "process"), 0.0);
    assert_eq!(world.ask(0, "192.0.2.2", "GET /ping").await.0, 200, "another client has its own");
    assert_eq!(world.ask(1, "2001:db8::1", "GET /ping").await.0, 200);
}

#[tokio::test]
async fn a_flood_at_one_replica_is_refused_without_asking_redis() {
    let world = World::start("").await;
    for _ in 0..30 {
        world.ask(0, "192.0.2.1", "GET /ping").await;
    }
    assert!(world.decisions("limited", "process") >= 10.0);
    assert!(world.decisions("allowed", "redis") >= 10.0);
}

#[tokio::test]
async fn sign_in_routes_have_a_limit_of_their_own_and_a_refusal_takes_nothing() {
    let world = World::start("[rate_limit]\nburst = 30").await;
    let start = Refill(Instant::now());
    let let_in = world.let_in(10, "192.0.2.1", "POST /v1/auth/login").await;
    assert!((4..=4 + start.so_far()).contains(&let_in), "{let_in}");
    // Each gateway let four through to Redis, which refused four of the eight. Only the others count there.
    let rest = world.let_in(40, "192.0.2.1", "GET /ping").await;
    assert!((26..=26 + start.so_far()).contains(&rest), "{rest}");
}

#[tokio::test]
async fn without_redis_each_replica_goes_on_from_what_it_has_seen() {
    let world = World::start("").await;
    let start = Refill(Instant::now());
    assert_eq!(world.let_in(8, "192.0.2.1", "GET /ping").await, 8);
    world.server.kill().expect("Redis does it");
    world.connected(0.0).await;
    let let_in = world.let_in(60, "192.0.2.1", "GET /ping").await;
    // Each gateway has let four in before, so six are left: the gates neither close nor open.
    assert!((12..=12 + 2 * start.so_far()).contains(&let_in), "{let_in}");
    assert_eq!(world.decisions("allowed", "fallback"), let_in as f64);
    world.server.launch().expect("Redis does it");
    world.connected(1.0).await;
    let before = world.decisions("allowed", "redis");
    assert_eq!(world.ask(0, "192.0.2.9", "GET /ping").await.0, 200);
    assert_eq!(world.decisions("allowed", "redis"), before + 1.0, "together again");
}

#[tokio::test]
async fn a_redis_that_hangs_blocks_nobody() {
    let world = World::start("").await;
    assert_eq!(world.let_in(2, "192.0.2.1", "GET /ping").await, 2);
    world.server.pause().expect("Redis does it");
    for client in 0..50 {
        assert_eq!(world.ask(client % 2, &format!("198.51.100.{client}"), "GET /ping").await.0, 200);
    }
    assert_eq!(world.decisions("allowed", "fallback"), 50.0);
    world.server.resume().expect("Redis does it");
    world.connected(1.0).await;
    assert_eq!(world.ask(0, "192.0.2.9", "GET /ping").await.0, 200);
    assert_eq!(world.decisions("allowed", "fallback"), 50.0);
}

#[tokio::test]
async fn keys_go_by_themselves() {
    let world = World::start("[rate_limit]\nper_second = 2\nauth_per_second = 2").await;
    let settings = stores::settings::Redis::new(&world.server.url()).expect("a URL");
    let redis = Redis::open(&settings).expect("a URL").expect("configured");
    world.let_in(10, "192.0.2.1", "POST /v1/auth/login").await;
    let keys: Vec<String> = redis.run("KEYS test", cmd("KEYS").arg("*")).await.expect("keys");
    assert!(!keys.is_empty());
    for key in &keys {
        assert!(key.starts_with("signalbox:gateway:v1:rate:") && key.ends_with(":192.0.2.1"), "{key}");
        let ttl_ms: i64 = redis.run("PTTL test", cmd("PTTL").arg(key)).await.expect("a time");
        assert!((-2..=5_000).contains(&ttl_ms) && ttl_ms != -1, "{key} goes in {ttl_ms} ms");
    }
    eventually("every key to be gone", async || {
        match redis.run::<u64>("DBSIZE test", &cmd("DBSIZE")).await.expect("a number") {
            0 => Ok(()),
            left => Err(left),
        }
    })
    .await;
}

#[tokio::test]
async fn what_another_clock_has_left_blocks_nobody() {
    let world = World::start("").await;
    // As after a clock that was ahead, or with a much slower rate.
    world.server.command("SET signalbox:gateway:v1:rate:all:192.0.2.1 9000000000000000").expect("Redis does it");
    let let_in = world.let_in(20, "192.0.2.1", "GET /ping").await;
    assert!(let_in >= 10, "{let_in}");
}

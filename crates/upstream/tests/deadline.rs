//! A deadline on its way through three services on real sockets: it shrinks, and when it is over nobody works on.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chassis::config::Layers;
use chassis::deadline::{self, MARGIN};
use chassis::{App, Contract, HostOptions, Running, Spec, StartError, settings};
use contracts::user::v1::user_service_client::UserServiceClient;
use contracts::user::v1::user_service_server::{UserService, UserServiceServer};
use contracts::user::v1::*;
use serde::Deserialize;
use telemetry::exposition::Exposition;
use tonic::{Code, Request, Response, Status};

const DEFAULTS: &str = r#"
name = ""
next = ""
[grpc]
address = "127.0.0.1:0"
timeout_ms = 60000
max_in_flight = 100
max_message_bytes = 4096
max_concurrent_streams = 16
keepalive_s = 30
max_connection_age_s = 0
[admin]
address = "127.0.0.1:0"
[telemetry]
log_level = "info"
log_format = "json"
sampling_ratio = 0.0
otlp_endpoint = ""
environment = "test"
instance = ""
[runtime]
worker_threads = 1
[shutdown]
unready_ms = 0
drain_ms = 10000
"#;

#[derive(Deserialize)]
struct Config {
    name: String,
    next: String,
    grpc: settings::Grpc,
}

static SPEC: Spec =
    Spec { name: "hop", defaults: DEFAULTS, migrate: None, prepare: |layers| chassis::prepare(layers, build) };

fn connect(callee: &'static str, url: &str) -> upstream::Channel {
    upstream::connect(callee, &upstream::Settings::new(url, Duration::from_secs(60)).expect("a URL"))
}

async fn build(config: Config, mut app: App) -> Result<App, StartError> {
    let next = match config.next.as_str() {
        "" => None,
        url => Some(UserServiceClient::new(connect("next", url))),
    };
    let service = UserServiceServer::new(Hop { name: config.name, next });
    let contract = Contract {
        service: "user.v1.UserService",
        methods: contracts::methods(),
        known_method: contracts::known_method,
    };
    app.serve_grpc(&config.grpc, contract, tonic::service::Routes::new(service))?;
    Ok(app)
}

/// What each hop was told, and what its handler knew to be left.
static TOLD: Mutex<Vec<(String, Duration, Duration)>> = Mutex::new(Vec::new());

/// Handlers at work.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// Handlers that got past the point where the deadline was to stop them.
static WORKED_ON: AtomicUsize = AtomicUsize::new(0);

/// Asks the next hop; the last one never answers.
struct Hop {
    name: String,
    next: Option<UserServiceClient<upstream::Channel>>,
}

struct Working;

impl Working {
    fn begin() -> Self {
        AT_WORK.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        AT_WORK.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl UserService for Hop {
    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let _working = Working::begin();
        let told = request.metadata().get("grpc-timeout").expect("a deadline").to_str().expect("ascii").to_owned();
        let told = Duration::from_millis(told.strip_suffix('m').expect("milliseconds").parse().expect("a number"));
        let left = deadline::remaining().expect("the handler knows");
        TOLD.lock().expect("not poisoned").push((self.name.clone(), told, left));
        match &self.next {
            Some(next) => next.clone().get_user(request.into_inner()).await,
            None => {
                // Work in steps, as a handler with many queries does it.
                for _ in 0..3000 {
                    tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>())
                        .await
                        .expect_err("pends");
                }
                WORKED_ON.fetch_add(1, Ordering::SeqCst);
                Ok(Response::new(GetUserResponse::default()))
            }
        }
    }

    async fn create_user(&self, _: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
    async fn list_users(&self, _: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
    async fn update_user(&self, _: Request<UpdateUserRequest>) -> Result<Response<UpdateUserResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
    async fn set_role(&self, _: Request<SetRoleRequest>) -> Result<Response<SetRoleResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
    async fn delete_user(&self, _: Request<DeleteUserRequest>) -> Result<Response<DeleteUserResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

async fn hop(name: &str, next: &str) -> (Running, String) {
    drop(telemetry::install(telemetry::LogFormat::Json, &telemetry::LogOutput::Off));
    let table = format!("name = \"{name}\"\nnext = \"{next}\"").parse().expect("toml");
    let layers = Layers::new("hop", DEFAULTS).and_then(|layers| layers.table("test", table)).expect("layers");
    let running = chassis::start(&SPEC, &layers, HostOptions::default()).await.expect("it starts");
    let url = format!("http://{}", running.address("grpc").expect("grpc"));
    (running, url)
}

/// Calls a hop has counted with that code.
fn counted(running: &Running, code: &str) -> f64 {
    let metrics = Exposition::parse(&running.metrics()).expect("metrics");
    metrics.sum("rpc_server_call_duration_seconds_count", &[("rpc_response_status_code", code)])
}

/// Waits until no handler is at work any more.
async fn idle() {
    let idle = async {
        while AT_WORK.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), idle).await.expect("the handlers are gone");
}

/// What the three hops were told in one call that takes too long.
async fn too_long(client: &UserServiceClient<upstream::Channel>, limit: Duration) {
    TOLD.lock().expect("not poisoned").clear();
    let call = async { client.clone().get_user(GetUserRequest::default()).await };
    // On a busy machine our own end may come before the answer.
    if let Ok(result) = deadline::within(limit, call).await {
        let status = result.expect_err("too slow");
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    }
    idle().await;
    let told = TOLD.lock().expect("not poisoned").clone();
    assert_eq!(told.iter().map(|hop| hop.0.as_str()).collect::<Vec<_>>(), ["first", "second", "third"]);
    let mut allowed = limit;
    for (name, told, left) in told {
        assert!(told + MARGIN <= allowed, "{name} was told {told:?} of {allowed:?}");
        assert!(left <= told, "{name} knows {left:?} of {told:?}");
        allowed = left;
    }
}

#[tokio::test]
async fn a_deadline_shrinks_from_hop_to_hop_and_ends_the_work_of_all() {
    let (third, url) = hop("third", "").await;
    let (second, url) = hop("second", &url).await;
    let (first, url) = hop("first", &url).await;
    let client = connect("first", &url);
    let client = UserServiceClient::new(client);
    let hops = [first, second, third];
    // Each hop answers by itself and says so; nobody is cancelled. That takes answers within the margin, which a busy
    // machine may miss now and then, but not every time.
    let mut all_answered = false;
    for _ in 0..5 {
        let before = hops.each_ref().map(|hop| counted(hop, "DEADLINE_EXCEEDED"));
        too_long(&client, Duration::from_millis(600)).await;
        let after = hops.each_ref().map(|hop| counted(hop, "DEADLINE_EXCEEDED"));
        all_answered = after == before.map(|count| count + 1.0);
        if all_answered {
            break;
        }
    }
    assert!(all_answered, "{}", hops[0].metrics());
    for running in hops {
        assert!(running.stop().await, "nothing is left to drain");
    }
    assert_eq!(WORKED_ON.load(Ordering::SeqCst), 0, "somebody worked on after the end");
}

#[tokio::test]
async fn a_call_without_time_is_not_sent() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", taken.local_addr().expect("an address"));
    let client = connect("nobody", &url);
    let call = async { UserServiceClient::new(client).get_user(GetUserRequest::default()).await };
    if let Ok(result) = deadline::within(MARGIN, call).await {
        assert_eq!(result.expect_err("no time").code(), Code::DeadlineExceeded);
    }
    taken.set_nonblocking(true).expect("non-blocking");
    assert!(taken.accept().is_err(), "nobody has connected");
}

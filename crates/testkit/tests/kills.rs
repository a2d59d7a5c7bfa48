//! The promise under fire: while clients register, every process of the system is killed in turn, again and again. No
//! acknowledged registration may be lost, and each gets exactly one welcome mail.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a test that prints its counts")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use testkit::{Client, ProcessOptions, Processes, SERVICES, eventually_within};

/// Clients that register at the same time.
const CLIENTS: usize = 4;

/// What is killed, in this order: callers before their callees, and then what they stand on.
fn victims() -> Vec<&'static str> {
    SERVICES.into_iter().rev().chain(["rabbitmq", "redis", "postgres"]).collect()
}

const PASSWORD: &str = "correct horse battery";

/// Longest time for everything to have happened after the last kill: retries wait up to a minute.
const RECOVERY: Duration = Duration::from_secs(120);

#[derive(Default)]
struct Tally {
    stop: AtomicBool,
    acknowledged: AtomicUsize,
    repeated: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_registration_is_lost_and_no_mail_is_missing_or_doubled() {
    kill_everything(1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes two minutes: `make kills`"]
async fn nothing_is_lost_or_doubled_in_three_rounds() {
    kill_everything(3).await;
}

/// So many rounds through all processes.
async fn kill_everything(rounds: usize) {
    let processes = start().await;
    // RabbitMQ 3.10 forgets a quorum queue whose name it has not written yet.
    eventually_within(RECOVERY, "queues that survive a kill", || async {
        ["notification.user", "notification.auth", "notification.product"]
            .iter()
            .all(|queue| processes.rabbitmq.remembers(queue))
            .then_some(())
    })
    .await;
    let tally = Arc::new(Tally::default());
    let address = processes.service("gateway").address().unwrap();
    let clients: Vec<_> =
        (0..CLIENTS).map(|number| tokio::spawn(register(Client::new(address), number, tally.clone()))).collect();
    let mut kills = 0;
    for _ in 0..rounds {
        for victim in victims() {
            under_load(&tally).await;
            kill_and_launch(&processes, victim).await;
            kills += 1;
        }
    }
    under_load(&tally).await;
    tally.stop.store(true, Ordering::Relaxed);
    let mut accounts = Vec::new();
    for client in clients {
        accounts.extend(client.await.unwrap());
    }
    everybody_can_sign_in(&Client::new(address), &accounts).await;
    let mails = eventually_within(RECOVERY, "a welcome mail for everybody", || async {
        let mails = welcomes(&processes.mail());
        accounts.iter().all(|email| mails.contains_key(email)).then_some(mails)
    })
    .await;
    let doubled: Vec<_> = mails.iter().filter(|(_, count)| **count > 1).collect();
    backends::print_uncaptured(&format!(
        "kills: {kills} of {} processes; registrations acknowledged: {}, repeated after an error: {}, lost: 0; \
         welcome mails: {}, missing: 0, doubled: {}",
        victims().len(),
        accounts.len(),
        tally.repeated.load(Ordering::Relaxed),
        mails.len(),
        doubled.len(),
    ));
    assert!(kills >= victims().len() && accounts.len() >= kills, "{kills} kills, {} registrations", accounts.len());
    assert!(doubled.is_empty(), "{doubled:?}");
}

async fn start() -> Arc<Processes> {
    let cheap = [("auth", "PASSWORD_MEMORY_KIB", "64"), ("auth", "PASSWORD_ITERATIONS", "1")];
    let mut options = ProcessOptions::default();
    options.variables.extend(cheap.map(|(service, key, value)| (service, key.to_owned(), value.to_owned())));
    let limits = ["RATE_LIMIT_PER_SECOND", "RATE_LIMIT_BURST", "RATE_LIMIT_AUTH_PER_SECOND", "RATE_LIMIT_AUTH_BURST"];
    options.variables.extend(limits.map(|key| ("gateway", key.to_owned(), "100000".to_owned())));
    // A mail that was in hand when its sender or the database died is sent when the claim on it ends.
    let short = [("MAIL_ATTEMPT_TIMEOUT_MS", "2000"), ("MAIL_LEASE_S", "5")];
    options.variables.extend(short.map(|(key, value)| ("notification", key.to_owned(), value.to_owned())));
    tokio::task::spawn_blocking(move || Arc::new(Processes::start(&options, |_| {}).unwrap())).await.unwrap()
}

/// Registers one account after the other, each again and again until it is acknowledged. Answers their addresses.
async fn register(client: Client, number: usize, tally: Arc<Tally>) -> Vec<String> {
    let mut accounts = Vec::new();
    while !tally.stop.load(Ordering::Relaxed) {
        let email = format!("client-{number}-{}@example.com", accounts.len());
        let account = json!({ "email": email, "password": PASSWORD, "name": "Test Person" });
        // An account that was begun is finished: whether an unanswered request had its effect is open until then.
        eventually_within(RECOVERY, &email, || async {
            let answer = client.try_post("/v1/auth/register", &account).await;
            let acknowledged = answer.is_ok_and(|answer| answer.status == 201);
            tally.repeated.fetch_add(usize::from(!acknowledged), Ordering::Relaxed);
            acknowledged.then_some(())
        })
        .await;
        tally.acknowledged.fetch_add(1, Ordering::Relaxed);
        accounts.push(email);
    }
    accounts
}

/// Waits until registrations have gone on: nothing is killed while nothing works.
async fn under_load(tally: &Tally) {
    let before = tally.acknowledged.load(Ordering::Relaxed);
    eventually_within(RECOVERY, "registrations to go on", || async {
        (tally.acknowledged.load(Ordering::Relaxed) >= before + 5).then_some(())
    })
    .await;
}

async fn kill_and_launch(processes: &Arc<Processes>, victim: &'static str) {
    let processes = processes.clone();
    let work = move || {
        match victim {
            "postgres" => processes.postgres.kill().and_then(|()| processes.postgres.launch()),
            "redis" => processes.redis.kill().and_then(|()| processes.redis.launch()),
            "rabbitmq" => processes.rabbitmq.kill().and_then(|()| processes.rabbitmq.launch()),
            service => processes.service(service).kill().and_then(|()| processes.service(service).launch()),
        }
        .unwrap_or_else(|error| panic!("{victim}: {error}"));
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

async fn everybody_can_sign_in(client: &Client, accounts: &[String]) {
    for email in accounts {
        let credentials = json!({ "email": email, "password": PASSWORD });
        let what = format!("{email} to sign in");
        eventually_within(RECOVERY, &what, || async {
            client.try_post("/v1/auth/login", &credentials).await.ok().filter(|answer| answer.status == 200)
        })
        .await;
    }
}

/// Welcome mails by recipient.
fn welcomes(folder: &Path) -> BTreeMap<String, usize> {
    let mut mails = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            let text = std::fs::read_to_string(path).unwrap();
            let recipient = text.lines().find_map(|line| line.strip_prefix("To: ")).unwrap();
            let address = recipient.split(['<', '>']).nth(1).unwrap_or(recipient).trim().to_owned();
            *mails.entry(address).or_default() += 1;
        }
    }
    mails
}

//! Hashes, costs and limits of [`super`].

use std::sync::mpsc;

use super::*;

const CHEAP: Password =
    Password { memory_kib: 64, iterations: 1, parallelism: 1, workers: 1, queue: 1, wait: Duration::from_secs(60) };

fn pool(settings: &Password) -> Arc<HashPool> {
    Arc::new(HashPool::new(settings).expect("valid costs"))
}

#[tokio::test]
async fn a_hash_is_a_phc_string_that_verifies() {
    let pool = pool(&CHEAP);
    let hash = pool.hash(&"correct horse".into()).await.expect("hashed");
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    assert_eq!(pool.verify(&"correct horse".into(), Some(&hash)).await.expect("compared"), PasswordCheck::Match);
    assert_eq!(pool.verify(&"wrong horse".into(), Some(&hash)).await.expect("compared"), PasswordCheck::Mismatch);
    assert_ne!(hash, pool.hash(&"correct horse".into()).await.expect("hashed"), "salted");
}

#[tokio::test]
async fn without_a_hash_every_password_is_wrong() {
    let pool = pool(&CHEAP);
    for password in ["", "correct horse"] {
        assert_eq!(pool.verify(&password.into(), None).await.expect("compared"), PasswordCheck::Mismatch);
    }
}

#[test]
fn the_dummy_costs_what_a_hash_costs() {
    let pool = HashPool::new(&Password { memory_kib: 128, iterations: 3, ..CHEAP }).expect("valid costs");
    let dummy = PasswordHash::new(&pool.dummy).expect("well-formed");
    let params = Params::try_from(&dummy).expect("parameters");
    assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (128, 3, 1));
    assert_eq!(dummy.salt.map(|salt| salt.len()), Some(16));
    assert_eq!(dummy.hash.map(|hash| hash.len()), Some(32));
}

#[tokio::test]
async fn cheaper_hashes_are_weak() {
    let cheap = pool(&CHEAP);
    let hash = cheap.hash(&"correct horse".into()).await.expect("hashed");
    for stronger in [Password { memory_kib: 128, ..CHEAP }, Password { iterations: 2, ..CHEAP }] {
        let check = pool(&stronger).verify(&"correct horse".into(), Some(&hash)).await;
        assert_eq!(check.expect("compared"), PasswordCheck::NeedsRehash);
    }
}

#[tokio::test]
async fn a_corrupt_hash_is_our_fault() {
    let outcome = pool(&CHEAP).verify(&"correct horse".into(), Some("not a hash")).await;
    assert!(matches!(outcome, Err(Error::Internal(_))));
}

#[test]
fn impossible_costs_are_refused() {
    assert!(HashPool::new(&Password { memory_kib: 1, ..CHEAP }).is_err());
    assert!(HashPool::new(&Password { iterations: 0, ..CHEAP }).is_err());
}

/// Occupies the only worker until the sender is dropped.
async fn occupy(pool: &Arc<HashPool>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (release, wait) = mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let pool = Arc::clone(pool);
    let task = tokio::spawn(async move {
        let hold = move || {
            let _ = started.send(());
            let _ = wait.recv();
        };
        pool.run(hold).await.expect("ran");
    });
    has_started.await.expect("started");
    (release, task)
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let pool = pool(&CHEAP);
    let (release, holder) = occupy(&pool).await;
    let second = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { pool.hash(&"correct horse".into()).await }
    });
    let queued = async {
        while pool.queue.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), queued).await.expect("it queues");
    assert!(matches!(pool.hash(&"correct horse".into()).await, Err(Error::Busy)));
    drop(release);
    second.await.expect("joined").expect("hashed after the wait");
    holder.await.expect("joined");
    pool.hash(&"correct horse".into()).await.expect("free again");
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_given_up() {
    let pool = pool(&Password { wait: Duration::from_millis(1), ..CHEAP });
    let (release, holder) = occupy(&pool).await;
    assert!(matches!(pool.hash(&"correct horse".into()).await, Err(Error::Busy)));
    assert_eq!(pool.queue.available_permits(), 1, "its place is free again");
    drop(release);
    holder.await.expect("joined");
}

#[tokio::test]
async fn other_programs_agree_on_hashes_also_when_the_memory_is_used_again() {
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
    let pool = pool(&CHEAP);
    let library = argon2::Argon2::from(Params::new(64, 1, 1, None).expect("valid costs"));
    for password in ["first", "second", "third"] {
        let ours = pool.hash(&password.into()).await.expect("hashed");
        let parsed = PasswordHash::new(&ours).expect("well-formed");
        library.verify_password(password.as_bytes(), &parsed).expect("the library accepts our hash");
        let theirs = library.hash_password(password.as_bytes()).expect("hashed").to_string();
        assert_eq!(pool.verify(&password.into(), Some(&theirs)).await.expect("compared"), PasswordCheck::Match);
    }
}

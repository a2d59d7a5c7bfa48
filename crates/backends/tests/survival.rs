//! Nothing survives the process that has started it, however it ends.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use backends::{BackendError, Postgres, RabbitMq, Redis};

#[test]
fn a_test_that_passes_leaves_nothing() {
    let mut held = Held::new();
    drop(held.child.stdin.take());
    assert!(held.child.wait().unwrap().success());
    held.nothing_is_left();
}

#[test]
fn a_test_that_panics_leaves_nothing() {
    let mut held = Held::new();
    held.child.stdin.take().unwrap().write_all(b"panic\n").unwrap();
    assert!(!held.child.wait().unwrap().success());
    held.nothing_is_left();
}

#[test]
fn signals_leave_nothing() {
    for signal in ["-INT", "-KILL"] {
        let mut held = Held::new();
        assert!(Command::new("kill").args([signal, &held.child.id().to_string()]).status().unwrap().success());
        assert!(!held.child.wait().unwrap().success());
        held.nothing_is_left();
    }
}

#[test]
fn what_is_dropped_is_gone_at_once() {
    let servers = (Postgres::start().unwrap(), Redis::start().unwrap(), RabbitMq::start().unwrap());
    let folders = [servers.0.folder(), servers.1.folder(), servers.2.folder()].map(Path::to_owned);
    assert!(folders.iter().all(|folder| processes(folder).len() >= 2), "a server and its watchdog each");
    // Asked about a server that is gone, the tool looks for its port mapper and may not start one.
    servers.2.kill().unwrap();
    let error = servers.2.ctl(&["status"]).unwrap_err();
    assert!(matches!(error, BackendError::Command { .. }), "{error}");
    drop(servers);
    for folder in folders {
        assert_eq!(processes(&folder), [""; 0]);
        assert!(!folder.exists());
    }
}

#[test]
fn what_does_not_start_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let error = RabbitMq::start_in(folder.path(), backends::redis().port(), 15_692).unwrap_err();
    assert!(matches!(error, BackendError::Server { .. }), "{error}");
    assert_eq!(processes(folder.path()), [""; 0]);
    assert!(folder.path().join("output").exists(), "a folder of somebody else stays");
}

/// The process that the tests above start.
#[test]
#[ignore = "it waits for its standard input to end"]
fn holds_servers() {
    // What is stopped cannot notice that it is alone, and what was killed cannot clean up.
    let (paused, killed) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    paused.pause().unwrap();
    killed.kill().unwrap();
    let (postgres, redis, rabbitmq) = (backends::postgres(), backends::redis(), backends::rabbitmq());
    let own = [paused.folder(), killed.folder(), postgres.folder(), redis.folder(), rabbitmq.folder()];
    let line = own.map(|folder| folder.display().to_string()).join(" ");
    std::io::stdout().write_all(format!("folders: {line}\n").as_bytes()).unwrap();
    let mut order = String::new();
    std::io::stdin().read_line(&mut order).unwrap();
    assert!(order.is_empty(), "told to {order}");
}

/// A process with servers, and what belongs to them.
struct Held {
    child: Child,
    folders: Vec<PathBuf>,
    segments: Vec<String>,
}

impl Held {
    fn new() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "--nocapture", "holds_servers"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find_map(|line| line.split_once("folders: ").map(|(_, folders)| folders.to_owned()));
        // It may go on to write.
        std::thread::spawn(move || lines.count());
        let folders: Vec<_> = line.unwrap().split(' ').map(PathBuf::from).collect();
        assert_eq!(folders.len(), 5);
        for (folder, least) in folders.iter().zip([6, 1, 6, 2, 3]) {
            let found = processes(folder);
            assert!(found.len() >= least && folder.is_dir(), "{folder:?} {found:?}");
        }
        let segments: Vec<_> = folders[..3].iter().map(|folder| segment(folder)).collect();
        assert!(segments.iter().all(|id| exists(id)), "{segments:?}");
        Self { child, folders, segments }
    }

    fn nothing_is_left(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let mut left: Vec<_> = self.folders.iter().flat_map(|folder| processes(folder)).collect();
            left.extend(
                self.folders.iter().filter(|folder| folder.exists()).map(|folder| folder.display().to_string()),
            );
            left.extend(self.segments.iter().filter(|id| exists(id)).cloned());
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "left: {left:?}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

/// The processes that work in a folder or are told about it, by their commands. A daemon has left the folder, but not
/// its environment.
fn processes(folder: &Path) -> Vec<String> {
    let name = folder.to_str().unwrap();
    let found = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let command = String::from_utf8_lossy(&fs::read(entry.path().join("cmdline")).ok()?).replace('\0', " ");
        let works_there = fs::read_link(entry.path().join("cwd")).is_ok_and(|place| place.starts_with(folder));
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let told = command.contains(name) || String::from_utf8_lossy(&environment).contains(name);
        (works_there || told).then_some(command)
    });
    found.collect()
}

/// The id of the segment of shared memory of a Postgres.
fn segment(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    text.lines().nth(6).unwrap().split_whitespace().nth(1).unwrap().to_owned()
}

fn exists(segment: &str) -> bool {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    table.lines().any(|row| row.split_whitespace().nth(1) == Some(segment))
}

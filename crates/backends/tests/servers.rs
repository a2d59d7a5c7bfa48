//! Each kind of server: started, asked, killed, started again, paused, stopped.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use backends::{BackendError, Postgres, RabbitMq, Redis, eventually};

/// Long enough to be sure that nobody answers.
const SILENCE: Duration = Duration::from_millis(300);

#[test]
fn postgres_comes_back_with_its_data() {
    let server = Postgres::durable().unwrap();
    let database = server.database().unwrap();
    server.execute(&database, "CREATE TABLE notes (text text); INSERT INTO notes VALUES ('kept')").unwrap();
    assert_eq!(server.execute("postgres", "SHOW fsync; SHOW synchronous_commit").unwrap(), "on\non\n");
    for (end, in_order) in [(Postgres::kill as fn(&Postgres) -> _, false), (Postgres::stop, true)] {
        end(&server).unwrap();
        let output = std::fs::read_to_string(server.folder().join("output")).unwrap();
        assert_eq!(output.contains("database system is shut down"), in_order, "{output}");
        assert!(server.execute(&database, "SELECT 1").is_err());
        assert_eq!(processes_in(server.folder()), 0, "all of them ended");
        server.launch().unwrap();
        assert_eq!(server.execute(&database, "SELECT text FROM notes").unwrap(), "kept\n");
    }
    let process = server.execute("postgres", "SELECT pg_postmaster_start_time()").unwrap();
    server.launch().unwrap();
    let same = server.execute("postgres", "SELECT pg_postmaster_start_time()").unwrap();
    assert_eq!(same, process, "what runs is not started again");
}

#[test]
fn postgres_wants_the_password_and_has_a_fresh_database_for_everybody() {
    let server = backends::postgres();
    assert!(std::ptr::eq(server, backends::postgres()), "one for all");
    let (one, other) = (server.database().unwrap(), server.database().unwrap());
    assert_ne!(one, other);
    server.execute(&one, "CREATE TABLE mine ()").unwrap();
    let error = server.execute(&other, "SELECT * FROM mine").unwrap_err();
    assert!(error.to_string().contains("\"mine\" does not exist"), "{error}");
    let password = server.url().split(['@', ':']).nth(2).unwrap().to_owned();
    let wrong = server.url().replace(&password, "wrong");
    let error = server.execute(&wrong, "SELECT 1").unwrap_err();
    assert!(error.to_string().contains("password authentication failed"), "{error}");
    assert_eq!(server.execute("postgres", "SHOW fsync").unwrap(), "off\n");
}

#[tokio::test]
async fn a_paused_postgres_answers_nobody() {
    let server = Postgres::start().unwrap();
    server.pause().unwrap();
    // Each process is in a session of its own, and each has to stop.
    eventually("all to be stopped", async || all(states(server.folder()), |state| state == "T")).await;
    assert!(states(server.folder()).len() > 3);
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let whether_tls = [0, 0, 0, 8, 4, 210, 22, 47];
    silent(&mut stream, &whether_tls);
    server.resume().unwrap();
    eventually("all to go on", async || all(states(server.folder()), |state| state != "T")).await;
    answered(&mut stream);
}

#[test]
fn redis_comes_back_with_or_without_its_data() {
    for (server, left) in [(Redis::start().unwrap(), "$-1\r\n"), (Redis::durable().unwrap(), "$4\r\nkept\r\n")] {
        assert_eq!(redis(&server.url(), "SET note kept"), "+OK\r\n");
        assert_eq!(redis(&server.url(), "GET note"), "$4\r\nkept\r\n");
        for end in [Redis::kill, Redis::stop] {
            end(&server).unwrap();
            assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
            server.launch().unwrap();
            assert_eq!(redis(&server.url(), "GET note"), left);
        }
        let wrong = format!("redis://:wrong@127.0.0.1:{}/", server.port());
        assert!(redis(&wrong, "GET note").starts_with("-NOAUTH"));
    }
}

#[test]
fn a_paused_redis_answers_nobody() {
    let server = backends::redis();
    assert!(std::ptr::eq(server, backends::redis()), "one for all");
    let server = Redis::start().unwrap();
    server.pause().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    silent(&mut stream, b"PING\r\n");
    server.resume().unwrap();
    answered(&mut stream);
}

#[test]
fn rabbitmq_comes_back_with_its_data_and_may_be_paused() {
    let server = RabbitMq::start().unwrap();
    assert_eq!(server.url(), server.url_of("guest:guest", "%2f"));
    server.ctl(&["add_user", "ada", "secret"]).unwrap();
    let error = server.ctl(&["add_user", "ada", "secret"]).unwrap_err();
    assert!(error.to_string().starts_with("rabbitmqctl add_user failed: "), "{error}");
    assert!(!server.remembers("nobody"));
    for end in [RabbitMq::kill, RabbitMq::stop] {
        end(&server).unwrap();
        assert_eq!(processes_in(server.folder()), 0, "all of them ended, the port mapper too");
        server.launch().unwrap();
        assert!(server.ctl(&["list_users"]).unwrap().contains("ada"));
    }
    server.pause().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    silent(&mut stream, b"AMQP\x00\x00\x09\x01");
    server.resume().unwrap();
    answered(&mut stream);
}

#[test]
fn nobody_listens_beyond_loopback() {
    let (postgres, redis, rabbitmq) = (backends::postgres(), backends::redis(), backends::rabbitmq());
    for folder in [postgres.folder(), redis.folder(), rabbitmq.folder()] {
        let sockets = listeners(folder);
        assert!(!sockets.is_empty(), "{}", folder.display());
        for address in sockets {
            assert!(
                LOOPBACK.iter().any(|loopback| address.starts_with(loopback)),
                "{} listens on {address}",
                folder.display()
            );
        }
    }
    assert!(listeners(rabbitmq.folder()).len() >= 3, "the broker, its node and its port mapper");
}

#[test]
fn a_folder_keeps_the_data_and_the_url() {
    let parent = tempfile::Builder::new().tempdir().unwrap();
    open_to_all(parent.path());
    let folder = parent.path().join("postgres");
    let server = Postgres::start().unwrap();
    let port = server.port();
    drop(server);
    let server = Postgres::start_in(&folder, port).unwrap();
    server.execute("postgres", "CREATE TABLE notes (text text); INSERT INTO notes VALUES ('kept')").unwrap();
    assert_eq!(server.execute("postgres", "SHOW fsync").unwrap(), "on\n");
    let url = server.url();
    drop(server);
    let server = Postgres::start_in(&folder, port).unwrap();
    assert_eq!(server.url(), url);
    assert_eq!(server.execute(&url, "SELECT text FROM notes").unwrap(), "kept\n");
    drop(server);
    let folder = parent.path().join("redis");
    let server = Redis::start_in(&folder, port).unwrap();
    redis(&server.url(), "SET note kept");
    drop(server);
    let server = Redis::start_in(&folder, port).unwrap();
    assert_eq!(redis(&server.url(), "GET note"), "$4\r\nkept\r\n");
}

#[test]
fn an_error_quotes_the_server() {
    let taken = backends::redis().port();
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let start = Instant::now();
    let errors = [
        Postgres::start_in(&folder.path().join("postgres"), taken).unwrap_err(),
        Redis::start_in(&folder.path().join("redis"), taken).unwrap_err(),
        RabbitMq::start_in(&folder.path().join("rabbitmq"), taken, taken).unwrap_err(),
    ];
    for error in &errors {
        let BackendError::Server { what, output, .. } = error else { panic!("{error}") };
        let output = output.to_lowercase();
        assert!(output.contains("address already in use") || output.contains("eaddrinuse"), "{error}");
        assert!(what.starts_with("ended at its start"), "{what}");
    }
    assert!(start.elapsed() < Duration::from_secs(60), "nobody waits for the dead");
    assert_eq!(redis(&backends::redis().url(), "PING"), "+PONG\r\n");
}

/// 127.0.0.1 and ::1 as the kernel writes them.
const LOOPBACK: [&str; 2] = ["0100007F:", "00000000000000000000000001000000:"];

/// Root's servers run as somebody else, who has to get there.
fn open_to_all(folder: &Path) {
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder, open).unwrap();
}

fn silent(stream: &mut TcpStream, question: &[u8]) {
    stream.write_all(question).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let answer = stream.read(&mut [0]).unwrap_err();
    assert!(matches!(answer.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{answer}");
}

fn answered(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

/// Sends one command and answers what comes back until the server is told to hang up.
fn redis(url: &str, command: &str) -> String {
    let (password, address) = url.strip_prefix("redis://:").unwrap().trim_end_matches('/').split_once('@').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("AUTH {password}\r\n{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let answer = answer.strip_suffix("+OK\r\n").unwrap_or(&answer);
    let (login, answer) = answer.split_once("\r\n").unwrap();
    assert_eq!(login == "+OK", password != "wrong", "{login}");
    answer.to_owned()
}

/// The processes that work in a folder.
fn pids_in(folder: &Path) -> Vec<String> {
    let pids = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let place = std::fs::read_link(entry.path().join("cwd"));
        place.is_ok_and(|place| place.starts_with(folder))
    });
    pids.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn processes_in(folder: &Path) -> usize {
    pids_in(folder).len()
}

/// Whether all of them are as `expected`, else what they are.
fn all(states: Vec<String>, expected: fn(&str) -> bool) -> Result<(), Vec<String>> {
    if states.iter().all(|state| expected(state)) { Ok(()) } else { Err(states) }
}

/// What the processes of a folder do, `T` if they are stopped.
fn states(folder: &Path) -> Vec<String> {
    // One may end between the two looks.
    let stat = |pid: &String| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    let state = |stat: String| stat.rsplit(") ").next().unwrap()[..1].to_owned();
    pids_in(folder).iter().filter_map(stat).map(state).collect()
}

/// The addresses, as the kernel writes them, on which the processes of a folder listen.
fn listeners(folder: &Path) -> Vec<String> {
    let find = "for p in $0; do ls -l /proc/$p/fd; done | sed -n 's/.*socket:\\[\\([0-9]*\\)\\]/\\1/p'";
    let output = Command::new("sh").args(["-c", find, &pids_in(folder).join(" ")]).output().unwrap();
    let inodes = String::from_utf8(output.stdout).unwrap();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines()).map(|row| row.split_whitespace().collect::<Vec<_>>());
    let mine = rows.filter(|row| row.len() > 9 && row[3] == "0A" && inodes.lines().any(|inode| inode == row[9]));
    mine.map(|row| row[1].to_owned()).collect()
}

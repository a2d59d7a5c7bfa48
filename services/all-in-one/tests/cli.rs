//! The program as a person runs it: a timed run, what it prints, and what it says when it cannot start.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use topology::Topology;

const PROGRAM: &str = env!("CARGO_BIN_EXE_all-in-one");

/// A configuration that puts every service on free ports and makes passwords cheap.
fn free_ports(folder: &Path, more: &str) -> String {
    let path = folder.join("demo.toml");
    let sections = Topology::ours().services().iter().flat_map(|service| {
        let protocols = service.served().into_iter().map(|(protocol, _)| protocol).chain(["admin"]);
        protocols.map(|protocol| format!("[{}.{protocol}]\naddress = \"127.0.0.1:0\"\n", service.name))
    });
    let ports: String = sections.collect();
    std::fs::write(&path, format!("{ports}[auth.password]\nmemory_kib = 64\niterations = 1\n{more}")).expect("a file");
    path.to_string_lossy().into_owned()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Exit code and the single line of complaint.
fn complaint(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(arguments);
    (output.status.code(), text(&output.stderr))
}

/// A running program that is killed when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_timed_run_prints_map_tables_and_slowest_trace_and_succeeds() {
    let folder = tempfile::tempdir().expect("folder");
    let config = free_ports(folder.path(), "");
    let output = run(&["--ephemeral", "--config", &config, "--traffic", "5", "--for", "3s", "--every", "1s"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    for expected in [
        "Signalbox is ready",
        "/traces",
        chassis::paths::READYZ,
        "POST /v1/auth/login",
        "product.v1.ProductService/GetProduct",
    ] {
        assert!(out.contains(expected), "{expected} is missing:\n{out}");
    }
    assert!(out.matches("service    operation").count() >= 3, "a table a second and one at the end:\n{out}");
    let slowest = out.split("The slowest trace:").nth(1).expect("a waterfall");
    assert!(
        slowest.contains("shopper · ") && slowest.contains("  gateway · ") && slowest.contains("request served"),
        "{slowest}"
    );
    assert!(slowest.contains(", 0 failed"), "{slowest}");
}

#[test]
fn a_timed_run_with_failures_fails() {
    let folder = tempfile::tempdir().expect("folder");
    // Every request of the shopper after the first few is refused.
    let strict = "[gateway.rate_limit]\nper_second = 1\nburst = 1\nauth_per_second = 1\nauth_burst = 1\n";
    let config = free_ports(folder.path(), strict);
    let (code, error) = complaint(&["--ephemeral", "--config", &config, "--traffic", "5", "--for", "2s"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("the run failed") && error.contains("429"), "{error}");
}

#[test]
fn what_keeps_it_from_starting_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let config = free_ports(folder.path(), "");
    let (code, error) = complaint(&["--data-dir", "/proc/nowhere", "--config", &config]);
    assert_eq!(code, Some(78), "{error}");
    assert!(error.contains("/proc/nowhere") && error.contains("--data-dir"), "{error}");

    let unknown = folder.path().join("unknown.toml");
    std::fs::write(&unknown, "[gateway.http]\nadress = \"127.0.0.1:0\"\n").expect("a file");
    let (code, error) = complaint(&["--ephemeral", "--config", &unknown.to_string_lossy()]);
    assert_eq!(code, Some(78), "{error}");
    assert!(error.contains("unknown key `http.adress`; did you mean `http.address`?"), "{error}");

    std::fs::write(&unknown, "[gatewya.http]\naddress = \"127.0.0.1:0\"\n").expect("a file");
    let (_, error) = complaint(&["--ephemeral", "--config", &unknown.to_string_lossy()]);
    assert!(error.contains("gatewya") && error.contains("gateway"), "{error}");

    let (_, error) = complaint(&["--ephemeral", "--config", "/nowhere/demo.toml"]);
    assert!(error.contains("/nowhere/demo.toml"), "{error}");
    let (code, error) = complaint(&["--for", "soon"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("`soon` is not a time such as 500ms, 20s or 5m"), "{error}");
}

#[test]
fn a_taken_port_is_named_with_its_key() {
    let folder = tempfile::tempdir().expect("folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let config = folder.path().join("taken.toml");
    let ports = std::fs::read_to_string(free_ports(folder.path(), "")).expect("a file");
    let gateway = format!("[gateway.http]\naddress = \"{address}\"\n");
    std::fs::write(&config, ports.replace("[gateway.http]\naddress = \"127.0.0.1:0\"\n", &gateway)).expect("a file");
    let (code, error) = complaint(&["--ephemeral", "--config", &config.to_string_lossy()]);
    assert_eq!(code, Some(78), "{error}");
    assert!(error.contains(&address) && error.contains("`http.address`"), "{error}");
}

#[test]
fn data_and_admin_password_survive_a_restart() {
    let folder = tempfile::tempdir().expect("folder");
    let config = free_ports(folder.path(), "");
    let data = folder.path().join("data");
    let arguments = ["--data-dir", &data.to_string_lossy(), "--config", &config, "--traffic", "0", "--for", "500ms"];
    assert!(run(&arguments).status.success());
    let password = std::fs::read_to_string(data.join("admin-password")).expect("a password");
    assert!(run(&arguments).status.success());
    assert_eq!(std::fs::read_to_string(data.join("admin-password")).expect("a password"), password);
    let log = std::fs::read_to_string(data.join("signalbox.jsonl")).expect("a log");
    assert!(log.lines().count() > 4);
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for key in ["timestamp", "level", "service.name", "trace_id", "span_id", "message"] {
            assert!(line[key].is_string(), "{key} is missing: {line}");
        }
    }
    assert!(!log.contains(password.trim()), "the password is not for logs");
}

#[test]
fn sigterm_drains_and_exits_with_zero() {
    let folder = tempfile::tempdir().expect("folder");
    let config = free_ports(folder.path(), "");
    let child = Command::new(PROGRAM)
        .args(["--ephemeral", "--config", &config, "--traffic", "5"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut running = Running(child);
    let mut lines = BufReader::new(running.0.stdout.take().expect("piped")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("Ctrl-C stops it")), "it starts");
    let kill = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().expect("kill");
    assert!(kill.success());
    assert!(lines.any(|line| line.starts_with("Shopper: ")), "it sums up");
    assert_eq!(running.0.wait().expect("an exit").code(), Some(0));
}

/// The answer to a `GET`, head and body.
fn get(url: &str) -> String {
    let (address, path) = url.trim_start_matches("http://").split_once('/').expect("a URL");
    let mut stream = TcpStream::connect(address).expect("connect");
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("write");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    answer
}

#[test]
fn recent_traces_are_listed_and_drawn() {
    let folder = tempfile::tempdir().expect("folder");
    let config = free_ports(folder.path(), "");
    let child = Command::new(PROGRAM)
        .args(["--ephemeral", "--config", &config, "--traffic", "5", "--every", "200ms"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut running = Running(child);
    let mut lines = BufReader::new(running.0.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let traces = lines.find_map(|line| Some(line.trim().strip_prefix("traces")?.trim().to_owned())).expect("a URL");
    assert!(lines.any(|line| line.contains("ProductService/GetProduct") && line.contains("ms")));
    // Its spans come a moment later than what is counted: a look with every line of the tables.
    let read = |list: String| Some(list.lines().find(|line| line.contains("GET"))?.split(' ').next()?.to_owned());
    // Those of the gateway may come after those of the shopper, who called it.
    let drawn =
        |id: String| Some((get(&format!("{traces}/{id}")), id)).filter(|(drawn, _)| drawn.contains("gateway · "));
    let (drawn, id) = lines.find_map(|_| drawn(read(get(&traces))?)).expect("a trace with the gateway's part");
    assert!(drawn.contains('█'), "{drawn}");
    assert!(get(&format!("{traces}/{id}?format=json")).contains("\"trace_id\""));
    let svg = get(&format!("{traces}/slowest?format=svg"));
    assert!(svg.contains("image/svg+xml") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(get(&format!("{traces}/nowhere")).starts_with("HTTP/1.1 404"));
    assert!(get(&format!("{traces}/{id}?format=png")).starts_with("HTTP/1.1 400"));
}

/// `make demo` builds it so; a build of the whole workspace has the clients.
#[cfg(not(feature = "backing-services"))]
#[test]
fn servers_without_a_client_are_refused_by_key_and_feature() {
    for (key, more) in [
        ("database.url", "[user.database]\nurl = \"postgres://shop:hush@localhost/user\"\n"),
        ("redis.url", "[gateway.redis]\nurl = \"redis://:hush@localhost:6379/0\"\n"),
        ("broker.url", "[auth.broker]\nurl = \"amqp://shop:hush@localhost:5672/%2f\"\n"),
        ("mail.transport", "[notification.mail]\ntransport = \"smtp\"\n"),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        let (code, error) = complaint(&["--ephemeral", "--config", &free_ports(folder.path(), more)]);
        assert_eq!(code, Some(78), "{error}");
        assert!(error.contains(key) && error.contains("`--features backing-services`"), "{error}");
        assert!(!error.contains("hush") && error.lines().count() == 1, "{error}");
    }
}

//! A private Redis server for a test: loopback, free port, nothing on disk. It dies with the test however that ends,
//! because it is the child of a shell that waits for the end of a pipe the test holds open.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts the server beside a watcher that kills it when standard input ends; `$1` and on are its arguments.
const LIFELINE: &str =
    r#"exec 3<&0; redis-server "$@" >/dev/null 2>&1 & echo $!; read _ <&3; kill -KILL $! 2>/dev/null"#;

/// See the module.
pub(crate) struct RedisServer {
    port: u16,
    arguments: Vec<String>,
    shell: Option<Child>,
    process: u32,
}

#[allow(dead_code, reason = "each test uses a part of it")]
impl RedisServer {
    /// Starts one.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with further arguments, such as `--requirepass`.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Self { port, arguments, shell: None, process: 0 };
        server.launch();
        server
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Starts it again on the same port, empty.
    pub(crate) fn launch(&mut self) {
        let port = self.port.to_string();
        let mut shell = Command::new("sh")
            .args(["-c", LIFELINE, "sh", "--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh");
        let mut line = String::new();
        let mut output = std::io::BufReader::new(shell.stdout.take().expect("piped"));
        std::io::BufRead::read_line(&mut output, &mut line).expect("a process id");
        self.process = line.trim().parse().expect("a process id");
        self.shell = Some(shell);
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "redis-server does not start; install redis-server");
            std::thread::yield_now();
        }
    }

    /// Ends it at once, with all it holds.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            shell.wait().expect("the shell ends");
        }
    }

    /// Stops it where it is: connections stay, nothing is answered.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// Sends a command in the inline form and forgets the answer.
    pub(crate) fn command(&self, line: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.write_all(format!("{line}\r\nQUIT\r\n").as_bytes()).expect("sent");
        std::io::copy(&mut stream, &mut std::io::sink()).expect("answered");
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.process.to_string()]).status();
        assert!(status.expect("kill").success(), "{name} is sent");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if self.shell.is_some() {
            self.kill();
        }
    }
}

//! A private RabbitMQ: own data, own ports, own port mapper. It dies with the test, however that ends.
//!
//! Its processes form one group under a shell that reads a pipe from the test. When the test ends, even by a signal,
//! the pipe closes and the shell kills the group.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CTL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";
const INSTALL: &str = "apt-get install -y --no-install-recommends rabbitmq-server";

/// A loaded machine starts the Erlang machine slowly.
const PATIENCE: Duration = Duration::from_secs(90);

const SCRIPT: &str = "epmd -port \"$ERL_EPMD_PORT\" -address 127.0.0.1 & \"$0\" & cat > /dev/null; kill -KILL 0";

/// See the file.
pub struct PrivateBroker {
    folder: TempDir,
    ports: [u16; 3],
    group: Option<Child>,
}

impl PrivateBroker {
    /// Starts it. Answers `None`, and says so on the terminal, if RabbitMQ is not installed and cannot be.
    pub fn start() -> Option<Self> {
        if !installed() {
            // Past the capture of the test harness: a skipped test has to be seen.
            writeln!(std::io::stderr(), "skipped: RabbitMQ is not installed; as root: {INSTALL}").unwrap();
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["mnesia", "log"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("environment"), "").unwrap();
        let mut broker = Self { folder, ports: free_ports(), group: None };
        let config = format!("listeners.tcp.default = 127.0.0.1:{}\nloopback_users = none\n", broker.ports[0]);
        fs::write(broker.folder.path().join("rabbitmq.conf"), config).unwrap();
        broker.launch();
        Some(broker)
    }

    /// Where it listens, as the user `guest`.
    pub fn url(&self) -> String {
        self.url_of("guest:guest", "%2f")
    }

    /// Where it listens, for other credentials and another virtual host.
    pub fn url_of(&self, credentials: &str, vhost: &str) -> String {
        format!("amqp://{credentials}@127.0.0.1:{}/{vhost}", self.ports[0])
    }

    /// Kills it without a word.
    pub fn kill(&mut self) {
        if let Some(mut group) = self.group.take() {
            let target = format!("-{}", group.id());
            // It may have died by itself.
            let _ = Command::new("kill").args(["-KILL", "--", &target]).stderr(Stdio::null()).status();
            group.wait().unwrap();
        }
    }

    /// Starts it again on the same data and waits until it takes connections.
    pub fn launch(&mut self) {
        assert!(self.group.is_none(), "it still runs");
        let log = fs::File::create(self.path("output")).unwrap();
        let mut command = Command::new("sh");
        self.environment(&mut command);
        command.args(["-c", SCRIPT, SERVER]).process_group(0).stdin(Stdio::piped());
        let group = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.group = Some(group);
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() {
            let output = fs::read_to_string(self.path("output")).unwrap_or_default();
            assert!(Instant::now() < deadline, "RabbitMQ does not start: {output}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Runs an administrative command.
    pub fn ctl(&self, arguments: &[&str]) {
        let mut command = Command::new(CTL);
        self.environment(&mut command);
        let Output { status, stdout, stderr } = command.args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(status.success(), "{arguments:?}: {}{}", text(&stdout), text(&stderr));
    }

    /// Whether a quorum queue would survive a kill. The server writes the names of new ones to disk seconds after it
    /// has confirmed them, up to 3.10 at least, and a queue whose name is lost comes back empty and without a leader.
    pub fn remembers(&self, queue: &str) -> bool {
        let names = self.path("mnesia").join("test@localhost/quorum/test@localhost/names.dets");
        // The `m` begins the next field; without it the names of the queue's retry ladder would match too.
        let entry = format!("_{queue}m").into_bytes();
        fs::read(names).is_ok_and(|bytes| bytes.windows(entry.len()).any(|window| window == entry))
    }

    fn environment(&self, command: &mut Command) {
        let [amqp, epmd, distribution] = self.ports.map(|port| port.to_string());
        command
            .env("HOME", self.folder.path())
            .env("RABBITMQ_MNESIA_BASE", self.path("mnesia"))
            .env("RABBITMQ_LOG_BASE", self.path("log"))
            .env("RABBITMQ_NODENAME", "test@localhost")
            .env("RABBITMQ_CONFIG_FILE", self.path("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", self.path("environment"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.path("plugins"))
            .env("RABBITMQ_NODE_PORT", amqp)
            .env("RABBITMQ_DIST_PORT", distribution)
            .env("ERL_EPMD_PORT", epmd);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whether it has come so far as to answer a client; the port opens last.
    fn answers(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.ports[0])).is_ok()
    }
}

impl Drop for PrivateBroker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn installed() -> bool {
    if Path::new(SERVER).exists() {
        return true;
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !root {
        return false;
    }
    let mut words = INSTALL.split(' ');
    let install = Command::new(words.next().unwrap()).args(words).output();
    // The package starts a server for the whole machine; nobody here asked for that one.
    let _ = Command::new("service").args(["rabbitmq-server", "stop"]).output();
    install.is_ok_and(|output| output.status.success()) && Path::new(SERVER).exists()
}

fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

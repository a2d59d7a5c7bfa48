//! A private RabbitMQ: own data, own ports, own port mapper.

mod handshake;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::error::BackendError;
use crate::install::{self, Package, folder_of, tail};
use crate::process_group::leader_command;
use crate::server::{DataFolder, Server, free_port, on_free_port};

const PACKAGE: Package = Package { server: "RabbitMQ", program: "rabbitmq-server", debian: "rabbitmq-server" };

/// The port mapper first: nobody else starts one here.
const SCRIPT: &str = "epmd -port \"$ERL_EPMD_PORT\" -address 127.0.0.1 &
until epmd -port \"$ERL_EPMD_PORT\" -names >/dev/null 2>&1; do sleep 0.02; done
exec \"$0\"";

/// For every Erlang machine, also those of the command line tools: listen on loopback, and start no port mapper. Theirs
/// is a daemon that leaves the group, listens everywhere and stays.
const ERLANG: &str = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}";

/// A private RabbitMQ on ports of the loopback interface, with the user `guest`. Dropping it kills it.
#[derive(Debug)]
pub struct RabbitMq {
    server: Server,
    programs: PathBuf,
    /// Of the port mapper and of the node.
    inner_ports: [u16; 2],
    metrics_port: u16,
}

impl RabbitMq {
    /// Starts one with a temporary folder on a free port.
    ///
    /// # Errors
    /// If RabbitMQ is not installed and cannot be, or does not start.
    pub fn start() -> Result<Self, BackendError> {
        on_free_port(|port| Self::open(DataFolder::temporary()?, port, free_port()?))
    }

    /// Starts one with the data in `folder`, which stays, and its metrics on a port of their own. The folder is made if
    /// need be.
    ///
    /// # Errors
    /// If RabbitMQ is not installed and cannot be, or does not start.
    pub fn start_in(folder: &Path, port: u16, metrics_port: u16) -> Result<Self, BackendError> {
        Self::open(DataFolder::persistent(folder)?, port, metrics_port)
    }

    fn open(data_folder: DataFolder, port: u16, metrics_port: u16) -> Result<Self, BackendError> {
        let programs = programs()?;
        let settings = format!(
            "listeners.tcp.default = 127.0.0.1:{port}\nprometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {metrics_port}\n"
        );
        data_folder.write("rabbitmq.conf", &settings)?;
        data_folder.write("plugins", "[rabbitmq_prometheus].\n")?;
        data_folder.write("environment", "")?;
        let server = Server::new(PACKAGE.server, data_folder, port, "")?;
        let broker = Self { server, programs, inner_ports: [free_port()?, free_port()?], metrics_port };
        broker.launch()?;
        Ok(broker)
    }

    /// Where it listens, as the user `guest`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("guest:guest", "%2f")
    }

    /// Where it listens, for other credentials and another virtual host, both as they stand in a URL.
    #[must_use]
    pub fn url_of(&self, credentials: &str, vhost: &str) -> String {
        format!("amqp://{credentials}@127.0.0.1:{}/{vhost}", self.port())
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Where it serves its metrics: `/metrics`, and `/metrics/detailed?family=...`.
    #[must_use]
    pub fn metrics_port(&self) -> u16 {
        self.metrics_port
    }

    /// Where it keeps its data, and its output in the file `output`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.data_folder().path()
    }

    /// Adds lines to its configuration by starting it again.
    ///
    /// # Errors
    /// If it does not start with them.
    pub fn configure(&self, lines: &[&str]) -> Result<(), BackendError> {
        self.server.data_folder().append("rabbitmq.conf", lines)?;
        self.stop()?;
        self.launch()
    }

    /// Runs an administrative command of `rabbitmqctl` and answers its output.
    ///
    /// # Errors
    /// If the command fails.
    pub fn ctl(&self, arguments: &[&str]) -> Result<String, BackendError> {
        let mut command = Command::new(self.programs.join("rabbitmqctl"));
        self.environment(&mut command);
        let output = command.args(arguments).output().map_err(BackendError::system("cannot run rabbitmqctl"))?;
        let Output { status, stdout, stderr } = output;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let text = [stdout, stderr].concat();
        let verb = arguments.first().unwrap_or(&"");
        let command = format!("rabbitmqctl {verb}");
        Err(BackendError::Command { command, output: tail(&String::from_utf8_lossy(&text)) })
    }

    /// Whether a quorum queue would survive a kill. The server writes the names of new ones to disk seconds after it
    /// has confirmed them, up to 3.10 at least, and a queue whose name is lost comes back empty and without a leader.
    #[must_use]
    pub fn remembers(&self, queue: &str) -> bool {
        let names = self.folder().join("mnesia/test@localhost/quorum/test@localhost/names.dets");
        // The `m` begins the next field; without it the names of the queue's retry ladder would match too.
        let entry = format!("_{queue}m").into_bytes();
        fs::read(names).is_ok_and(|bytes| bytes.windows(entry.len()).any(|window| window == entry))
    }

    /// Kills all its processes at once, without a word.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn kill(&self) -> Result<(), BackendError> {
        self.server.kill()
    }

    /// Starts it again on the same data and port, unless it runs, and waits until it lets a client in.
    ///
    /// # Errors
    /// If it does not start.
    pub fn launch(&self) -> Result<(), BackendError> {
        let mut command = leader_command(Path::new("sh"));
        command.args(["-c", SCRIPT]).arg(self.programs.join(PACKAGE.program));
        self.environment(&mut command);
        self.server.launch(command, || handshake::handshake(self.port()))
    }

    /// Stops all its processes where they are: connections stay, and nobody answers.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn pause(&self) -> Result<(), BackendError> {
        self.server.signal("STOP")
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn resume(&self) -> Result<(), BackendError> {
        self.server.signal("CONT")
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// If it does not end in time; then it was killed.
    pub fn stop(&self) -> Result<(), BackendError> {
        self.server.stop("TERM")
    }

    fn environment(&self, command: &mut Command) {
        let [epmd, distribution] = self.inner_ports.map(|port| port.to_string());
        let path = |name: &str| self.folder().join(name);
        command
            .env("HOME", self.folder())
            .env("RABBITMQ_MNESIA_BASE", path("mnesia"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            // To the output, which errors quote.
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_NODENAME", "test@localhost")
            .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", path("environment"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_NODE_PORT", self.port().to_string())
            .env("RABBITMQ_DIST_PORT", distribution)
            .env("ERL_FLAGS", ERLANG)
            .env("ERL_CRASH_DUMP", path("erl_crash.dump"))
            // Bound to cores its threads wait for whoever else is busy there.
            .env("RABBITMQ_SCHEDULER_BIND_TYPE", "u")
            .env("ERL_EPMD_PORT", epmd);
    }
}

/// The version, from the folder of the installation (`rabbitmq_server-3.10.8`, `rabbitmq/3.13.7`): `rabbitmqctl` prints
/// it only with a port mapper at its side, and would start one that stays.
pub(crate) fn version(programs: &Path) -> Option<String> {
    let path = programs.join(PACKAGE.program).canonicalize().ok()?;
    let names = path.iter().filter_map(|name| name.to_str()?.rsplit('-').next());
    names.rev().find(|name| name.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
}

/// The folder with `rabbitmq-server` and `rabbitmqctl`; they are installed if they are missing and may be. What Debian
/// has in PATH instead serves its own installation and does not obey the environment.
pub(crate) fn programs() -> Result<PathBuf, BackendError> {
    let homebrew = ["/opt/homebrew/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let folders =
        || std::iter::once(PathBuf::from("/usr/lib/rabbitmq/bin")).chain(install::path()).chain(homebrew.clone());
    install::provide(&PACKAGE, || folder_of(&[PACKAGE.program, "rabbitmqctl"], folders()))
}

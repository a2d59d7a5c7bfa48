//! Prometheus, Alertmanager and the exporters: private programs that answer over HTTP, on loopback only.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::error::BackendError;
use crate::http::{answers, fetch};
use crate::process_group::leader_command;
use crate::server::{DataFolder, Server, on_free_port};
use crate::tools::program;

/// Where such a program is. By default in a temporary folder, on a free port.
#[derive(Clone, Debug, Default)]
pub struct MonitorOptions {
    /// A folder that stays.
    pub folder: Option<PathBuf>,
    /// A port that has to be free.
    pub port: Option<u16>,
}

/// Who may read the statistics of a server: its port, a user and the password.
#[derive(Clone, Debug)]
pub struct Account {
    /// Of the server.
    pub port: u16,
    /// Name of the user.
    pub user: String,
    /// The user's password.
    pub password: String,
}

/// One of these programs. Dropping it kills it.
#[derive(Debug)]
pub struct Monitor {
    server: Server,
    program: PathBuf,
    kind: Kind,
}

/// What a program is started with. `PORT` and `FOLDER` in arguments stand for its own.
#[derive(Clone, Debug, Default)]
struct Kind {
    name: &'static str,
    ready: &'static str,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Monitor {
    /// Prometheus with the configuration file `config`. `resend` is the time between two sendings of an alert, such as
    /// `1m`: what fired before it knew Alertmanager is sent only then.
    ///
    /// # Errors
    /// If Prometheus is not installed and cannot be, or does not start.
    pub fn prometheus(options: &MonitorOptions, config: &Path, resend: &str) -> Result<Self, BackendError> {
        let arguments = vec![
            format!("--config.file={}", absolute(config)?.display()),
            "--web.listen-address=127.0.0.1:PORT".to_owned(),
            "--web.external-url=http://127.0.0.1:PORT".to_owned(),
            "--storage.tsdb.path=FOLDER/data".to_owned(),
            // The period of the objectives, and a day to look back from its start.
            "--storage.tsdb.retention.time=31d".to_owned(),
            "--enable-feature=exemplar-storage".to_owned(),
            format!("--rules.alert.resend-delay={resend}"),
        ];
        Self::start(options, Kind { name: "prometheus", ready: "/-/ready", arguments, ..Kind::default() })
    }

    /// Alertmanager with the configuration file `config`, alone: without a port for others of its kind.
    ///
    /// # Errors
    /// If Alertmanager is not installed and cannot be, or does not start.
    pub fn alertmanager(options: &MonitorOptions, config: &Path) -> Result<Self, BackendError> {
        let arguments = vec![
            format!("--config.file={}", absolute(config)?.display()),
            "--web.listen-address=127.0.0.1:PORT".to_owned(),
            "--web.external-url=http://127.0.0.1:PORT".to_owned(),
            "--storage.path=FOLDER/data".to_owned(),
            "--cluster.listen-address=".to_owned(),
        ];
        Self::start(options, Kind { name: "alertmanager", ready: "/-/ready", arguments, ..Kind::default() })
    }

    /// The exporter of a Postgres; the database `postgres` is where the account connects.
    ///
    /// # Errors
    /// If it is not installed and cannot be, or does not start.
    pub fn postgres_exporter(options: &MonitorOptions, account: &Account) -> Result<Self, BackendError> {
        let environment = vec![
            ("DATA_SOURCE_URI", format!("127.0.0.1:{}/postgres?sslmode=disable", account.port)),
            ("DATA_SOURCE_USER", account.user.clone()),
            ("DATA_SOURCE_PASS", account.password.clone()),
        ];
        let arguments = vec!["--web.listen-address=127.0.0.1:PORT".to_owned()];
        Self::start(options, Kind { name: "postgres_exporter", ready: "/", arguments, environment })
    }

    /// The exporter of a Redis.
    ///
    /// # Errors
    /// If it is not installed and cannot be, or does not start.
    pub fn redis_exporter(options: &MonitorOptions, account: &Account) -> Result<Self, BackendError> {
        let environment = vec![
            ("REDIS_ADDR", format!("redis://127.0.0.1:{}", account.port)),
            ("REDIS_USER", account.user.clone()),
            ("REDIS_PASSWORD", account.password.clone()),
        ];
        let arguments = vec!["-web.listen-address=127.0.0.1:PORT".to_owned()];
        Self::start(options, Kind { name: "redis_exporter", ready: "/health", arguments, environment })
    }

    /// The exporter of this machine.
    ///
    /// # Errors
    /// If it is not installed and cannot be, or does not start.
    pub fn node_exporter(options: &MonitorOptions) -> Result<Self, BackendError> {
        let arguments = vec!["--web.listen-address=127.0.0.1:PORT".to_owned()];
        Self::start(options, Kind { name: "node_exporter", ready: "/", arguments, ..Kind::default() })
    }

    fn start(options: &MonitorOptions, kind: Kind) -> Result<Self, BackendError> {
        let path = program(kind.name)?;
        let open = |port| {
            let data_folder = options.folder.as_deref().map_or_else(DataFolder::temporary, DataFolder::persistent)?;
            let server = Server::new(kind.name, data_folder, port, "")?;
            let monitor = Self { server, program: path.clone(), kind: kind.clone() };
            monitor.launch()?;
            Ok(monitor)
        };
        options.port.map_or_else(|| on_free_port(open), open)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.server.port()).into()
    }

    /// Where it keeps its data, and its output in the file `output`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.data_folder().path()
    }

    /// Starts it, unless it runs, and waits until it is ready.
    ///
    /// # Errors
    /// If it ends, or is not ready in time.
    pub fn launch(&self) -> Result<(), BackendError> {
        let (port, folder) = (self.server.port().to_string(), self.folder().display().to_string());
        let mut command = leader_command(&self.program);
        command.args(self.kind.arguments.iter().map(|text| text.replace("PORT", &port).replace("FOLDER", &folder)));
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
        command.envs(self.kind.environment.iter().map(|(name, value)| (name, value)));
        self.server.launch(command, || answers(self.address(), self.kind.ready))
    }

    /// Kills it without a word.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn kill(&self) -> Result<(), BackendError> {
        self.server.kill()
    }

    /// Waits until the Prometheus that this is has scraped every target with success, then lets it read its
    /// configuration and its rules again.
    ///
    /// # Errors
    /// If a target stays down.
    pub fn reload_when_all_is_scraped(&self) -> Result<(), BackendError> {
        let scraped = || -> std::io::Result<()> {
            let targets = fetch(self.address(), "/api/v1/targets?state=active")?;
            let missing = ["\"health\":\"unknown\"", "\"health\":\"down\""].iter().any(|state| targets.contains(state));
            let found = targets.contains("\"health\":\"up\"");
            if found && !missing {
                Ok(())
            } else {
                Err(std::io::Error::other(format!("not every target is up: {targets}")))
            }
        };
        // It runs: what is left of a launch is to wait.
        self.server.launch(leader_command(&self.program), scraped)?;
        self.server.signal("HUP")?;
        // A signal stops its group first.
        self.server.signal("CONT")
    }

    /// Asks it to end by SIGTERM and waits until it has.
    ///
    /// # Errors
    /// If it does not end in time; then it was killed.
    pub fn stop(&self) -> Result<(), BackendError> {
        self.server.stop("TERM")
    }
}

/// It runs in another folder than this process.
fn absolute(path: &Path) -> Result<PathBuf, BackendError> {
    path.canonicalize().map_err(BackendError::system(format!("cannot read {}", path.display())))
}

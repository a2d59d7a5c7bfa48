//! The services as processes of their own, on private Postgres, Redis and RabbitMQ, set up by the scripts that also set
//! up `compose.yaml`: each service with its own roles and passwords. It all ends with this process, however that ends.

mod service;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use all_in_one::SERVICES;
use backends::{BackendError, Postgres, Program, RabbitMq, Redis, free_port};
use tempfile::TempDir;
use topology::{Service, Topology};

pub use service::{ServiceProcess, executable};

/// Where the servers of `make dev` listen: their usual ports, with a digit in front.
const DEVELOPMENT: [(&str, u16); 3] = [("postgres", 15_432), ("redis", 16_379), ("rabbitmq", 15_672)];

/// Where the broker of `make dev` serves its metrics: the usual port.
const METRICS_OF_THE_BROKER: u16 = 15_692;

/// What a set is started with.
#[derive(Debug, Default)]
pub struct ProcessOptions {
    /// Where data stays, with every port the usual one. Without it everything is temporary, on free ports.
    pub folder: Option<PathBuf>,
    /// Variables for services, such as `("auth", "PASSWORD_MEMORY_KIB", "64")`.
    pub variables: Vec<(&'static str, String, String)>,
    /// An admin account that auth makes at its start, with the secret `admin_password`.
    pub admin: Option<String>,
}

/// The servers and the services. Dropping it kills everything.
pub struct Processes {
    // Services before the servers they use: fields are dropped in this order.
    services: BTreeMap<&'static str, ServiceProcess>,
    /// The database server.
    pub postgres: Postgres,
    /// The cache.
    pub redis: Redis,
    /// The broker.
    pub rabbitmq: RabbitMq,
    folder: PathBuf,
    _temporary: Option<TempDir>,
}

impl Processes {
    /// Starts everything; `progress` is told what comes next. The executables must have been built.
    ///
    /// # Errors
    /// If a server or a service does not start; the error has the end of its output.
    pub fn start(options: &ProcessOptions, progress: impl Fn(&str)) -> Result<Self, BackendError> {
        let temporary = if options.folder.is_none() { Some(temporary()?) } else { None };
        let folder = temporary.as_ref().map(|folder| folder.path().to_owned()).or(options.folder.clone());
        let folder = folder.unwrap_or_default();
        // Open to look into: Postgres may run as another user, and everything inside has rights of its own.
        std::fs::create_dir_all(&folder).map_err(|source| BackendError::System {
            what: format!("cannot make the folder {}", folder.display()),
            source,
        })?;
        progress("Postgres, Redis and RabbitMQ");
        let (postgres, redis, rabbitmq) = servers(&folder, temporary.is_some())?;
        let mut processes =
            Self { services: BTreeMap::new(), postgres, redis, rabbitmq, folder, _temporary: temporary };
        progress("databases, roles and users");
        processes.provision()?;
        let ports = processes.ports()?;
        for service in Topology::ours().databases() {
            progress(&format!("migrations of {}", service.name));
            processes.migrate(&service.name)?;
        }
        for service in Topology::ours().start_order() {
            progress(&service.name);
            processes.add(service, &ports, options)?;
        }
        Ok(processes)
    }

    /// A service.
    ///
    /// # Panics
    /// If there is none of that name.
    #[must_use]
    pub fn service(&self, name: &str) -> &ServiceProcess {
        self.services.get(name).expect("a service of SERVICES")
    }

    /// Where everything is kept: a folder each, with the file `output` of what it wrote.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends the services in order, then the servers.
    ///
    /// # Errors
    /// The first that did not end in time; the others are ended nevertheless.
    pub fn stop(&self) -> Result<(), BackendError> {
        let services = SERVICES.iter().rev().filter_map(|name| self.services.get(name)).map(ServiceProcess::stop);
        let services: Vec<_> = services.collect();
        let servers = [self.redis.stop(), self.rabbitmq.stop(), self.postgres.stop()];
        services.into_iter().chain(servers).collect()
    }

    /// Whether the data stay and every port is the usual one.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self._temporary.is_none()
    }

    /// One of the passwords that `scripts/secrets` has made, such as `postgres_metrics_password`.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn secret(&self, name: &str) -> Result<String, BackendError> {
        let what = format!("no secret {name}");
        std::fs::read_to_string(self.secrets().join(name)).map_err(|source| BackendError::System { what, source })
    }

    fn secrets(&self) -> PathBuf {
        self.folder.join("secrets")
    }

    /// Everything that `compose.yaml` does with the same files.
    fn provision(&self) -> Result<(), BackendError> {
        let (root, secrets) = (repository(), self.secrets());
        let address = |port: u16| format!("127.0.0.1:{port}");
        let mut command = Command::new(root.join("scripts/secrets"));
        command.arg(&secrets).env("POSTGRES", address(self.postgres.port()));
        command.env("REDIS", address(self.redis.port())).env("RABBITMQ", address(self.rabbitmq.port()));
        run("scripts/secrets", &mut command)?;
        let mut command = Command::new("sh");
        command.arg(root.join("deploy/postgres/init.sh")).env("SECRETS", &secrets);
        for (name, value) in self.postgres.variables() {
            command.env(name, value);
        }
        run("deploy/postgres/init.sh", &mut command)?;
        let acl = std::fs::read_to_string(secrets.join("redis.acl"));
        let acl = acl.map_err(|source| BackendError::System { what: "cannot read redis.acl".to_owned(), source })?;
        // The server's own user keeps its password and with it the way in for tests.
        let users: Vec<_> = acl.lines().filter(|line| !line.starts_with("user default")).collect();
        self.redis.configure(&users)?;
        let definitions = secrets.join("rabbitmq-definitions.json");
        self.rabbitmq.ctl(&["import_definitions", &definitions.display().to_string()]).map(|_| ())
    }

    fn ports(&self) -> Result<Ports, BackendError> {
        let kept = self.is_kept();
        let port = |usual: u16| if kept { Ok(usual) } else { free_port() };
        let services = Topology::ours().services();
        let name = |service: &'static Service| service.name.as_str();
        let served = services.iter().filter_map(|service| Some((name(service), service.served()?.1)));
        let served = served.map(|(name, usual)| Ok((name, port(usual)?)));
        let admin = services.iter().map(|service| Ok((name(service), port(service.admin)?)));
        Ok(Ports { served: served.collect::<Result<_, _>>()?, admin: admin.collect::<Result<_, _>>()? })
    }

    fn migrate(&self, service: &str) -> Result<(), BackendError> {
        let mut command = Command::new(executable(service)?);
        command.arg("migrate").arg("--config").arg(self.secrets().join(format!("{service}-migrate.toml")));
        run(&format!("{service} migrate"), command.env_clear())
    }

    fn add(&mut self, service: &'static Service, ports: &Ports, options: &ProcessOptions) -> Result<(), BackendError> {
        let name = service.name.as_str();
        let folder = self.folder.join(name);
        let mut variables = ports.variables(service);
        variables.push(("CONFIG".to_owned(), self.secrets().join(format!("{name}.toml")).display().to_string()));
        if name == "notification" {
            variables.push(("MAIL_FOLDER".to_owned(), self.mail().display().to_string()));
        }
        if let (Some(email), "auth") = (&options.admin, name) {
            variables.push(("BOOTSTRAP_ADMIN_EMAIL".to_owned(), email.clone()));
            variables.push(("BOOTSTRAP_ADMIN_PASSWORD".to_owned(), self.secret("admin_password")?));
        }
        let given = options.variables.iter().filter(|(service, ..)| *service == name);
        variables.extend(given.map(|(_, key, value)| (key.clone(), value.clone())));
        let prefix = service.variable();
        let environment = variables.into_iter().map(|(key, value)| (format!("{prefix}_{key}"), value)).collect();
        let (served, admin) = (ports.served.get(name).copied(), ports.admin.get(name).copied());
        let program = Program::new(name, &executable(name)?, &folder, admin.unwrap_or_default(), environment)?;
        let process = ServiceProcess::new(program, [served, admin]);
        process.launch()?;
        self.services.insert(name, process);
        Ok(())
    }

    /// Where the notification service writes its mails.
    #[must_use]
    pub fn mail(&self) -> PathBuf {
        self.folder.join("mail")
    }
}

/// Ports by service.
struct Ports {
    served: BTreeMap<&'static str, u16>,
    admin: BTreeMap<&'static str, u16>,
}

impl Ports {
    /// What a service has to know of itself and of others.
    fn variables(&self, service: &Service) -> Vec<(String, String)> {
        let name = service.name.as_str();
        let local = |port: &u16| format!("127.0.0.1:{port}");
        let mut variables = Vec::new();
        variables.extend(self.admin.get(name).map(|port| ("ADMIN_ADDRESS".to_owned(), local(port))));
        let served = service.served().zip(self.served.get(name));
        let address =
            |((protocol, _), port): ((&str, u16), &u16)| (format!("{}_ADDRESS", protocol.to_uppercase()), local(port));
        variables.extend(served.map(address));
        let url = |callee: &Service| {
            let port = self.served.get(callee.name.as_str())?;
            Some((format!("{}_URL", callee.module().to_uppercase()), format!("http://127.0.0.1:{port}")))
        };
        variables.extend(Topology::ours().callees(service).filter_map(url));
        variables
    }
}

fn temporary() -> Result<TempDir, BackendError> {
    let folder = tempfile::Builder::new().prefix("signalbox-").tempdir();
    folder.map_err(|source| BackendError::System { what: "cannot make a temporary folder".to_owned(), source })
}

/// All three at once; RabbitMQ takes its time.
fn servers(folder: &Path, temporary: bool) -> Result<(Postgres, Redis, RabbitMq), BackendError> {
    let [postgres, redis, rabbitmq] = DEVELOPMENT;
    std::thread::scope(|scope| {
        let kept = |(name, port): (&str, u16)| (folder.join(name), port);
        let first = scope.spawn(move || {
            if temporary {
                Postgres::durable()
            } else {
                let (folder, port) = kept(postgres);
                Postgres::start_in(&folder, port)
            }
        });
        let second = scope.spawn(move || {
            if temporary {
                Redis::durable()
            } else {
                let (folder, port) = kept(redis);
                Redis::start_in(&folder, port)
            }
        });
        let third = if temporary {
            RabbitMq::start()
        } else {
            let (folder, port) = kept(rabbitmq);
            RabbitMq::start_in(&folder, port, METRICS_OF_THE_BROKER)
        };
        let panicked = "the thread that starts a server does not panic";
        Ok((first.join().expect(panicked)?, second.join().expect(panicked)?, third?))
    })
}

/// Where the scripts are.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(name: &str, command: &mut Command) -> Result<(), BackendError> {
    let output = command.output();
    let output = output.map_err(|source| BackendError::System { what: format!("cannot run {name}"), source })?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(BackendError::Command { command: name.to_owned(), output: String::from_utf8_lossy(&text).into_owned() })
}

//! A private Postgres.

use std::fs;
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::BackendError;
use crate::install::{self, Package, folder_of, tail};
use crate::process_group::leader_command;
use crate::server::{DataFolder, Server, on_free_port, random};

const PACKAGE: Package = Package { server: "Postgres", program: "postgres", debian: "postgresql" };

/// What a kill leaves in the kernel: a segment of shared memory, named in the seventh line of this file.
const CLEANUP: &str = "ipcrm -m \"$(sed -n '7s/.* //p' \"$2/data/postmaster.pid\")\" 2>/dev/null";

/// For a server whose data nobody wants back after a power cut. A kill harms it no more than others.
const HASTY: [&str; 3] = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"];

/// A private Postgres on a port of the loopback interface. Its superuser is `postgres`, with a password, and that is
/// the only way in. Dropping it kills it.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    programs: PathBuf,
    password: String,
    owner: Option<(u32, u32)>,
    durable: bool,
}

impl Postgres {
    /// Starts one with a temporary folder on a free port. It does not wait for the disk: a power cut may lose data.
    ///
    /// # Errors
    /// If Postgres is not installed and cannot be, or does not start.
    pub fn start() -> Result<Self, BackendError> {
        on_free_port(|port| Self::open(DataFolder::temporary()?, port, false))
    }

    /// Like [`start`](Self::start), with Postgres' own settings for durability: a commit is on the disk.
    ///
    /// # Errors
    /// If Postgres is not installed and cannot be, or does not start.
    pub fn durable() -> Result<Self, BackendError> {
        on_free_port(|port| Self::open(DataFolder::temporary()?, port, true))
    }

    /// Starts one, durable, with the data in `folder`, which stays. The folder is made if need be; as root it comes to
    /// belong to the user that runs Postgres.
    ///
    /// # Errors
    /// If Postgres is not installed and cannot be, or does not start.
    pub fn start_in(folder: &Path, port: u16) -> Result<Self, BackendError> {
        Self::open(DataFolder::persistent(folder)?, port, true)
    }

    fn open(data_folder: DataFolder, port: u16, durable: bool) -> Result<Self, BackendError> {
        let programs = programs()?;
        let password = data_folder.password()?;
        let owner = if install::is_root() { Some(owner()?) } else { None };
        let data = data_folder.path().join("data");
        let server = Server::new(PACKAGE.server, data_folder, port, CLEANUP)?;
        let postgres = Self { server, programs, password, owner, durable };
        if !data.exists() {
            postgres.initialise(&data)?;
        }
        postgres.launch()?;
        Ok(postgres)
    }

    fn initialise(&self, data: &Path) -> Result<(), BackendError> {
        let data_folder = self.server.data_folder();
        // Under another name until it is whole.
        let draft = data_folder.path().join("data.new");
        let cannot = || BackendError::system(format!("cannot prepare {}", data_folder.path().display()));
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(cannot())?;
        }
        if let Some((user, group)) = self.owner {
            for path in [data_folder.path(), &data_folder.path().join("password")] {
                chown(path, Some(user), Some(group)).map_err(cannot())?;
            }
        }
        let mut command = Command::new(self.programs.join("initdb"));
        command.args(["--username=postgres", "--encoding=UTF8", "--no-locale", "--auth=scram-sha-256"]);
        command.arg("--pwfile").arg(data_folder.path().join("password")).arg("--pgdata").arg(&draft);
        if data_folder.is_temporary() {
            command.arg("--no-sync");
        }
        self.as_owner(&mut command);
        run(command.current_dir(data_folder.path()), "initdb", "")?;
        fs::rename(&draft, data).map_err(cannot())
    }

    fn as_owner(&self, command: &mut Command) {
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
    }

    /// The database `postgres`, as superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port())
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Where it keeps its data, and its output in the file `output`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.data_folder().path()
    }

    /// Makes a fresh database and answers its URL, as superuser.
    ///
    /// # Errors
    /// If Postgres does not do it.
    pub fn database(&self) -> Result<String, BackendError> {
        let name = format!("test_{}", random());
        self.execute("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(self.url_of(&name))
    }

    /// Runs statements as superuser and answers the rows, a line each. `database` is a name, or a URL of
    /// [`database`](Self::database).
    ///
    /// # Errors
    /// If Postgres is not reachable or refuses a statement.
    pub fn execute(&self, database: &str, sql: &str) -> Result<String, BackendError> {
        let mut command = Command::new(self.programs.join("psql"));
        let port = self.port().to_string();
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &port]);
        command.args(["-U", "postgres", "-d", database]);
        // Without the reader's own settings for clients.
        command.env_clear().env("PGPASSWORD", &self.password).env("PGCONNECT_TIMEOUT", "10");
        run(&mut command, "psql", sql)
    }

    /// The variables that let the programs of Postgres in as superuser.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 4] {
        let port = self.port().to_string();
        [
            ("PGHOST", "127.0.0.1".to_owned()),
            ("PGPORT", port),
            ("PGUSER", "postgres".to_owned()),
            ("PGPASSWORD", self.password.clone()),
        ]
    }

    /// Kills all its processes at once, without a word.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn kill(&self) -> Result<(), BackendError> {
        self.server.kill()
    }

    /// Starts it again on the same data and port, unless it runs, and waits until it answers a query.
    ///
    /// # Errors
    /// If it does not start.
    pub fn launch(&self) -> Result<(), BackendError> {
        let mut command = leader_command(&self.programs.join("postgres"));
        command.arg("-D").arg(self.folder().join("data"));
        let port = format!("port={}", self.port());
        let always = ["listen_addresses=127.0.0.1", "unix_socket_directories=", &port];
        // As files of the data folder these parts of memory go with it.
        let modest = ["max_connections=200", "shared_buffers=32MB", "dynamic_shared_memory_type=mmap"];
        let hasty = if self.durable { &[][..] } else { &HASTY[..] };
        for setting in always.iter().chain(&modest).chain(hasty) {
            command.args(["-c", *setting]);
        }
        self.as_owner(&mut command);
        self.server.launch(command, || self.execute("postgres", "SELECT 1").map(drop))
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

    /// Ends it in order: connections are closed, everything is written.
    ///
    /// # Errors
    /// If it does not end in time; then it was killed.
    pub fn stop(&self) -> Result<(), BackendError> {
        self.server.stop("INT")
    }
}

/// The folder with `postgres`, `initdb` and `psql`; they are installed if they are missing and may be.
pub(crate) fn programs() -> Result<PathBuf, BackendError> {
    install::provide(&PACKAGE, || {
        folder_of(&["postgres", "initdb", "psql"], install::path().into_iter().chain(versions()))
    })
}

/// The folders of Debian's and Homebrew's versions, the newest first.
fn versions() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for parent in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Ok(version) = name.trim_start_matches("postgresql@").parse::<u32>() {
                found.push((version, entry.path().join("bin")));
            }
        }
    }
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// Who runs it for root, whom it refuses: user and group of `postgres`, else of `nobody`.
fn owner() -> Result<(u32, u32), BackendError> {
    let users = fs::read_to_string("/etc/passwd").map_err(BackendError::system("cannot read /etc/passwd"))?;
    let find = |name: &str| {
        let mut fields =
            users.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).ok_or_else(|| BackendError::System {
        what: "Postgres does not run as root, and there is neither a user `postgres` nor `nobody`".to_owned(),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

/// Runs a program with `input` and answers its output.
fn run(command: &mut Command, name: &str, input: &str) -> Result<String, BackendError> {
    let cannot = || BackendError::system(format!("cannot run {name}"));
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(cannot())?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that has failed does not read; its output says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(cannot())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(BackendError::Command { command: name.to_owned(), output: tail(&String::from_utf8_lossy(&text)) })
}

//! A private Redis.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::BackendError;
use crate::install::{self, Package, folder_of};
use crate::process_group::leader_command;
use crate::server::{DataFolder, Server, on_free_port};

const PACKAGE: Package = Package { server: "Redis", program: "redis-server", debian: "redis-server" };

/// A private Redis on a port of the loopback interface, with a password. Dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    program: PathBuf,
    password: String,
}

impl Redis {
    /// Starts one with a temporary folder on a free port. It keeps its data in memory only: a kill loses them.
    ///
    /// # Errors
    /// If Redis is not installed and cannot be, or does not start.
    pub fn start() -> Result<Self, BackendError> {
        on_free_port(|port| Self::open(DataFolder::temporary()?, port, false))
    }

    /// Like [`start`](Self::start), with an append-only file: a kill loses nothing.
    ///
    /// # Errors
    /// If Redis is not installed and cannot be, or does not start.
    pub fn durable() -> Result<Self, BackendError> {
        on_free_port(|port| Self::open(DataFolder::temporary()?, port, true))
    }

    /// Starts one, durable, with the data in `folder`, which stays. The folder is made if need be.
    ///
    /// # Errors
    /// If Redis is not installed and cannot be, or does not start.
    pub fn start_in(folder: &Path, port: u16) -> Result<Self, BackendError> {
        Self::open(DataFolder::persistent(folder)?, port, true)
    }

    fn open(data_folder: DataFolder, port: u16, durable: bool) -> Result<Self, BackendError> {
        let program = program()?;
        let password = data_folder.password()?;
        let durable = if durable { "yes" } else { "no" };
        let settings = format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave \"\"\nappendonly {durable}\ndaemonize no\n"
        );
        data_folder.write("redis.conf", &settings)?;
        let redis = Self { server: Server::new(PACKAGE.server, data_folder, port, "")?, program, password };
        redis.launch()?;
        Ok(redis)
    }

    /// Where it listens, with the password.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(&format!(":{}", self.password))
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

    /// Where it listens, for other credentials, such as `:password` or `user:password`; none if empty.
    #[must_use]
    pub fn url_of(&self, credentials: &str) -> String {
        let at = if credentials.is_empty() { "" } else { "@" };
        format!("redis://{credentials}{at}127.0.0.1:{}/", self.port())
    }

    /// Adds lines to its configuration by starting it again.
    ///
    /// # Errors
    /// If it does not start with them.
    pub fn configure(&self, lines: &[&str]) -> Result<(), BackendError> {
        self.server.data_folder().append("redis.conf", lines)?;
        self.stop()?;
        self.launch()
    }

    /// Sends one command as it would be typed and answers the reply as it comes.
    ///
    /// # Errors
    /// If the connection fails.
    pub fn command(&self, line: &str) -> Result<String, BackendError> {
        let exchange = || {
            let mut stream = self.connect()?;
            stream.write_all(format!("{line}\r\nQUIT\r\n").as_bytes())?;
            let mut reply = String::new();
            stream.read_to_string(&mut reply)?;
            Ok(reply)
        };
        exchange().map_err(BackendError::system("cannot ask Redis"))
    }

    /// Kills it without a word.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn kill(&self) -> Result<(), BackendError> {
        self.server.kill()
    }

    /// Starts it again on the same data and port, unless it runs, and waits until it answers a command.
    ///
    /// # Errors
    /// If it does not start.
    pub fn launch(&self) -> Result<(), BackendError> {
        let mut command = leader_command(&self.program);
        command.arg(self.folder().join("redis.conf"));
        self.server.launch(command, || self.answers())
    }

    /// While it reads its file it accepts connections and refuses commands.
    fn answers(&self) -> std::io::Result<()> {
        let mut stream = self.connect()?;
        stream.write_all(b"PING\r\n")?;
        expect(&mut stream, b"+PONG\r\n")
    }

    /// A connection that is let in.
    fn connect(&self) -> std::io::Result<TcpStream> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(format!("AUTH {}\r\n", self.password).as_bytes())?;
        expect(&mut stream, b"+OK\r\n")?;
        Ok(stream)
    }

    /// Stops it where it is: connections stay, and nobody answers.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn pause(&self) -> Result<(), BackendError> {
        self.server.signal("STOP")
    }

    /// Lets it go on.
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
}

/// Reads a reply that may only be this one.
fn expect(stream: &mut TcpStream, reply: &[u8]) -> std::io::Result<()> {
    let mut answer = vec![0; reply.len()];
    stream.read_exact(&mut answer)?;
    if answer == reply { Ok(()) } else { Err(std::io::Error::other(String::from_utf8_lossy(&answer))) }
}

/// The server's program; it is installed if it is missing and may be.
pub(crate) fn program() -> Result<PathBuf, BackendError> {
    let homebrew = ["/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from);
    let folder = || folder_of(&[PACKAGE.program], install::path().into_iter().chain(homebrew.clone()));
    Ok(install::provide(&PACKAGE, folder)?.join(PACKAGE.program))
}

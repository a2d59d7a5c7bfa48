//! A mail server stand-in on a real socket, that behaves as the test says.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How the server treats one mail, from `MAIL` on.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Takes it.
    Accept,
    /// Answers that to the recipient.
    RefuseRecipient(&'static str),
    /// Answers that to the contents.
    RefuseContents(&'static str),
    /// Takes the contents and closes the connection without an answer.
    Cut,
    /// Takes the contents and answers when it is released.
    Slow,
    /// Takes the contents and says nothing any more.
    Hang,
}

#[derive(Default)]
struct Shared {
    behaviours: Mutex<VecDeque<Behaviour>>,
    mails: Mutex<Vec<String>>,
    lines: Mutex<Vec<String>>,
    connections: Mutex<usize>,
    greeting: Mutex<String>,
    password: Mutex<Option<String>>,
    released: Notify,
}

/// A running server. It stops when it is dropped.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
        }
    }
}

impl Relay {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        *shared.greeting.lock().unwrap() = "220 relay.example ESMTP".to_owned();
        let mut relay = Self { address: "127.0.0.1:0".parse().unwrap(), shared, server: None };
        relay.up().await;
        relay
    }

    /// Listens again, on the same port.
    pub async fn up(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let shared = Arc::clone(&self.shared);
        self.server = Some(tokio::spawn(async move {
            // Dropped with the server, and its connections with it.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *shared.connections.lock().unwrap() += 1;
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        }));
    }

    /// Closes port and connections.
    pub async fn down(&mut self) {
        let server = self.server.take().unwrap();
        server.abort();
        let _ = server.await;
    }

    /// How it treats the next mails; all further are accepted.
    pub fn behave(&self, behaviours: &[Behaviour]) {
        *self.shared.behaviours.lock().unwrap() = behaviours.iter().copied().collect();
    }

    /// What it says first.
    pub fn greet(&self, greeting: &str) {
        greeting.clone_into(&mut self.shared.greeting.lock().unwrap());
    }

    /// Demands a sign-in: the base64 of `\0user\0password`.
    pub fn demand(&self, password: &str) {
        *self.shared.password.lock().unwrap() = Some(password.to_owned());
    }

    /// Lets a slow answer go.
    pub fn release(&self) {
        self.shared.released.notify_one();
    }

    /// Contents it has read to the end, whatever it answered.
    pub fn mails(&self) -> Vec<String> {
        self.shared.mails.lock().unwrap().clone()
    }

    /// Commands it was sent.
    pub fn lines(&self) -> Vec<String> {
        self.shared.lines.lock().unwrap().clone()
    }

    /// Connections it took.
    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    /// Configuration that leads here.
    pub fn toml(&self) -> String {
        format!("mail.transport = \"smtp\"\nsmtp.port = {}\n", self.address.port())
    }
}

/// One connection.
struct Session {
    shared: Arc<Shared>,
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    behaviour: Behaviour,
    signed_in: bool,
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let (reader, writer) = stream.into_split();
    let signed_in = shared.password.lock().unwrap().is_none();
    let mut answer = shared.greeting.lock().unwrap().clone();
    let lines = BufReader::new(reader).lines();
    let mut session = Session { shared, lines, writer, behaviour: Behaviour::Accept, signed_in };
    loop {
        if session.writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let Ok(Some(line)) = session.lines.next_line().await else { return };
        session.shared.lines.lock().unwrap().push(line.clone());
        let Some(next) = session.command(&line).await else { return };
        answer = next;
    }
}

impl Session {
    /// The answer to a command; `None` to close.
    async fn command(&mut self, line: &str) -> Option<String> {
        let answer = match line.split([' ', ':']).next().unwrap() {
            "EHLO" => "250-relay.example\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "AUTH" => {
                let expected = self.shared.password.lock().unwrap().clone();
                self.signed_in = expected.is_some_and(|expected| line == format!("AUTH PLAIN {expected}"));
                if self.signed_in { "235 2.7.0 welcome" } else { "535 5.7.8 wrong" }
            }
            "MAIL" if !self.signed_in => "530 5.7.0 sign in first",
            "MAIL" => {
                self.behaviour = self.shared.behaviours.lock().unwrap().pop_front().unwrap_or(Behaviour::Accept);
                "250 2.1.0 ok"
            }
            "RCPT" => match self.behaviour {
                Behaviour::RefuseRecipient(answer) => answer,
                _ => "250 2.1.5 ok",
            },
            "DATA" => return self.contents().await.map(str::to_owned),
            "QUIT" => return None,
            _ => "250 ok",
        };
        Some(answer.to_owned())
    }

    /// Reads the contents of a mail; the answer to them.
    async fn contents(&mut self) -> Option<&'static str> {
        self.writer.write_all(b"354 go on\r\n").await.ok()?;
        let mut mail = String::new();
        loop {
            let line = self.lines.next_line().await.ok()??;
            if line == "." {
                break;
            }
            mail.push_str(line.strip_prefix('.').unwrap_or(&line));
            mail.push('\n');
        }
        self.shared.mails.lock().unwrap().push(mail);
        match self.behaviour {
            Behaviour::RefuseContents(answer) => Some(answer),
            Behaviour::Cut => None,
            Behaviour::Slow => {
                self.shared.released.notified().await;
                Some("250 2.0.0 queued at last")
            }
            Behaviour::Hang => std::future::pending().await,
            _ => Some("250 2.0.0 queued"),
        }
    }
}

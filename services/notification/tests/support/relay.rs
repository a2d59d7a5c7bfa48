//! A mail server stand-in on a real socket, in the mood of the test.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How the server treats one mail, from `MAIL` on.
#[derive(Clone, Copy, Debug)]
pub enum Mood {
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
    moods: Mutex<VecDeque<Mood>>,
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

    /// Moods of the next mails; all further are accepted.
    pub fn moods(&self, moods: &[Mood]) {
        *self.shared.moods.lock().unwrap() = moods.iter().copied().collect();
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

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let (mut mood, mut signed_in) = (Mood::Accept, shared.password.lock().unwrap().is_none());
    let mut answer = shared.greeting.lock().unwrap().clone();
    loop {
        if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        shared.lines.lock().unwrap().push(line.clone());
        answer = match line.split([' ', ':']).next().unwrap() {
            "EHLO" => "250-relay.example\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" => {
                let expected = shared.password.lock().unwrap().clone();
                signed_in = expected.is_some_and(|expected| line == format!("AUTH PLAIN {expected}"));
                if signed_in { "235 2.7.0 welcome" } else { "535 5.7.8 wrong" }.to_owned()
            }
            "MAIL" if !signed_in => "530 5.7.0 sign in first".to_owned(),
            "MAIL" => {
                mood = shared.moods.lock().unwrap().pop_front().unwrap_or(Mood::Accept);
                "250 2.1.0 ok".to_owned()
            }
            "RCPT" => match mood {
                Mood::RefuseRecipient(answer) => answer.to_owned(),
                _ => "250 2.1.5 ok".to_owned(),
            },
            "DATA" => {
                if writer.write_all(b"354 go on\r\n").await.is_err() {
                    return;
                }
                let mut mail = String::new();
                loop {
                    let Ok(Some(line)) = lines.next_line().await else { return };
                    if line == "." {
                        break;
                    }
                    mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.push('\n');
                }
                shared.mails.lock().unwrap().push(mail);
                match mood {
                    Mood::RefuseContents(answer) => answer.to_owned(),
                    Mood::Cut => return,
                    Mood::Slow => {
                        shared.released.notified().await;
                        "250 2.0.0 queued at last".to_owned()
                    }
                    Mood::Hang => std::future::pending().await,
                    _ => "250 2.0.0 queued".to_owned(),
                }
            }
            "QUIT" => return,
            _ => "250 ok".to_owned(),
        };
    }
}

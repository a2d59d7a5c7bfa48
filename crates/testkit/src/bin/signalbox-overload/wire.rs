//! HTTP/1.1 as cheap as it gets, because the generator shares its cores with what it loads: requests are bytes made
//! beforehand, and of an answer only the status, the length and three headers are looked at.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::tally::Kind;

/// One operation of a server: the requests to make in turn, and the connections to it. There is always one more
/// connection, so a slow server holds up nobody but those it is slow to.
pub(crate) struct Target {
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    good: u16,
    next: AtomicUsize,
    idle: Mutex<Vec<Connection>>,
    opened: AtomicUsize,
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What is looked at of an answer.
struct Head {
    status: u16,
    retry_after: bool,
    close: bool,
}

impl Target {
    /// Requests whose right answer has the status `good`.
    pub(crate) fn new(address: SocketAddr, requests: Vec<Vec<u8>>, good: u16) -> Self {
        Self { address, requests, good, next: AtomicUsize::new(0), idle: Mutex::default(), opened: AtomicUsize::new(0) }
    }

    /// Connections made so far.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Makes the next request; the client goes away at `due`.
    pub(crate) async fn call(&self, due: Instant) -> Kind {
        match tokio::time::timeout_at(due, self.exchange()).await {
            Ok(Ok(head)) if head.status == self.good => Kind::Good,
            Ok(Ok(Head { status: 503 | 429, retry_after: true, .. })) => Kind::Refused,
            Ok(_) => Kind::Failed,
            Err(_) => Kind::Late,
        }
    }

    async fn exchange(&self) -> Result<Head> {
        let request = &self.requests[self.next.fetch_add(1, Ordering::Relaxed) % self.requests.len()];
        // One that has been idle may have been closed: then nothing of an answer arrives, and another is as good.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut connection) = idle {
            match connection.exchange(request).await {
                Ok(head) => return Ok(self.keep(connection, head)),
                Err(error) if connection.buffer.is_empty() && error.kind() != ErrorKind::InvalidData => {}
                Err(error) => return Err(error),
            }
        }
        self.opened.fetch_add(1, Ordering::Relaxed);
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut connection = Connection { stream, buffer: Vec::with_capacity(4096) };
        let head = connection.exchange(request).await?;
        Ok(self.keep(connection, head))
    }

    fn keep(&self, connection: Connection, head: Head) -> Head {
        if !head.close {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        head
    }
}

impl Connection {
    async fn exchange(&mut self, request: &[u8]) -> Result<Head> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some((head, end)) = parse(&self.buffer)? {
                while self.buffer.len() < end {
                    if self.stream.read_buf(&mut self.buffer).await? == 0 {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                return Ok(head);
            }
        }
    }
}

/// The head of an answer and where its body ends, once the head is complete.
fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let invalid = |what: &str| Error::new(ErrorKind::InvalidData, what.to_owned());
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| invalid("headers that are no text"))?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.get(9..12)?.parse().ok());
    let mut head = Head { status: status.ok_or_else(|| invalid("no status"))?, retry_after: false, close: false };
    let mut length = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name {
            "content-length" => length = value.trim().parse::<usize>().ok(),
            "retry-after" => head.retry_after = true,
            "connection" => head.close = value.trim() == "close",
            _ => {}
        }
    }
    let length = length.ok_or_else(|| invalid("no content-length"))?;
    Ok(Some((head, end + 4 + length)))
}

/// The bytes of a request without a body.
pub(crate) fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nhost: signalbox\r\n{token}\r\n").into_bytes()
}

/// The bytes of a request with a JSON body.
pub(crate) fn post(path: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    let head = "host: signalbox\r\ncontent-type: application/json";
    format!("POST {path} HTTP/1.1\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let bytes = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}";
        let (head, end) = parse(bytes).expect("valid").expect("complete");
        assert_eq!((head.status, head.retry_after, head.close, end), (503, true, false, bytes.len()));
        assert!(parse(&bytes[..60]).expect("valid so far").is_none());
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}

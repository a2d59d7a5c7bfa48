//! Just enough HTTP to ask a local server whether it is ready.

use std::io::{Error, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than the slowest readiness check of a service may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks `GET path` of the server at `address` for a 200, and answers what comes with it, the head too.
///
/// # Errors
/// If there is no answer within 5 s, or another one, which is the text of the error.
pub fn fetch(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    if answer.starts_with("HTTP/1.1 200") { Ok(answer) } else { Err(Error::other(answer)) }
}

/// Whether the server at `address` answers `GET path` with a 200.
///
/// # Errors
/// As of [`fetch`].
pub fn answers(address: SocketAddr, path: &str) -> Result<()> {
    fetch(address, path).map(drop)
}

//! Asks a running service whether it is ready: the health check of images that hold nothing but the service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::paths::READYZ;

/// Longer than the slowest readiness check may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// A readiness report is far smaller.
const MAX_ANSWER: u64 = 64 * 1024;

/// Whether the admin port at `address` answers that it is ready; says on standard error why it is not.
pub(crate) async fn ask(name: &str, address: SocketAddr) -> bool {
    let address = reachable(address);
    let answer = tokio::time::timeout(TIMEOUT, readyz(address)).await;
    let problem = match answer {
        Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200") => return true,
        Ok(Ok(answer)) => answer.split("\r\n\r\n").nth(1).unwrap_or("no answer of ours").to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
    };
    crate::terminal::print_error(&format!("{name} at {address} (key `admin.address`) is not ready: {problem}"));
    false
}

async fn readyz(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {READYZ} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A server on all addresses is asked on the loopback one.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        _ => {}
    }
    address
}

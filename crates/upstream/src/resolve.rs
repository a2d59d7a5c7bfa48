//! Host names looked up again and again, so that the addresses behind a callee can come and go.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chassis::ports::Ports;
use futures_util::future::BoxFuture;

use crate::target::Target;

/// Finds the addresses of a host and port.
pub type Resolve = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// What the operating system answers.
#[must_use]
pub fn system_resolver() -> Resolve {
    Arc::new(|host, port| Box::pin(async move { tokio::net::lookup_host((host, port)).await.map(Iterator::collect) }))
}

/// Tells `update` what the names among `configured` stand for, until it answers that nobody uses them any more. A look-up
/// that fails or finds nothing changes nothing: old addresses are better than none.
pub(crate) async fn follow(
    configured: Vec<Target>,
    resolve: Resolve,
    interval: Duration,
    ports: Ports,
    update: impl Fn(Vec<Target>) -> bool,
) {
    let mut known: Vec<Vec<Target>> = configured.iter().map(|target| vec![target.clone()]).collect();
    loop {
        for (target, current) in configured.iter().zip(&mut known).filter(|(target, _)| target.is_name()) {
            let (host, port) = target.host_and_port();
            match resolve(host, port).await {
                Ok(addresses) if !addresses.is_empty() => *current = at(target, addresses),
                Ok(_) => tracing::warn!(url = %target.origin, "host name of a callee has no address"),
                Err(error) => {
                    tracing::warn!(url = %target.origin, error = %error, "cannot look up the host name of a callee")
                }
            }
        }
        if !update(known.concat()) {
            return;
        }
        ports.clock.sleep(interval).await;
    }
}

fn at(target: &Target, mut addresses: Vec<SocketAddr>) -> Vec<Target> {
    addresses.sort_unstable();
    addresses.dedup();
    addresses.into_iter().map(|address| Target { address: Some(address), ..target.clone() }).collect()
}

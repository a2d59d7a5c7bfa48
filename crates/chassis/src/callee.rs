//! Clients of other services: one HTTP/2 channel each, observed, bounded in time, connected on first use.

use std::time::Duration;

use telemetry::{GrpcClient, GrpcClientLayer};
use tonic::transport::{Channel, Endpoint};
use tower::Layer;

use crate::app::StartError;
use crate::deadline::{Deadline, DeadlineLayer};
use crate::settings::{self, millis};

/// What a generated client is built on.
pub type Callee = GrpcClient<Deadline<Channel>>;

/// How long establishing a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Pings that find out whether a silent connection is still there.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Prepares the client of the service configured under `key`. The service need not be up yet.
///
/// # Errors
/// If the URL is not one; the message names the key.
pub fn connect(key: &'static str, settings: &settings::Callee) -> Result<Callee, StartError> {
    let invalid = |reason: String| StartError::Invalid { key: format!("{key}.url"), reason };
    let uri: http::Uri =
        settings.url.parse().map_err(|error| invalid(format!("`{}` is not a URL: {error}", settings.url)))?;
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host().map(str::to_owned)) else {
        return Err(invalid(format!("`{}` is not a URL such as http://127.0.0.1:50051", settings.url)));
    };
    let port = uri.port_u16().unwrap_or(80);
    let channel = Endpoint::from(uri)
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(false)
        .connect_lazy();
    let bounded = DeadlineLayer::new(millis(settings.timeout_ms)).layer(channel);
    Ok(GrpcClientLayer::new(contracts::known_method, &host, port).layer(bounded))
}

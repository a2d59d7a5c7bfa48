//! Where Redis is. In a program built without its client no URL is good, so there is none.

use std::fmt;
use std::str::FromStr;

use crate::bad_url::BadUrl;

const EXPECTED: &str = "not redis://[:password@]host:port/db";

/// `redis://[:password@]host:port/db`, `rediss:` for TLS.
#[cfg(feature = "redis")]
#[derive(Clone)]
pub struct RedisUrl {
    /// How to connect.
    pub(crate) info: ::redis::ConnectionInfo,
    /// Whether that is by TLS.
    pub(crate) secured: bool,
}

/// See the module.
#[cfg(not(feature = "redis"))]
#[derive(Clone)]
pub enum RedisUrl {}

#[cfg(feature = "redis")]
impl FromStr for RedisUrl {
    type Err = BadUrl;

    fn from_str(url: &str) -> Result<Self, BadUrl> {
        let info = ::redis::IntoConnectionInfo::into_connection_info(url).map_err(|_| BadUrl::new(url, EXPECTED))?;
        let info = info.set_tcp_settings(::redis::io::tcp::TcpSettings::default().set_nodelay(true));
        let secured = ["rediss:", "valkeys:"].iter().any(|scheme| url.starts_with(scheme));
        Ok(Self { info, secured })
    }
}

#[cfg(not(feature = "redis"))]
impl FromStr for RedisUrl {
    type Err = BadUrl;

    fn from_str(url: &str) -> Result<Self, BadUrl> {
        let ours = ["redis:", "rediss:", "valkey:", "valkeys:"].iter().any(|scheme| url.starts_with(scheme));
        Err(if ours { BadUrl::not_built(url, "Redis") } else { BadUrl::new(url, EXPECTED) })
    }
}

impl fmt::Debug for RedisUrl {
    #[cfg(feature = "redis")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisUrl").field("address", &self.info.addr().to_string()).finish_non_exhaustive()
    }

    #[cfg(not(feature = "redis"))]
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

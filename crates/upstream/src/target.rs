//! Where a callee is: its `url` key taken apart, and one address of it.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::Uri;

/// One place to send calls to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// As configured; also what the callee is told it was called by.
    pub(crate) origin: Uri,
    /// What the host name stands for; none if it is an address itself or has not been looked up.
    pub(crate) address: Option<SocketAddr>,
}

impl Target {
    /// Host and port as configured.
    pub(crate) fn host_and_port(&self) -> (String, u16) {
        let host = self.origin.host().unwrap_or_default().trim_matches(['[', ']']);
        (host.to_owned(), self.origin.port_u16().unwrap_or(80))
    }

    /// Whether there is a name to look up.
    pub(crate) fn is_name(&self) -> bool {
        self.host_and_port().0.parse::<IpAddr>().is_err()
    }

    /// The URI to connect to.
    pub(crate) fn uri(&self) -> Uri {
        let direct = self.address.and_then(|address| format!("http://{address}").parse().ok());
        direct.unwrap_or_else(|| self.origin.clone())
    }
}

/// The addresses of a service, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets(Vec<Target>);

impl Targets {
    pub(crate) fn first(&self) -> &Target {
        // Made by `from_str` alone, where splitting a text gives at least one part.
        &self.0[0]
    }

    pub(crate) fn all(&self) -> &[Target] {
        &self.0
    }
}

/// A URL is not of a kind that can be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a URL such as http://127.0.0.1:50051")]
pub struct BadTarget(String);

impl FromStr for Targets {
    type Err = BadTarget;

    /// Reads one URL, or several separated by commas.
    fn from_str(urls: &str) -> Result<Self, BadTarget> {
        let parse = |url: &str| {
            let origin = url.parse().ok();
            let callable = |origin: &Uri| origin.scheme_str() == Some("http") && origin.host().is_some();
            let origin = origin.filter(callable).ok_or_else(|| BadTarget(url.to_owned()))?;
            Ok(Target { origin, address: None })
        };
        urls.split(',').map(str::trim).map(parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_urls_are_several_targets() {
        let targets: Targets = "http://10.0.0.1:50051, http://demo.internal:50051".parse().expect("two URLs");
        let targets = targets.all();
        assert_eq!(targets.len(), 2);
        assert_eq!(targets[1].host_and_port(), ("demo.internal".to_owned(), 50051));
        assert_eq!((targets[0].is_name(), targets[1].is_name()), (false, true));
        let looked_up = Target { address: Some("10.0.0.7:50051".parse().expect("an address")), ..targets[1].clone() };
        assert_eq!(looked_up.uri(), "http://10.0.0.7:50051/");
        assert!(!"http://[::1]:50051".parse::<Targets>().expect("a URL").first().is_name());
    }

    #[test]
    fn what_is_no_url_is_named() {
        for bad in ["", "10.0.0.1:50051", "http://a,", "https://a", "http://", "ht tp://a"] {
            let error = bad.parse::<Targets>().expect_err(bad).to_string();
            assert!(error.ends_with("is not a URL such as http://127.0.0.1:50051"), "{error}");
        }
    }
}

//! Where a callee is: its `url` key taken apart, and one address of it.

use std::net::{IpAddr, SocketAddr};

use http::Uri;

use crate::app::StartError;

/// One place to send calls to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// As configured; also what the callee is told it was called by.
    pub(super) origin: Uri,
    /// What the host name stands for; none if it is an address itself or has not been looked up.
    pub(super) address: Option<SocketAddr>,
}

impl Target {
    /// Host and port as configured.
    pub(super) fn host_and_port(&self) -> (String, u16) {
        let host = self.origin.host().unwrap_or_default().trim_matches(['[', ']']);
        (host.to_owned(), self.origin.port_u16().unwrap_or(80))
    }

    /// Whether there is a name to look up.
    pub(super) fn is_name(&self) -> bool {
        self.host_and_port().0.parse::<IpAddr>().is_err()
    }

    /// The URI to connect to.
    pub(super) fn uri(&self) -> Uri {
        let direct = self.address.and_then(|address| format!("http://{address}").parse().ok());
        direct.unwrap_or_else(|| self.origin.clone())
    }
}

/// The URLs of the key `<callee>.url`.
///
/// # Errors
/// If one of them is not a URL that can be called.
pub(super) fn parse(callee: &str, urls: &str) -> Result<Vec<Target>, StartError> {
    let invalid = |reason: String| StartError::Invalid { key: format!("{callee}.url"), reason };
    let parse = |url: &str| {
        let origin: Uri = url.parse().map_err(|error| invalid(format!("`{url}` is not a URL: {error}")))?;
        if origin.scheme_str() != Some("http") || origin.host().is_none() {
            return Err(invalid(format!("`{url}` is not a URL such as http://127.0.0.1:50051")));
        }
        Ok(Target { origin, address: None })
    };
    urls.split(',').map(str::trim).map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_urls_are_several_targets() {
        let targets = parse("demo", "http://10.0.0.1:50051, http://demo.internal:50051").expect("two URLs");
        assert_eq!(targets.len(), 2);
        assert_eq!(targets[1].host_and_port(), ("demo.internal".to_owned(), 50051));
        assert_eq!((targets[0].is_name(), targets[1].is_name()), (false, true));
        let looked_up = Target { address: Some("10.0.0.7:50051".parse().expect("an address")), ..targets[1].clone() };
        assert_eq!(looked_up.uri(), "http://10.0.0.7:50051/");
        assert!(!parse("demo", "http://[::1]:50051").expect("a URL")[0].is_name());
    }

    #[test]
    fn what_is_no_url_is_named_with_its_key() {
        for bad in ["", "10.0.0.1:50051", "http://a,", "https://a", "http://", "ht tp://a"] {
            let error = parse("demo", bad).expect_err(bad).to_string();
            assert!(error.contains("`demo.url`"), "{error}");
        }
    }
}

//! The target: which addresses may be loaded, whether a gateway answers there, and the client that talks to it.

use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, StatusCode};
use url::{Host, Url};

use crate::failure::Failure;

/// How long one request may take before it counts as failed; far beyond every service level.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the first look at the target may take.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a wrong answer is shown.
const SHOWN: usize = 40;

/// Read `--target`: scheme, host and port, and nothing behind them.
pub(crate) fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; give an address such as http://127.0.0.1:8080"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("give an http address such as http://127.0.0.1:8080".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("leave out the user name and password: every shopper registers its own".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("leave out everything behind the port: the journeys know the paths".to_owned());
    }
    Ok(url)
}

/// Whether the address is this machine by its look; names other than `localhost` are not looked up.
pub(crate) fn is_loopback(target: &Url) -> bool {
    match target.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// The client of one user: no redirects, and no proxy between us and this machine.
pub(crate) fn client(target: &Url) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(concat!("signalbox-loadtests/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .timeout(REQUEST_TIMEOUT)
        .gzip(true);
    if is_loopback(target) { builder.no_proxy() } else { builder }
}

/// Make sure that the target may be loaded and that a gateway answers there.
pub(crate) async fn check(target: &Url, allow_remote: bool) -> Result<(), Failure> {
    let shown = target.as_str().trim_end_matches('/').to_owned();
    if !is_loopback(target) && !allow_remote {
        return Err(Failure::Remote { target: shown });
    }
    let request = client(target).build()?.get(format!("{shown}/ping")).timeout(PING_TIMEOUT);
    let unreachable = |error: reqwest::Error| Failure::Unreachable { target: shown.clone(), cause: innermost(&error) };
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let body = response.text().await.map_err(unreachable)?;
    match (status, body.trim()) {
        (StatusCode::OK, "pong") => Ok(()),
        (StatusCode::OK, other) => Err(Failure::NotAGateway {
            target: shown,
            answer: format!("200 `{}`", other.chars().take(SHOWN).collect::<String>()),
        }),
        (status, _) => Err(Failure::NotAGateway { target: shown, answer: status.to_string() }),
    }
}

/// The last cause of an error: reqwest's own text says only that sending failed.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for local in ["http://127.0.0.1:8080", "http://127.8.9.1", "http://[::1]:8080", "http://localhost:1"] {
            assert!(is_loopback(&parse(local).unwrap()), "{local}");
        }
        for remote in
            ["http://10.0.0.1:8080", "https://shop.example.com", "http://localhost.example.com", "http://0.0.0.0"]
        {
            assert!(!is_loopback(&parse(remote).unwrap()), "{remote}");
        }
    }

    #[test]
    fn a_target_is_an_origin() {
        for refused in
            ["127.0.0.1:8080", "ftp://127.0.0.1", "http://127.0.0.1/v1", "http://a:b@127.0.0.1", "http://", ""]
        {
            assert!(parse(refused).is_err(), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_remote_target_is_refused_before_anything_is_sent() {
        let target = parse("http://shop.invalid").unwrap();
        assert!(matches!(check(&target, false).await, Err(Failure::Remote { .. })));
    }
}

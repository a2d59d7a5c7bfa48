//! The command line: which gateway, how many users, how long, and where the reports go.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use goose::util::parse_timespan;
use url::Url;

use crate::target;

/// Load the Signalbox gateway with shoppers and visitors and judge what they saw against the service levels.
///
/// Exits 0 when each level was met, 3 when one was missed, 2 when the load could not start, 1 when it broke off.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// The gateway's public address; only this machine unless --allow-remote is given
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = target::parse)]
    pub target: Url,

    /// Let the target be another machine
    #[arg(long)]
    pub allow_remote: bool,

    /// Users at the same time, three visitors to two shoppers; at least 2, so that both journeys run
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = users)]
    pub users: usize,

    /// How long to keep going once all users have started, such as 90s, 5m or 1h30m
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = time)]
    pub duration: Duration,

    /// A user's average pause between two steps, in milliseconds; each pause is half to one and a half times this
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub think_ms: u32,

    /// Folder for report.html, report.md and report.json; those of an earlier run are replaced
    #[arg(long, value_name = "DIR", default_value = "target/load")]
    pub report_dir: PathBuf,
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (users, seconds) = (self.users, self.duration.as_secs());
        write!(f, "Loading {} with {users} users, for {seconds} s once all have started.", self.target)
    }
}

/// At least two users, because the first is a visitor and the second a shopper.
fn users(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(users) if users >= 2 => Ok(users),
        _ => Err("give a whole number of at least 2".to_owned()),
    }
}

/// A time as goose reads it, but never none.
fn time(text: &str) -> Result<Duration, String> {
    match parse_timespan(text) {
        Some(seconds) if seconds >= 1 => Ok(Duration::from_secs(seconds as u64)),
        _ => Err("give at least one second, such as 90s, 5m or 1h30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from([&["loadtests"], flags].concat())
    }

    #[test]
    fn defaults_load_the_local_gateway_for_a_minute() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.target.as_str(), "http://127.0.0.1:8080/");
        assert_eq!((options.users, options.duration), (10, Duration::from_secs(60)));
        assert!(!options.allow_remote);
        assert_eq!(options.report_dir, PathBuf::from("target/load"));
    }

    #[test]
    fn times_are_read_in_hours_minutes_and_seconds() {
        assert_eq!(parse(&["--for", "1h30m"]).unwrap().duration, Duration::from_secs(5400));
        for refused in ["0s", "soon", "-5s", ""] {
            assert!(parse(&[&format!("--for={refused}")]).is_err(), "{refused}");
        }
    }

    #[test]
    fn one_user_cannot_take_both_journeys() {
        assert!(parse(&["--users", "1"]).is_err());
        assert_eq!(parse(&["--users", "2"]).unwrap().users, 2);
    }
}

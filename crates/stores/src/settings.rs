//! Configuration sections of the stores. Each service's `config.toml` holds and explains their keys, and the ranges of the
//! numbers. What stands in a URL besides the place, such as a password, is shown by neither `Debug` nor an error.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use chassis::settings::{millis, parsed, parsed_or_none};
use serde::Deserialize;

use crate::bad_url::BadUrl;
use crate::redis_url::RedisUrl;

/// A database.
#[derive(Clone, Debug, Deserialize)]
pub struct Database {
    /// Which, and where.
    #[serde(deserialize_with = "parsed")]
    pub url: DatabaseUrl,
    /// File with the PEM certificates of the authorities that sign the server's; none for those of the system.
    #[serde(deserialize_with = "parsed_or_none")]
    pub ca_file: Option<PathBuf>,
    /// Connections of the pool (of its readers with SQLite, which has one writer).
    pub max_connections: u32,
    /// Time to wait for a connection.
    #[serde(rename = "acquire_timeout_ms", deserialize_with = "millis")]
    pub acquire_timeout: Duration,
    /// Time a statement may run (Postgres) or wait for a lock (both).
    #[serde(rename = "statement_timeout_ms", deserialize_with = "millis")]
    pub statement_timeout: Duration,
    /// Whether to apply migrations at start.
    pub migrate: bool,
}

/// Which database, and where.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// `sqlite:<file>`.
    Sqlite {
        /// The file.
        file: String,
    },
    /// `postgres://user:password@host/database`, with `?sslmode=verify-full` for TLS.
    #[cfg(feature = "postgres")]
    Postgres {
        /// How to connect.
        options: Box<sqlx::postgres::PgConnectOptions>,
        /// The URL without its credentials.
        shown: String,
    },
}

/// A Redis server.
#[derive(Clone, Debug, Deserialize)]
pub struct Redis {
    /// Where it is, if there is one.
    #[serde(deserialize_with = "parsed_or_none")]
    pub url: Option<RedisUrl>,
    /// As [`Database::ca_file`].
    #[serde(deserialize_with = "parsed_or_none")]
    pub ca_file: Option<PathBuf>,
    /// Time a command may take.
    #[serde(rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Duration,
}

impl Database {
    /// A database for tests and tools: few connections, long time-outs, migrations applied.
    ///
    /// # Errors
    /// If `url` is none of a database.
    pub fn new(url: &str) -> Result<Self, BadUrl> {
        Ok(Self {
            url: url.parse()?,
            ca_file: None,
            max_connections: 4,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(10),
            migrate: true,
        })
    }
}

impl Redis {
    /// A server for tests and tools, with a long time-out.
    ///
    /// # Errors
    /// If `url` is none of Redis.
    pub fn new(url: &str) -> Result<Self, BadUrl> {
        Ok(Self { url: Some(url.parse()?), ca_file: None, timeout: Duration::from_secs(5) })
    }
}

impl FromStr for DatabaseUrl {
    type Err = BadUrl;

    fn from_str(url: &str) -> Result<Self, BadUrl> {
        const EXPECTED: &str = "neither sqlite:<file> nor postgres://user:password@host/database";
        match url.split_once(':') {
            Some(("sqlite", path)) => Ok(Self::Sqlite { file: path.trim_start_matches("//").to_owned() }),
            #[cfg(feature = "postgres")]
            Some(("postgres" | "postgresql", _)) => {
                let options =
                    sqlx::postgres::PgConnectOptions::from_str(url).map_err(|_| BadUrl::new(url, EXPECTED))?;
                Ok(Self::Postgres { options: Box::new(options), shown: crate::bad_url::without_credentials(url) })
            }
            #[cfg(not(feature = "postgres"))]
            Some(("postgres" | "postgresql", _)) => Err(BadUrl::not_built(url, "Postgres")),
            _ => Err(BadUrl::new(url, EXPECTED)),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite { file } => file,
            #[cfg(feature = "postgres")]
            Self::Postgres { shown, .. } => shown,
        })
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_url_is_shown_without_the_password() {
        for url in ["redis://:hush@host:port/0", "http://:hush@host", ":hush@host"] {
            let refusal = url.parse::<RedisUrl>().expect_err(url).to_string();
            assert!(refusal.starts_with("`host"), "{refusal}");
            assert!(refusal.ends_with("is not redis://[:password@]host:port/db"), "{refusal}");
        }
        for url in ["mysql://root:hush@host/shop", "postgres://u:hush@host:port/shop", ""] {
            let refusal = url.parse::<DatabaseUrl>().expect_err(url).to_string();
            assert!(
                refusal.ends_with("is neither sqlite:<file> nor postgres://user:password@host/database"),
                "{refusal}"
            );
            assert!(!refusal.contains("hush"), "{refusal}");
        }
    }

    #[test]
    fn settings_show_no_password() {
        let database = Database::new("postgres://u:hush@host/shop").expect("a URL");
        let redis = Redis::new("redis://:hush@host:6379/1").expect("a URL");
        let shown = format!("{database:?} {redis:?}");
        assert!(shown.contains("host/shop") && shown.contains("host:6379") && !shown.contains("hush"), "{shown}");
    }
}

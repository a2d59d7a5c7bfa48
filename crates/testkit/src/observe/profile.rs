//! Which times hold, and where the programs listen.

use std::time::Duration;

/// Where these programs listen beside `make dev`: their usual ports. In `targets/processes` stand these, too.
pub(super) const DEFAULT_PORTS: [(&str, u16); 5] = [
    ("prometheus", 9090),
    ("alertmanager", 9093),
    ("postgres_exporter", 9187),
    ("redis_exporter", 9121),
    ("node_exporter", 9100),
];

/// Which times hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Objectives over 30 days, everything read every 15 s.
    Prod,
    /// Every window divided by 60, everything read every second.
    Demo,
}

impl Profile {
    /// As the folder of its rules is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prod => "prod",
            Self::Demo => "demo",
        }
    }

    /// The name of a configuration file of this profile, whose name for production is `usual`.
    pub(super) fn file(self, usual: &'static str) -> &'static str {
        match self {
            Self::Prod => usual,
            Self::Demo => "demo.yml",
        }
    }

    /// How long the Watchdog may be missing before somebody should look: three times as long as it takes.
    #[must_use]
    pub fn watchdog_timeout(self) -> Duration {
        match self {
            Self::Prod => Duration::from_secs(180),
            Self::Demo => Duration::from_secs(15),
        }
    }

    /// Time between two sendings of an alert; what fired before Prometheus knew Alertmanager waits that long.
    pub(super) fn resend(self) -> &'static str {
        match self {
            Self::Prod => "1m",
            Self::Demo => "5s",
        }
    }
}

//! Why a load test could not be run to its end, and the exit code each reason has.

use std::path::PathBuf;

use goose::GooseError;

/// The exit code of a run that ended but missed a threshold.
pub const THRESHOLDS_MISSED: u8 = 3;

/// The exit code for flags that cannot be used and for a target that cannot be reached, as clap's own for bad flags.
const CANNOT_START: u8 = 2;

/// The exit code of a run that broke off.
const BROKE_OFF: u8 = 1;

/// A reason for which there is no result to judge.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The target is not on this machine, and nobody said that it may be elsewhere.
    #[error(
        "{target} is not on this machine. Load on somebody else's system is an attack: name a loopback address, or add \
         --allow-remote when the system is yours to load."
    )]
    Remote {
        /// The target as it was given.
        target: String,
    },
    /// The target did not answer at all.
    #[error(
        "no answer from {target}/ping ({cause}). Start the stack with `make demo` in the workspace and wait \
         until it is ready, or name the gateway's address with --target."
    )]
    Unreachable {
        /// The target without a trailing slash.
        target: String,
        /// The innermost cause, such as a refused connection.
        cause: String,
    },
    /// Something answered, but not as the gateway does.
    #[error(
        "{target}/ping answered {answer} instead of 200 `pong`, so this is not a Signalbox gateway. Name the gateway's \
         address with --target."
    )]
    NotAGateway {
        /// The target without a trailing slash.
        target: String,
        /// The status, and the start of the body when the status was 200.
        answer: String,
    },
    /// The folder for the reports could not be made.
    #[error("cannot write reports into {}: {cause}. Name another folder with --report-dir.", folder.display())]
    ReportDir {
        /// The folder as it was given.
        folder: PathBuf,
        /// What the file system said.
        cause: std::io::Error,
    },
    /// The HTTP client could not be built.
    #[error("cannot build an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// Goose refused its settings or broke off.
    #[error("the load broke off: {}", describe(.0))]
    BrokeOff(Box<GooseError>),
}

impl Failure {
    /// What the process exits with: 2 when the load could not start, 1 when it broke off.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Remote { .. } | Self::Unreachable { .. } | Self::NotAGateway { .. } | Self::ReportDir { .. } => {
                CANNOT_START
            }
            Self::Client(_) | Self::BrokeOff(_) => BROKE_OFF,
        }
    }
}

impl From<GooseError> for Failure {
    fn from(error: GooseError) -> Self {
        Self::BrokeOff(Box::new(error))
    }
}

/// Goose's `Display` leaves out which option it refused and why.
fn describe(error: &GooseError) -> String {
    match error {
        GooseError::InvalidOption { option, value, detail } => format!("{option} {value}: {detail}"),
        other => other.to_string(),
    }
}

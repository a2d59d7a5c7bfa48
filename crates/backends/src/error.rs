//! Why there is no server. The messages say what to do about it.

/// What is wrong with a private server.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// Its programs are not on this machine and could not be put there.
    #[error(
        "{server} is not installed ({reason}). On Debian or Ubuntu, as root: {command} . Elsewhere install {server} so \
         that `{program}` is found in PATH"
    )]
    Missing {
        /// Such as `Postgres` or `Prometheus`.
        server: &'static str,
        /// The program that was looked for.
        program: &'static str,
        /// What installs it on Debian.
        command: String,
        /// Why it was not installed.
        reason: String,
    },
    /// It ended or did not answer in time.
    #[error("{server} {what}; its output ends with:\n{output}")]
    Server {
        /// Such as `Postgres` or `Prometheus`.
        server: &'static str,
        /// What happened instead of an answer.
        what: String,
        /// The last lines it wrote.
        output: String,
    },
    /// An administrative command failed.
    #[error("{command} failed: {output}")]
    Command {
        /// The command, without secrets.
        command: String,
        /// What it wrote.
        output: String,
    },
    /// The operating system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// The refusal.
        source: std::io::Error,
    },
}

impl BackendError {
    /// For `map_err`: what was tried when the operating system refused.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}

//! The paths of the admin port, for those who serve and those who ask.

/// Answers while the process runs.
pub const LIVEZ: &str = "/livez";

/// The readiness report; 200 if requests are welcome.
pub const READYZ: &str = "/readyz";

/// The metrics in the Prometheus text format.
pub const METRICS: &str = "/metrics";

/// The log levels, to read and to set.
pub const LOG_LEVEL: &str = "/log-level";

/// Version, revision, compiler.
pub const BUILD: &str = "/build";

//! The entries of the metric catalogue.

use crate::catalogue::{D9, H14, Kind, Metric};

/// Shorthand, so that an entry reads like a row of a table.
macro_rules! metric {
    ($name:literal, $kind:ident, $unit:literal, [$($label:literal),*], $buckets:expr, $help:literal) => {
        Metric {
            name: $name,
            kind: Kind::$kind,
            unit: $unit,
            labels: &[$($label),*],
            buckets: $buckets,
            help: $help,
        }
    };
}

/// One row a metric.
#[rustfmt::skip]
pub(crate) const ENTRIES: &[Metric] = &[
    // RED of what we serve and call
    metric!("http_server_request_duration_seconds", Histogram, "s", ["http_request_method", "http_route", "http_response_status_code", "url_scheme", "error_type"], H14,
        "Time to answer HTTP requests; its count is the request rate."),
    metric!("http_server_active_requests", Gauge, "{request}", ["http_request_method", "url_scheme"], &[],
        "HTTP requests being served now."),
    metric!("http_client_request_duration_seconds", Histogram, "s", ["http_request_method", "server_address", "http_response_status_code", "error_type"], H14,
        "Time of outgoing HTTP requests."),
    metric!("rpc_server_call_duration_seconds", Histogram, "s", ["rpc_system_name", "rpc_method", "rpc_response_status_code", "error_type"], H14,
        "Time to answer gRPC calls; its count is the call rate."),
    metric!("rpc_client_call_duration_seconds", Histogram, "s", ["rpc_system_name", "rpc_method", "rpc_response_status_code", "error_type", "server_address", "server_port"], H14,
        "Time of outgoing gRPC calls, retries included."),
    // Databases
    metric!("db_client_operation_duration_seconds", Histogram, "s", ["db_system_name", "db_query_summary", "error_type"], D9,
        "Time of database operations, waiting for a connection not included."),
    metric!("db_client_connection_count", Gauge, "{connection}", ["db_client_connection_pool_name", "db_client_connection_state"], &[],
        "Connections of a pool by state, idle or used."),
    metric!("db_client_connection_max", Gauge, "{connection}", ["db_client_connection_pool_name"], &[],
        "Connections a pool may open."),
    metric!("db_client_connection_pending_requests", Gauge, "{request}", ["db_client_connection_pool_name"], &[],
        "Requests waiting for a connection."),
    metric!("db_client_connection_timeouts_total", Counter, "{timeout}", ["db_client_connection_pool_name"], &[],
        "Waits for a connection that were given up."),
    metric!("db_client_connection_wait_time_seconds", Histogram, "s", ["db_client_connection_pool_name"], D9,
        "Time spent waiting for a connection."),
    // Business facts
    metric!("auth_registrations_total", Counter, "{registration}", ["outcome"], &[],
        "Registrations by outcome: created, known or failed."),
    metric!("auth_logins_total", Counter, "{login}", ["outcome"], &[],
        "Logins by outcome: success, refused, busy or failed."),
    metric!("auth_refreshes_total", Counter, "{refresh}", ["outcome"], &[],
        "Token refreshes by outcome: success, refused, reused or failed."),
    metric!("product_views_total", Counter, "{view}", [], &[],
        "Product pages read."),
    metric!("product_searches_total", Counter, "{search}", ["outcome"], &[],
        "Product searches by outcome: found or empty."),
    // Caches and bounded pools
    metric!("cache_lookups_total", Counter, "{lookup}", ["cache", "outcome"], &[],
        "Cache look-ups by outcome: hit or miss."),
    metric!("cache_entries", Gauge, "{entry}", ["cache"], &[],
        "Entries a cache holds."),
    metric!("password_pool_active", Gauge, "{hash}", [], &[],
        "Password hashes being computed now."),
    metric!("password_pool_queued", Gauge, "{hash}", [], &[],
        "Password hashes waiting for a worker."),
    metric!("password_pool_rejections_total", Counter, "{hash}", [], &[],
        "Password hashes refused because the queue was full or the wait too long."),
    metric!("password_hash_duration_seconds", Histogram, "s", [], H14,
        "Time to compute one password hash, waiting not included."),
    metric!("rate_limit_decisions_total", Counter, "{request}", ["outcome"], &[],
        "Rate-limit decisions at the gateway: allowed or limited."),
    metric!("jwks_refreshes_total", Counter, "{refresh}", ["outcome"], &[],
        "Fetches of the key set by outcome: success or failed."),
    // Process and telemetry itself
    metric!("build_info", Gauge, "1", ["version", "revision", "rustc"], &[],
        "Always 1; the labels tell what is running."),
    metric!("panics_total", Counter, "{panic}", [], &[],
        "Panics caught; each is a bug."),
    metric!("log_lines_dropped_total", Counter, "{line}", [], &[],
        "Log lines dropped because the writer fell behind."),
    metric!("process_cpu_seconds_total", Counter, "s", [], &[],
        "User and system CPU time spent by the process."),
    metric!("process_open_fds", Gauge, "{file}", [], &[],
        "Open file descriptors of the process."),
    metric!("process_max_fds", Gauge, "{file}", [], &[],
        "File descriptors the process may open."),
    metric!("process_virtual_memory_bytes", Gauge, "By", [], &[],
        "Virtual memory of the process."),
    metric!("process_virtual_memory_max_bytes", Gauge, "By", [], &[],
        "Virtual memory the process may have."),
    metric!("process_resident_memory_bytes", Gauge, "By", [], &[],
        "Resident memory of the process."),
    metric!("process_start_time_seconds", Gauge, "s", [], &[],
        "Start of the process since the Unix epoch."),
    metric!("process_threads", Gauge, "{thread}", [], &[],
        "Operating-system threads of the process."),
    metric!("tokio_workers", Gauge, "{thread}", [], &[],
        "Worker threads of the service's runtime."),
    metric!("tokio_tasks", Gauge, "{task}", [], &[],
        "Tasks alive in the service's runtime."),
    metric!("tokio_global_queue_depth", Gauge, "{task}", [], &[],
        "Tasks waiting in the runtime's global queue."),
    metric!("tokio_busy_ratio", Gauge, "1", [], &[],
        "Share of time the runtime's workers were busy since the last measurement."),
    metric!("tokio_parks_total", Counter, "{park}", [], &[],
        "Times the runtime's workers went to sleep."),
];

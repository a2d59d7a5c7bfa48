//! Observability as data: objectives, alerts, recording rules and dashboards are read, checked against the metric
//! catalogue, and written out for Prometheus and Grafana.

pub mod duration;
pub mod promql;
pub mod rules;
pub mod runbook;
pub mod shell;
pub mod sources;

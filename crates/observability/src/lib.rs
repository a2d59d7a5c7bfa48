//! Observability as data: objectives, alerts, recording rules and dashboards are read, checked against the metric
//! catalogue, and written out for Prometheus and Grafana.

pub mod causes;
pub mod dashboard;
pub mod duration;
pub mod generated_file;
pub mod labels;
mod links;
pub mod lint;
pub mod outputs;
pub mod page;
pub mod profile;
pub mod promql;
pub mod rules;
pub mod runbook;
pub mod shell;
pub mod slo;
pub mod slo_rules;
pub mod sources;
pub mod thresholds;
pub mod vocabulary;

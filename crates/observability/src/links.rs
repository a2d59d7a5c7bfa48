//! Where the links of an alert lead.

use crate::duration::Span;
use crate::sources::{Links, Slo};

/// The runbook of an alert.
#[must_use]
pub(crate) fn runbook(links: &Links, alert: &str) -> String {
    format!("{}/{alert}.md", links.runbooks)
}

/// The dashboard of a cause. The one that shows any service is opened at the service in question, which may be a
/// template.
#[must_use]
pub(crate) fn dashboard(links: &Links, uid: &str, service: &str) -> String {
    let chosen = if uid == "service" { format!("var-job={service}&") } else { String::new() };
    format!("{}/d/{uid}?{chosen}from=now-1h&to=now", links.grafana)
}

/// The dashboard of an objective over the window of the alert.
#[must_use]
pub(crate) fn objective(links: &Links, slo: &Slo, window: Span) -> String {
    format!("{}/d/{}?var-slo={}&from=now-{window}&to=now", links.grafana, slo.dashboard, slo.id)
}

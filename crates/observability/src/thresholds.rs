//! The thresholds of the alerts, for panels that draw them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::promql::{Query, Threshold};
use crate::rules::RuleFile;
use crate::sources::{self, SourceError};

/// Folder of the alerts.
const ALERTS: &str = "observability/alerts";

/// A cause alert and where it is shown.
#[derive(Clone, Debug)]
pub struct ShownAlert {
    /// Its expression.
    pub expr: String,
    /// The dashboard that shows its signal.
    pub dashboard: String,
    /// The panel on it.
    pub panel: String,
    /// What its expression compares with; none if it compares with no number.
    pub threshold: Option<Threshold>,
}

/// The cause alerts by name.
#[derive(Clone, Debug, Default)]
pub struct AlertThresholds {
    alerts: BTreeMap<String, ShownAlert>,
}

impl AlertThresholds {
    /// Reads the alerts of the project at `root`.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or an expression is not PromQL.
    pub fn read(root: &Path) -> Result<Self, SourceError> {
        let mut alerts = BTreeMap::new();
        for file in sources::list(root, ALERTS, ".yml")? {
            let content: RuleFile = sources::read_yaml(root, &file)?;
            for rule in content.alerts() {
                let query = Query::parse(&rule.expr);
                let query =
                    query.map_err(|error| SourceError::Malformed { file: file.clone(), problem: error.to_string() })?;
                let annotation = |name: &str| rule.annotations.get(name).cloned().unwrap_or_default();
                let shown = ShownAlert {
                    expr: rule.expr.clone(),
                    dashboard: annotation("dashboard"),
                    panel: annotation("panel"),
                    threshold: query.threshold(),
                };
                alerts.insert(rule.name().to_owned(), shown);
            }
        }
        Ok(Self { alerts })
    }

    /// The threshold of the alert of that name.
    #[must_use]
    pub fn of(&self, alert: &str) -> Option<&Threshold> {
        self.alerts.get(alert)?.threshold.as_ref()
    }

    /// Every alert with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ShownAlert)> {
        self.alerts.iter().map(|(name, alert)| (name.as_str(), alert))
    }
}

/// Where a panel's colour changes for `threshold`, and whether it is red above (true) or below. Grafana colours from a
/// value on, so that "above 0" begins a little above it.
#[must_use]
pub fn step(threshold: &Threshold) -> (f64, bool) {
    let red_above = threshold.operator.starts_with('>') || threshold.operator == "!=";
    let value = if threshold.value == 0.0 { JUST_ABOVE_ZERO } else { threshold.value };
    (value, red_above)
}

/// Less than any rate or count that is worth a colour.
pub const JUST_ABOVE_ZERO: f64 = 0.000_001;

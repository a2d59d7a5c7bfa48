//! What dashboards are held against: metrics, alerts, objectives and scrape jobs.

use std::collections::BTreeSet;
use std::path::Path;

use super::error::LintError;
use crate::outputs;
use crate::sources::Sources;
use crate::thresholds::AlertThresholds;
use crate::vocabulary::Vocabulary;

/// What dashboards are held against.
#[derive(Debug)]
pub struct LintContext {
    /// Metrics and labels there are.
    pub vocabulary: Vocabulary,
    /// Alerts that have a panel.
    pub alerts: AlertThresholds,
    /// Dashboard and panel of each objective, by the name of its alert.
    pub objectives: Vec<(String, String, String)>,
    /// Scrape jobs there are.
    pub jobs: BTreeSet<String>,
}

impl LintContext {
    /// Reads the sources of the project at `root`.
    ///
    /// # Errors
    ///
    /// If one is missing or wrong.
    pub fn read(root: &Path) -> Result<Self, LintError> {
        let sources = Sources::read(root)?;
        let objectives =
            sources.slo.slo.iter().map(|slo| (slo.alert.clone(), slo.dashboard.clone(), slo.panel.clone()));
        Ok(Self {
            vocabulary: outputs::vocabulary(&sources)?,
            alerts: AlertThresholds::read(root)?,
            objectives: objectives.collect(),
            jobs: sources.external.keys().cloned().collect(),
        })
    }
}

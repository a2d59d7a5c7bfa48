//! The rules of Grafana's dashboard linter and some of ours, applied to the dashboards as Grafana reads them.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::outputs;
use crate::sources::{SourceError, Sources};
use crate::thresholds::AlertThresholds;
use crate::vocabulary::Vocabulary;

mod alerts;
mod board;
pub mod exceptions;
pub mod logql;
mod ours;
mod panels;
mod targets;
mod templates;
mod units;

pub use board::{Board, substituted};

/// Why the dashboards cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum LintError {
    /// A source is missing or malformed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A dashboard is not JSON.
    #[error("{file}: {problem}")]
    Json {
        /// Path of the dashboard.
        file: String,
        /// What the parser says.
        problem: String,
    },
}

/// Something a rule does not like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// Title of the dashboard.
    pub dashboard: String,
    /// Title of the panel, if it is about one.
    pub panel: Option<String>,
    /// Number of the query, from 0, if it is about one.
    pub target: Option<usize>,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: dashboard \"{}\"", self.rule, self.dashboard)?;
        if let Some(panel) = &self.panel {
            write!(f, ", panel \"{panel}\"")?;
        }
        if let Some(target) = self.target {
            write!(f, ", query {target}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// What dashboards are held against.
#[derive(Debug)]
pub struct World {
    /// Metrics and labels there are.
    pub vocabulary: Vocabulary,
    /// Alerts that have a panel.
    pub alerts: AlertThresholds,
    /// Dashboard and panel of each objective, by the name of its alert.
    pub objectives: Vec<(String, String, String)>,
    /// Scrape jobs there are.
    pub jobs: BTreeSet<String>,
}

impl World {
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

/// Everything the rules find in `boards`, exceptions not considered.
#[must_use]
pub fn check(boards: &[Board], world: &World) -> Vec<Finding> {
    let mut findings = ours::between(boards);
    findings.extend(alerts::shown(boards, world));
    for board in boards {
        findings.extend(templates::check(board));
        findings.extend(ours::check(board));
        findings.extend(targets::marks(board, world));
        for panel in board.panels() {
            findings.extend(panels::check(board, panel));
            findings.extend(targets::check(board, panel, world));
        }
    }
    findings
}

/// Collects findings about one dashboard or panel.
struct Report<'a> {
    dashboard: &'a str,
    panel: Option<&'a str>,
    findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    fn new(board: &'a Board, panel: Option<&'a serde_json::Value>) -> Self {
        Self { dashboard: board.title(), panel: panel.map(|panel| board::text(panel, "title")), findings: Vec::new() }
    }

    fn add(&mut self, rule: &'static str, problem: impl Into<String>) {
        self.of_target(rule, None, problem);
    }

    fn of_target(&mut self, rule: &'static str, target: Option<usize>, problem: impl Into<String>) {
        self.findings.push(Finding {
            rule,
            dashboard: self.dashboard.to_owned(),
            panel: self.panel.map(str::to_owned),
            target,
            problem: problem.into(),
        });
    }

    fn unless(&mut self, good: bool, rule: &'static str, problem: impl Into<String>) {
        if !good {
            self.add(rule, problem);
        }
    }
}

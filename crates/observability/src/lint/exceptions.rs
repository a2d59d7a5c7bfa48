//! `grafana/dashboards/.lint`: which findings are meant, in the notation of Grafana's dashboard linter. An exception
//! without a reason, or that excuses nothing, is a finding itself.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::error::LintError;
use super::finding::Finding;
use crate::sources;

/// Where the exceptions stand.
pub const FILE: &str = "grafana/dashboards/.lint";

/// The file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// By rule.
    pub exclusions: BTreeMap<String, Excluded>,
}

/// What is excused from one rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excluded {
    /// Where; never empty, which would excuse everything.
    pub entries: Vec<Entry>,
}

/// One excused place.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    /// Title of the dashboard.
    pub dashboard: String,
    /// Title of the panel; absent for findings about the dashboard.
    #[serde(default)]
    pub panel: Option<String>,
    /// Number of the query, from 0, if not all of them.
    #[serde(default)]
    pub target_idx: Option<String>,
    /// Why.
    pub reason: String,
}

impl Exceptions {
    /// Reads the exceptions of the project at `root`.
    ///
    /// # Errors
    ///
    /// If the file is missing or malformed.
    pub fn read(root: &Path) -> Result<Self, LintError> {
        Ok(sources::read_yaml(root, FILE)?)
    }

    /// What is left of `findings`, and the exceptions that excuse nothing.
    #[must_use]
    pub fn applied(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let all =
            self.exclusions.iter().flat_map(|(rule, excluded)| excluded.entries.iter().map(move |entry| (rule, entry)));
        let mut left = Vec::new();
        for (rule, entry) in all {
            if entry.reason.trim().is_empty() || !findings.iter().any(|finding| entry.excuses(rule, finding)) {
                left.push(entry.stale(rule));
            }
        }
        let excused = |finding: &Finding| {
            self.exclusions
                .get(finding.rule)
                .is_some_and(|excluded| excluded.entries.iter().any(|entry| entry.excuses(finding.rule, finding)))
        };
        left.extend(findings.into_iter().filter(|finding| !excused(finding)));
        left
    }
}

impl Entry {
    fn excuses(&self, rule: &str, finding: &Finding) -> bool {
        let target = finding.target.map(|target| target.to_string());
        rule == finding.rule
            && self.dashboard == finding.dashboard
            && self.panel == finding.panel
            && (self.target_idx.is_none() || self.target_idx == target)
    }

    fn stale(&self, rule: &str) -> Finding {
        Finding {
            rule: "stale-exception",
            dashboard: self.dashboard.clone(),
            panel: self.panel.clone(),
            target: None,
            problem: format!(
                "{FILE} excuses {rule} here without a reason, or although nothing has to be excused: write why, or remove the entry"
            ),
        }
    }
}

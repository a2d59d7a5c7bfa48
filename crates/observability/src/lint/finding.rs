//! What the rules find in a dashboard, and how findings are collected.

use std::fmt;

use serde_json::Value;

use super::board::{Board, text};

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

/// Collects findings about one dashboard or panel.
pub(super) struct Report<'a> {
    dashboard: &'a str,
    panel: Option<&'a str>,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(board: &'a Board, panel: Option<&'a Value>) -> Self {
        Self { dashboard: board.title(), panel: panel.map(|panel| text(panel, "title")), findings: Vec::new() }
    }

    pub(super) fn add(&mut self, rule: &'static str, problem: impl Into<String>) {
        self.of_target(rule, None, problem);
    }

    pub(super) fn of_target(&mut self, rule: &'static str, target: Option<usize>, problem: impl Into<String>) {
        self.findings.push(Finding {
            rule,
            dashboard: self.dashboard.to_owned(),
            panel: self.panel.map(str::to_owned),
            target,
            problem: problem.into(),
        });
    }

    pub(super) fn unless(&mut self, good: bool, rule: &'static str, problem: impl Into<String>) {
        if !good {
            self.add(rule, problem);
        }
    }
}

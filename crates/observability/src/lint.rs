//! The rules of Grafana's dashboard linter and some of ours, applied to the dashboards as Grafana reads them.

mod alerts;
mod board;
mod context;
mod error;
pub mod exceptions;
mod finding;
pub mod logql;
mod panels;
mod structure;
mod targets;
mod templates;
mod units;

pub use board::{Board, substituted};
pub use context::LintContext;
pub use error::LintError;
pub use finding::Finding;

/// Everything the rules find in `boards`, exceptions not considered.
#[must_use]
pub fn check(boards: &[Board], context: &LintContext) -> Vec<Finding> {
    let mut findings = structure::between(boards);
    findings.extend(alerts::shown(boards, context));
    for board in boards {
        findings.extend(templates::check(board));
        findings.extend(structure::check(board));
        findings.extend(targets::marks(board, context));
        for panel in board.panels() {
            findings.extend(panels::check(board, panel));
            findings.extend(targets::check(board, panel, context));
        }
    }
    findings
}

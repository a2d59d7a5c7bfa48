//! `observability/expected-empty.toml`: which queries have no data in a healthy run, and why that is right.

use std::path::Path;

use toml::{Table, Value};

use crate::dashboards::Query;

/// Why a query has no data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Category {
    /// It shows what does not happen while everything is well.
    Healthy,
    /// It shows what a program tells that does not run here.
    Program(String),
}

/// One entry.
#[derive(Debug)]
pub(crate) struct Entry {
    /// `uid / panel`, or the name of a recording rule.
    subject: Subject,
    pub(crate) category: Category,
}

#[derive(Debug, PartialEq)]
enum Subject {
    Panel { uid: String, panel: String, reference: Option<String> },
    Rule(String),
}

impl Entry {
    /// What it is about, for messages.
    pub(crate) fn name(&self) -> String {
        match &self.subject {
            Subject::Panel { uid, panel, reference: None } => format!("{uid} / {panel}"),
            Subject::Panel { uid, panel, reference: Some(reference) } => format!("{uid} / {panel} / {reference}"),
            Subject::Rule(name) => format!("rule {name}"),
        }
    }

    pub(crate) fn is_about(&self, query: &Query) -> bool {
        let Subject::Panel { uid, panel, reference } = &self.subject else { return false };
        (uid, panel) == (&query.uid, &query.panel) && reference.as_ref().is_none_or(|own| *own == query.reference)
    }

    pub(crate) fn is_about_rule(&self, name: &str) -> bool {
        self.subject == Subject::Rule(name.to_owned())
    }
}

/// The entries of the file.
pub(crate) fn read(path: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The entries of a text; the error names what is wrong with which.
pub(crate) fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let table: Table = text.parse().map_err(|error| format!("{error}"))?;
    let entries = table.get("empty").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let entries = entries.iter().filter_map(Value::as_table).map(entry).collect::<Result<Vec<_>, _>>()?;
    for (number, entry) in entries.iter().enumerate() {
        if entries[..number].iter().any(|before| before.subject == entry.subject) {
            return Err(format!("{} stands twice", entry.name()));
        }
    }
    Ok(entries)
}

fn entry(table: &Table) -> Result<Entry, String> {
    let text = |key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    let known = ["uid", "panel", "query", "rule", "category", "needs", "reason"];
    if let Some(stranger) = table.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("`{stranger}` is none of the keys {known:?}"));
    }
    let subject = match (text("uid"), text("panel"), text("rule")) {
        (Some(uid), Some(panel), None) => Subject::Panel { uid, panel, reference: text("query") },
        (None, None, Some(rule)) => Subject::Rule(rule),
        _ => return Err(format!("an entry has `uid` and `panel`, or `rule`: {table}")),
    };
    let category = match (text("category").as_deref(), text("needs")) {
        (Some("healthy"), None) => Category::Healthy,
        (Some("program"), Some(needs)) => Category::Program(needs),
        _ => return Err(format!("`category` is \"healthy\", or \"program\" with `needs`: {table}")),
    };
    if text("reason").is_none_or(|reason| reason.len() < 10) {
        return Err(format!("an entry needs a `reason`: {table}"));
    }
    Ok(Entry { subject, category })
}

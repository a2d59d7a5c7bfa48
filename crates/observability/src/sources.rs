//! What people write under `observability/`, read into plain structs: `slo.toml`, `alerts/*.yml`, `recording/*.yml`
//! and `external-metrics.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::duration::Span;
use crate::rules::RuleFile;

/// Why a source cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or folder that has to be there cannot be read.
    #[error("{file}: {source}")]
    Unreadable {
        /// Path from the root of the project.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A generated file cannot be written or removed.
    #[error("{file} cannot be written: {source}")]
    Unwritable {
        /// Path from the root of the project.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A file has not the shape it has to have; the parser names line and field.
    #[error("{file}: {problem}")]
    Malformed {
        /// Path from the root of the project.
        file: String,
        /// What the parser says.
        problem: String,
    },
    /// A field has a value that cannot be.
    #[error("{file}: {item}: {field}: {problem}")]
    Field {
        /// Path from the root of the project.
        file: String,
        /// Objective, alert or rule.
        item: String,
        /// Which field of it.
        field: &'static str,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

/// One file of `alerts/` or `recording/`.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path from the root of the project.
    pub path: String,
    /// File name without `.yml`.
    pub stem: String,
    /// Its rules.
    pub content: RuleFile,
}

/// `slo.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SloFile {
    /// Time over which an error budget is reckoned.
    pub period: Span,
    /// Who owns the alerts.
    pub team: String,
    /// Where links in alerts lead.
    pub links: Links,
    /// The objectives.
    pub slo: Vec<Slo>,
}

/// Where links in alerts lead; without a slash at the end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// Folder of the runbooks.
    pub runbooks: String,
    /// Base URL of Grafana.
    pub grafana: String,
}

/// One objective.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slo {
    /// Its name in labels, such as `gateway-latency`.
    pub id: String,
    /// The service that has to hold it.
    pub service: String,
    /// Name of its alert.
    pub alert: String,
    /// Share of good events promised, between 0 and 1.
    pub objective: f64,
    /// What is promised; a sentence.
    pub promise: String,
    /// What goes wrong for whom while the budget burns; a sentence.
    pub feels: String,
    /// Uid of the dashboard that shows it.
    pub dashboard: String,
    /// Title of the panel that shows it.
    pub panel: String,
    /// The histogram it is measured by.
    pub metric: String,
    /// Label matchers of the events that count.
    pub valid: String,
    /// Label matchers, besides `valid`, of the events that are bad. Either this or `threshold`.
    pub bad: Option<String>,
    /// Seconds within which an event is good: a bucket bound of the metric that is no whole number.
    pub threshold: Option<f64>,
}

/// `external-metrics.toml`: by scrape job, the metrics of programs that are not ours, with their labels besides `job`
/// and `instance`. The job `any` has those that every scrape leaves behind.
pub type External = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Everything people write.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The objectives.
    pub slo: SloFile,
    /// The cause alerts, by file name.
    pub alerts: Vec<SourceFile>,
    /// The general recording rules, by file name.
    pub recording: Vec<SourceFile>,
    /// Metrics that are not ours.
    pub external: External,
}

impl Sources {
    /// Reads all of them from the project at `root`.
    ///
    /// # Errors
    ///
    /// If one is missing or has not the shape it must have; file and field are named.
    pub fn read(root: &Path) -> Result<Self, SourceError> {
        Ok(Self {
            slo: read_toml(root, "observability/slo.toml")?,
            alerts: read_rules(root, "observability/alerts")?,
            recording: read_rules(root, "observability/recording")?,
            external: read_toml(root, "observability/external-metrics.toml")?,
        })
    }

    /// Every alert of `alerts/` with the file it stands in.
    pub fn cause_alerts(&self) -> impl Iterator<Item = (&SourceFile, &crate::rules::Rule)> {
        self.alerts.iter().flat_map(|file| file.content.alerts().map(move |alert| (file, alert)))
    }
}

/// The text of a file, by its path from the root of the project.
///
/// # Errors
///
/// If it cannot be read.
pub fn read_text(root: &Path, file: &str) -> Result<String, SourceError> {
    fs::read_to_string(root.join(file)).map_err(|source| SourceError::Unreadable { file: file.to_owned(), source })
}

/// Paths from the root of the project of the files in `folder` that end in `ending`, sorted.
///
/// # Errors
///
/// If the folder cannot be read.
pub fn list(root: &Path, folder: &str, ending: &str) -> Result<Vec<String>, SourceError> {
    let unreadable = |source| SourceError::Unreadable { file: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join(folder)).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(ending) {
            files.push(format!("{folder}/{name}"));
        }
    }
    files.sort();
    Ok(files)
}

/// A TOML file as `T`.
///
/// # Errors
///
/// If it cannot be read or has not the shape of `T`.
pub fn read_toml<T: DeserializeOwned>(root: &Path, file: &str) -> Result<T, SourceError> {
    let malformed =
        |error: toml::de::Error| SourceError::Malformed { file: file.to_owned(), problem: error.to_string() };
    toml::from_str(&read_text(root, file)?).map_err(malformed)
}

/// A YAML file as `T`.
///
/// # Errors
///
/// If it cannot be read or has not the shape of `T`.
pub fn read_yaml<T: DeserializeOwned>(root: &Path, file: &str) -> Result<T, SourceError> {
    let malformed =
        |error: serde_yaml_ng::Error| SourceError::Malformed { file: file.to_owned(), problem: error.to_string() };
    serde_yaml_ng::from_str(&read_text(root, file)?).map_err(malformed)
}

fn read_rules(root: &Path, folder: &str) -> Result<Vec<SourceFile>, SourceError> {
    let files = list(root, folder, ".yml")?.into_iter().map(|path| {
        let content: RuleFile = read_yaml(root, &path)?;
        for rule in content.rules() {
            check_kind(&path, rule)?;
        }
        let stem = PathBuf::from(&path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(SourceFile { path, stem, content })
    });
    files.collect()
}

fn check_kind(file: &str, rule: &crate::rules::Rule) -> Result<(), SourceError> {
    let problem = match (&rule.alert, &rule.record) {
        (Some(_), Some(_)) => "a rule has either `alert` or `record`, not both",
        (None, None) => "a rule needs `alert` or `record`",
        (None, Some(_)) if rule.hold.is_some() || rule.keep_firing_for.is_some() => "a recording rule has no `for`",
        _ => return Ok(()),
    };
    let item = if rule.alert.is_none() && rule.record.is_none() { rule.expr.trim() } else { rule.name() };
    Err(SourceError::Field {
        file: file.to_owned(),
        item: item.to_owned(),
        field: "alert",
        problem: problem.to_owned(),
    })
}

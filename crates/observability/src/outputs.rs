//! Everything that is generated, written to disk or held against it.

use std::fs;
use std::path::Path;

use crate::causes;
use crate::dashboard;
use crate::generated_file::GeneratedFile;
use crate::page;
use crate::profile::Profile;
use crate::rules::RuleFile;
use crate::slo;
use crate::slo_rules;
use crate::sources::{self, SourceError, Sources};
use crate::vocabulary::Vocabulary;

/// Folder with a folder of rules for each profile.
pub const RULES: &str = "observability/prometheus/rules";

/// A file that is not as it is generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// It is not there.
    Missing(String),
    /// It holds something else.
    Different(String),
    /// Nothing generates it any more.
    Orphaned(String),
}

impl Drift {
    /// Path of the file from the root of the project.
    #[must_use]
    pub fn path(&self) -> &str {
        let (Self::Missing(path) | Self::Different(path) | Self::Orphaned(path)) = self;
        path
    }

    /// What is said once it has been put right.
    #[must_use]
    pub fn written(&self) -> String {
        format!("wrote {}", self.path())
    }
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self {
            Self::Missing(_) => "is missing",
            Self::Different(_) => "differs from its sources",
            Self::Orphaned(_) => "is not generated any more",
        };
        write!(f, "{} {what}: run `make rules` and commit the result", self.path())
    }
}

/// What recording rules and objectives write, besides the metrics themselves.
///
/// # Errors
///
/// If the rules of an objective cannot be made.
pub fn vocabulary(sources: &Sources) -> Result<Vocabulary, SourceError> {
    let mut known = Vocabulary::new(&sources.external);
    known.record(sources.recording.iter().flat_map(|file| file.content.recordings()));
    for profile in Profile::ALL {
        known.record(slo_rules::file(&sources.slo, profile)?.recordings());
    }
    Ok(known)
}

/// Every generated file.
///
/// # Errors
///
/// If a source is wrong; file, item and field are named.
pub fn all(root: &Path) -> Result<Vec<GeneratedFile>, SourceError> {
    let sources = Sources::read(root)?;
    let mut outputs = rules(&sources)?;
    outputs.push(page::output(root, &sources)?);
    outputs.extend(dashboard::outputs(root)?);
    Ok(outputs)
}

/// The rule files of both profiles.
///
/// # Errors
///
/// If a source is wrong.
pub fn rules(sources: &Sources) -> Result<Vec<GeneratedFile>, SourceError> {
    let known = vocabulary(sources)?;
    slo::check(&sources.slo, &known)?;
    for file in sources.alerts.iter().chain(&sources.recording) {
        causes::check(file, &known)?;
    }
    let mut outputs = Vec::new();
    for profile in Profile::ALL {
        let folder = format!("{RULES}/{}", profile.name());
        outputs.push(rendered(format!("{folder}/slo.yml"), slo::FILE, &slo_rules::file(&sources.slo, profile)?)?);
        for file in &sources.alerts {
            let content = causes::expand(file, &sources.slo, profile)?;
            outputs.push(rendered(format!("{folder}/{}.yml", file.stem), &file.path, &content)?);
        }
        for file in &sources.recording {
            outputs.push(rendered(format!("{folder}/recording-{}.yml", file.stem), &file.path, &file.content)?);
        }
    }
    Ok(outputs)
}

fn rendered(path: String, source: &str, content: &RuleFile) -> Result<GeneratedFile, SourceError> {
    let malformed =
        |error: serde_yaml_ng::Error| SourceError::Malformed { file: path.clone(), problem: error.to_string() };
    let body = serde_yaml_ng::to_string(content).map_err(malformed)?;
    Ok(GeneratedFile {
        content: format!("# Written by `make rules` from {source}; changes made here are lost.\n{body}"),
        path,
    })
}

/// Folders that hold generated files only, with the ending of these.
const OWNED: [(&str, &str); 6] = [
    ("observability/prometheus/rules/prod", ".yml"),
    ("observability/prometheus/rules/demo", ".yml"),
    ("grafana/dashboards/infrastructure", ".json"),
    ("grafana/dashboards/services", ".json"),
    ("grafana/dashboards/slo", ".json"),
    ("grafana/dashboards/telemetry", ".json"),
];

/// What on disk is not as `outputs` says.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn drift(root: &Path, outputs: &[GeneratedFile]) -> Result<Vec<Drift>, SourceError> {
    let mut found = Vec::new();
    for output in outputs {
        match fs::read_to_string(root.join(&output.path)) {
            Ok(content) if content == output.content => {}
            Ok(_) => found.push(Drift::Different(output.path.clone())),
            Err(_) => found.push(Drift::Missing(output.path.clone())),
        }
    }
    found.extend(orphans(root, outputs)?.into_iter().map(Drift::Orphaned));
    Ok(found)
}

fn orphans(root: &Path, outputs: &[GeneratedFile]) -> Result<Vec<String>, SourceError> {
    let mut found = Vec::new();
    for (folder, ending) in OWNED.into_iter().filter(|(folder, _)| root.join(folder).is_dir()) {
        let files = sources::list(root, folder, ending)?;
        found.extend(files.into_iter().filter(|path| outputs.iter().all(|output| output.path != *path)));
    }
    Ok(found)
}

/// Writes what is not on disk as it has to be, removes what nothing generates any more, and says what it changed.
///
/// # Errors
///
/// If a file cannot be written or removed.
pub fn write(root: &Path, outputs: &[GeneratedFile]) -> Result<Vec<Drift>, SourceError> {
    let changed = drift(root, outputs)?;
    for change in &changed {
        let path = change.path();
        let file = root.join(path);
        let done = match outputs.iter().find(|output| output.path == path) {
            None => fs::remove_file(&file),
            Some(output) => {
                let folder = file.parent().unwrap_or(root);
                fs::create_dir_all(folder).and_then(|()| fs::write(&file, &output.content))
            }
        };
        done.map_err(|source| SourceError::Unwritable { file: path.to_owned(), source })?;
    }
    Ok(changed)
}

//! What a definition in `observability/dashboards/` may say.

use serde::Deserialize;

use crate::sources::SourceError;

/// Folder of the definitions.
pub const DEFINITIONS: &str = "observability/dashboards";

/// One dashboard.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    /// Identity in links; the name of the file.
    pub uid: String,
    /// Title.
    pub title: String,
    /// Folder below `grafana/dashboards`.
    pub folder: String,
    /// What it is for; shown beside the title.
    pub description: String,
    /// Tags besides `signalbox` and the folder.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Scrape jobs to choose from. With a single one there is no `All`.
    pub jobs: Vec<String>,
    /// Which of the jobs is chosen at first; all if absent.
    #[serde(default)]
    pub first_job: Option<String>,
    /// Variables besides data sources, `job` and `instance`.
    #[serde(default)]
    pub variables: Vec<Variable>,
    /// Rows from top to bottom.
    pub rows: Vec<Row>,
}

impl Dashboard {
    /// What is wrong with a panel of this definition.
    pub(super) fn panel_error(&self, panel: &Panel, field: &'static str, problem: String) -> SourceError {
        SourceError::Field {
            file: format!("{DEFINITIONS}/{}.yml", self.uid),
            item: format!("panel \"{}\"", panel.title),
            field,
            problem,
        }
    }
}

/// A variable with the values of a label.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Name in queries.
    pub name: String,
    /// Name for readers.
    pub label: String,
    /// `label_values(metric, label)`.
    pub query: String,
}

/// Panels under one heading.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The question it answers.
    pub title: String,
    /// Height of its panels in grid units, if they say no other.
    #[serde(default)]
    pub height: Option<u32>,
    /// Panels from left to right.
    pub panels: Vec<Panel>,
}

/// What a panel is drawn as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Lines over time.
    #[default]
    Timeseries,
    /// A number.
    Stat,
    /// A number on a dial.
    Gauge,
    /// Numbers as bars.
    Bargauge,
    /// Rows and columns; each query is a column.
    Table,
    /// A histogram over time.
    Heatmap,
    /// Log lines.
    Logs,
    /// The alerts Grafana sees.
    Alertlist,
    /// Markdown.
    Text,
    /// Services and calls between them.
    NodeGraph,
}

/// Where data comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Metrics.
    #[default]
    Prometheus,
    /// Logs.
    Loki,
    /// Traces.
    Jaeger,
}

impl Source {
    /// Grafana's type of the data source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Loki => "loki",
            Self::Jaeger => "jaeger",
        }
    }
}

/// Colours by what a series means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colours {
    /// By class of the HTTP status in the legend.
    Status,
    /// By words such as success, refused and failed in the legend.
    Outcome,
    /// Names for the values 0 and 1.
    Health,
    /// Names for the periods of the rule profiles.
    Profile,
}

/// One panel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Title; the panel's identity within the dashboard.
    pub title: String,
    /// What it is drawn as.
    #[serde(default, rename = "type")]
    pub kind: Kind,
    /// What good looks like, and what to do when it does not.
    pub description: String,
    /// Grafana's id of the unit.
    #[serde(default)]
    pub unit: Option<String>,
    /// Columns of 24; shared evenly if absent.
    #[serde(default)]
    pub width: Option<u32>,
    /// Grid units.
    #[serde(default)]
    pub height: Option<u32>,
    /// Its queries.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// Where the colour turns red.
    #[serde(default)]
    pub thresholds: Vec<f64>,
    /// The alert whose threshold it shows.
    #[serde(default)]
    pub threshold_of: Option<String>,
    /// Colours of its series.
    #[serde(default)]
    pub colours: Option<Colours>,
    /// Whether lines are stacked.
    #[serde(default)]
    pub stacked: bool,
    /// Smallest value of the axis.
    #[serde(default)]
    pub min: Option<f64>,
    /// Largest value of the axis.
    #[serde(default)]
    pub max: Option<f64>,
    /// Markdown of a text panel.
    #[serde(default)]
    pub text: Option<String>,
    /// Uid of the dashboard a click leads to.
    #[serde(default)]
    pub more: Option<String>,
}

/// One query.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// PromQL or LogQL; of Jaeger the service to search, or nothing for the graph of services. `job` and `instance`
    /// are added to PromQL where they are missing.
    #[serde(default)]
    pub expr: String,
    /// Name of the series, with `{{label}}`; of a table the column.
    #[serde(default)]
    pub legend: String,
    /// Whether exemplars are shown.
    #[serde(default)]
    pub exemplar: bool,
    /// Where it is asked.
    #[serde(default)]
    pub datasource: Source,
    /// Unit of a table's column, if not the panel's.
    #[serde(default)]
    pub unit: Option<String>,
    /// Of Jaeger: shortest duration of the traces searched, such as `100ms`.
    #[serde(default)]
    pub slower_than: Option<String>,
}

impl Dashboard {
    /// Every panel, from top to bottom.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }

    /// Data sources its panels ask, Prometheus first.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let mut sources = vec![Source::Prometheus];
        sources.extend(self.panels().flat_map(|panel| &panel.targets).map(|target| target.datasource));
        sources.sort_unstable();
        sources.dedup();
        sources
    }
}

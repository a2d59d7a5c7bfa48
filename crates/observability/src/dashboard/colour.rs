//! What colours mean, the same on every dashboard: green works, blue is the caller's doing, orange waits, red fails.

use serde_json::{Value, json};

use super::definition::{Colours, Dashboard, Kind, Panel};
use crate::sources::SourceError;
use crate::thresholds::{self, AlertThresholds};

/// Series by the class of a status, as it stands in the legend.
const STATUS: [(&str, &str); 4] =
    [(r"/\b2\d\d\b/", "green"), (r"/\b3\d\d\b/", "yellow"), (r"/\b4\d\d\b/", "blue"), (r"/\b5\d\d\b/", "red")];

/// Series by outcome, as it stands in the legend; the last that fits counts.
const OUTCOME: [(&str, &str); 4] = [
    (r"/\b(success|created|found|hit|sent|allowed|done|connected|closed|idle|repeated|OK|accepted|ready)\b/", "green"),
    (r"/\b(refused|known|empty|miss|negative|ignored|cancelled|used|limited|NOT_FOUND)\b/", "blue"),
    (r"/\b(busy|stale|retried|half_open|fallback|too_late|used_up|requeued|pending|returned|too_many)\b/", "orange"),
    (r"/\b(failed|error|reused|expired|parked|open|breaker_open|no_time|over_budget|dropped|down)\b/", "red"),
];

/// Overrides that give series their colour.
pub(super) fn overrides(colours: Option<Colours>) -> Vec<Value> {
    let table: &[(&str, &str)] = match colours {
        Some(Colours::Status) => &STATUS,
        Some(Colours::Outcome) => &OUTCOME,
        Some(Colours::Health | Colours::Profile) | None => &[],
    };
    let fixed = |colour: &str| json!([{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]);
    table
        .iter()
        .map(
            |(pattern, colour)| json!({"matcher": {"id": "byRegexp", "options": pattern}, "properties": fixed(colour)}),
        )
        .collect()
}

/// Words for the values of a panel that shows health or the profile.
pub(super) fn mappings(colours: Option<Colours>) -> Value {
    let options = match colours {
        Some(Colours::Health) => json!({
            "0": {"text": "no", "color": "red", "index": 1},
            "1": {"text": "yes", "color": "green", "index": 0},
        }),
        Some(Colours::Profile) => json!({
            "30": {"text": "prod: 30 days", "color": "green", "index": 0},
            "0.5": {"text": "demo: 12 hours", "color": "blue", "index": 1},
        }),
        Some(Colours::Status | Colours::Outcome) | None => return json!([]),
    };
    json!([{"type": "value", "options": options}])
}

/// The steps of a panel, and whether it has any of its own.
pub(super) fn steps(
    dashboard: &Dashboard,
    panel: &Panel,
    alerts: &AlertThresholds,
) -> Result<(Value, bool), SourceError> {
    if let Some(alert) = &panel.threshold_of {
        let threshold = alerts.of(alert).ok_or_else(|| {
            let problem = format!("there is no alert {alert} that compares with a number");
            dashboard.panel_error(panel, "threshold_of", problem)
        })?;
        let (value, red_above) = thresholds::step(threshold);
        let (low, high) = if red_above { ("green", "red") } else { ("red", "green") };
        return Ok((json!([{"color": low, "value": null}, {"color": high, "value": value}]), true));
    }
    let colours = ["yellow", "orange", "red", "dark-red"];
    // One threshold is red, two are orange and red, and so on.
    let colours = colours.iter().skip(3_usize.saturating_sub(panel.thresholds.len()));
    let mut steps = vec![json!({"color": "green", "value": null})];
    steps.extend(panel.thresholds.iter().zip(colours).map(|(value, colour)| json!({"color": colour, "value": value})));
    Ok((json!(steps), !panel.thresholds.is_empty()))
}

/// How lines without a colour of their own get one.
pub(super) fn mode(panel: &Panel, has_steps: bool) -> &'static str {
    match panel.kind {
        Kind::Timeseries | Kind::Heatmap => "palette-classic",
        _ if has_steps || panel.colours == Some(Colours::Health) => "thresholds",
        Kind::Stat | Kind::Gauge | Kind::Bargauge => "thresholds",
        _ => "palette-classic",
    }
}

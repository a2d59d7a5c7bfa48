//! The alerts and recording rules that people write, checked and expanded for a profile.

use crate::duration::{DurationError, Span};
use crate::labels;
use crate::links;
use crate::profile::Profile;
use crate::promql::{self, MetricName, Query};
use crate::rules::{Rule, RuleFile};
use crate::sources::{SloFile, SourceError, SourceFile};
use crate::vocabulary::Vocabulary;

/// What an alert may say about its urgency: a person is woken, a ticket is written, nobody is told.
pub const SEVERITIES: [&str; 3] = ["critical", "warning", "none"];

/// Annotations of a source, each a sentence or a name.
const ANNOTATIONS: [&str; 4] = ["summary", "description", "dashboard", "panel"];

/// Nothing shorter survives the division by 60 with an evaluation every second.
const SHORTEST_HOLD: Span = Span::seconds(60);
const SHORTEST_RANGE: Span = Span::seconds(120);

/// Checks the rules of a file: names, labels, annotations, durations.
///
/// # Errors
///
/// On the first that is wrong; file, alert and field are named.
pub fn check(file: &SourceFile, known: &Vocabulary) -> Result<(), SourceError> {
    for rule in file.content.rules() {
        let found =
            if rule.alert.is_some() { check_alert(rule, known) } else { check_expression(rule, known).map(drop) };
        found.map_err(|(field, problem)| SourceError::Field {
            file: file.path.clone(),
            item: rule.name().to_owned(),
            field,
            problem,
        })?;
    }
    Ok(())
}

type Problem = (&'static str, String);

fn check_expression(rule: &Rule, known: &Vocabulary) -> Result<Query, Problem> {
    let query = Query::parse(&rule.expr).map_err(|error| ("expr", error.to_string()))?;
    match known.problems(&query).into_iter().next() {
        Some(problem) => Err(("expr", problem)),
        None => Ok(query),
    }
}

fn check_alert(rule: &Rule, known: &Vocabulary) -> Result<(), Problem> {
    let query = check_expression(rule, known)?;
    for selector in query.selectors() {
        if let MetricName::Exact(name) = &selector.metric
            && name.contains(':')
            && !name.starts_with("slo:")
        {
            let problem =
                format!("uses `{name}`, whose window the profile demo does not divide: write its expression out");
            return Err(("expr", problem));
        }
    }
    let shortest = query.ranges().into_iter().min();
    if shortest.is_some_and(|range| range.as_secs_f64() < SHORTEST_RANGE.as_seconds()) {
        return Err((
            "expr",
            format!("has a range below {SHORTEST_RANGE}: in the profile demo it would hold two samples"),
        ));
    }
    for (field, span) in [("for", rule.hold), ("keep_firing_for", rule.keep_firing_for)] {
        if span.is_some_and(|span| span < SHORTEST_HOLD) {
            return Err((field, format!("is below {SHORTEST_HOLD}: in the profile demo it would be below a second")));
        }
    }
    check_labels(rule)?;
    check_annotations(rule, &query, known)
}

fn check_labels(rule: &Rule) -> Result<(), Problem> {
    let severity = rule.labels.get("severity").map(String::as_str).unwrap_or_default();
    if !SEVERITIES.contains(&severity) {
        return Err(("severity", format!("`{severity}` is none of {}", SEVERITIES.join(", "))));
    }
    if rule.labels.get("service").is_none_or(String::is_empty) {
        return Err(("service", "is missing: name the service, or write {{ $labels.job }}".to_owned()));
    }
    if rule.labels.contains_key("team") {
        return Err(("team", "is added by the generator: remove it".to_owned()));
    }
    Ok(())
}

fn check_annotations(rule: &Rule, query: &Query, known: &Vocabulary) -> Result<(), Problem> {
    for name in ANNOTATIONS {
        let text = rule.annotations.get(name).map(String::as_str).unwrap_or_default();
        if text.is_empty() {
            return Err((name, "is missing".to_owned()));
        }
        if matches!(name, "summary" | "description") && !text.ends_with('.') {
            return Err((name, "has to end in a full stop".to_owned()));
        }
    }
    if let Some(other) = rule.annotations.keys().find(|name| !ANNOTATIONS.contains(&name.as_str())) {
        return Err(("annotations", format!("`{other}` is none of {}", ANNOTATIONS.join(", "))));
    }
    let there = labels::of(query, known);
    for text in rule.annotations.values().chain(rule.labels.values()) {
        for label in templated(text) {
            if !there.contains(label) && !rule.labels.contains_key(label) {
                return Err((
                    "annotations",
                    format!("name `$labels.{label}`, which the result of the expression has not"),
                ));
            }
        }
    }
    Ok(())
}

/// Labels that a template names as `$labels.x`.
pub(crate) fn templated(text: &str) -> impl Iterator<Item = &str> {
    text.split("$labels.").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

/// The alerts of a file as Prometheus gets them: durations divided, team added, dashboard and panel made a link.
///
/// # Errors
///
/// If a duration cannot be divided for the profile.
pub fn expand(file: &SourceFile, settings: &SloFile, profile: Profile) -> Result<RuleFile, SourceError> {
    let divisor = profile.divisor();
    let mut content = file.content.clone();
    for group in &mut content.groups {
        let wrong = |item: &str, (field, problem): Problem| SourceError::Field {
            file: file.path.clone(),
            item: item.to_owned(),
            field,
            problem,
        };
        group.interval = divided(group.interval, divisor, "interval").map_err(|problem| wrong(&group.name, problem))?;
        for rule in &mut group.rules {
            *rule = scaled(rule, divisor).map_err(|problem| wrong(rule.name(), problem))?;
            link(rule, settings);
        }
    }
    Ok(content)
}

fn divided(span: Option<Span>, divisor: u64, field: &'static str) -> Result<Option<Span>, Problem> {
    span.map(|span| span.divided(divisor)).transpose().map_err(|error| (field, error.to_string()))
}

fn scaled(rule: &Rule, divisor: u64) -> Result<Rule, Problem> {
    let mut rule = rule.clone();
    rule.expr = promql::scale(&rule.expr, divisor).map_err(|error| ("expr", error.to_string()))?;
    rule.hold = divided(rule.hold, divisor, "for")?;
    rule.keep_firing_for = divided(rule.keep_firing_for, divisor, "keep_firing_for")?;
    for text in rule.annotations.values_mut() {
        *text = reworded(text, divisor).map_err(|error| ("annotations", error.to_string()))?;
    }
    Ok(rule)
}

/// `text` with every "15 minutes" in it divided: what an alert says about its window has to be true in both profiles.
fn reworded(text: &str, divisor: u64) -> Result<String, DurationError> {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for index in 1..words.len() {
        let unit = words[index].trim_end_matches(|c: char| !c.is_ascii_alphabetic()).to_owned();
        let short = match unit.trim_end_matches('s') {
            "minute" => "m",
            "hour" => "h",
            "day" => "d",
            _ => continue,
        };
        let Ok(span) = format!("{}{short}", words[index - 1]).parse::<Span>() else { continue };
        let divided = span.divided(divisor)?.in_words();
        let (number, scaled) = divided.split_once(' ').unwrap_or((&divided, ""));
        let tail = words[index].replacen(&unit, scaled, 1);
        (words[index - 1], words[index]) = (number.to_owned(), tail);
    }
    Ok(words.join(" "))
}

fn link(rule: &mut Rule, settings: &SloFile) {
    let Some(alert) = &rule.alert else { return };
    let service = rule.labels.get("service").cloned().unwrap_or_default();
    rule.annotations.remove("panel");
    if let Some(uid) = rule.annotations.remove("dashboard") {
        rule.annotations.insert("dashboard_url".to_owned(), links::dashboard(&settings.links, &uid, &service));
    }
    rule.annotations.insert("runbook_url".to_owned(), links::runbook(&settings.links, alert));
    rule.labels.insert("team".to_owned(), settings.team.clone());
}

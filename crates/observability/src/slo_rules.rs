//! The rules of an objective: recording rules under the names that Sloth gives them, so that dashboards made for Sloth
//! work, and an alert for each row of windows, in one group.

use std::collections::BTreeMap;

use crate::duration::{DurationError, Span};
use crate::links;
use crate::profile::Profile;
use crate::rules::{Group, Rule, RuleFile};
use crate::slo::{FILE, ROWS, Row, windows};
use crate::sources::{Slo, SloFile, SourceError};

/// Prefix of every recorded error ratio; the window follows.
const ERRORS: &str = "slo:sli_error:ratio_rate";

/// The rules of all objectives, one group each.
///
/// # Errors
///
/// If a duration cannot be divided for the profile.
pub fn file(source: &SloFile, profile: Profile) -> Result<RuleFile, SourceError> {
    let groups = source.slo.iter().map(|slo| Writer { source, slo, profile }.group());
    Ok(RuleFile { groups: groups.collect::<Result<_, _>>()? })
}

struct Writer<'a> {
    source: &'a SloFile,
    slo: &'a Slo,
    profile: Profile,
}

impl Writer<'_> {
    fn group(&self) -> Result<Group, SourceError> {
        let mut rules = Vec::new();
        for window in windows() {
            let window = self.scaled(window)?;
            let rule = self.recording(&format!("{ERRORS}{window}"), self.slo.error_ratio(window));
            rules.push(labelled(rule, "sloth_window", &window.to_string()));
        }
        rules.extend(self.facts()?);
        for row in &ROWS {
            rules.push(self.alert(row)?);
        }
        Ok(Group { name: format!("slo-{}", self.slo.id), interval: None, rules })
    }

    fn scaled(&self, span: Span) -> Result<Span, SourceError> {
        let wrong = |error: DurationError| SourceError::Field {
            file: FILE.to_owned(),
            item: self.slo.id.clone(),
            field: "period",
            problem: error.to_string(),
        };
        span.divided(self.profile.divisor()).map_err(wrong)
    }

    fn recording(&self, name: &str, expr: String) -> Rule {
        let labels = [
            ("sloth_id", self.slo.id.as_str()),
            ("sloth_service", self.slo.service.as_str()),
            ("sloth_slo", self.slo.short_name()),
        ];
        Rule { record: Some(name.to_owned()), expr, labels: owned(labels), ..Rule::default() }
    }

    /// What the objective is, how fast its budget burns now, and what is left of it.
    fn facts(&self) -> Result<Vec<Rule>, SourceError> {
        let (objective, budget) = (self.slo.objective, self.slo.budget());
        let period = self.scaled(self.source.period)?;
        let shortest = self.scaled(ROWS[0].short)?;
        let of_this = format!("{{sloth_id=\"{}\"}}", self.slo.id);
        // The average of the shortest ratio, as Sloth takes it: a quiet minute weighs as much as a busy one.
        let over_period = format!("avg_over_time({ERRORS}{shortest}{of_this}[{period}])");
        let per_budget = |ratio: &str| {
            format!("{ratio}{of_this}\n/ on (sloth_id, sloth_service, sloth_slo)\nslo:error_budget:ratio{of_this}")
        };
        let days = period.as_seconds() / 86_400.0;
        let of_period = format!("{ERRORS}{period}");
        let info = self.recording("sloth_slo_info", "vector(1)".to_owned());
        Ok(vec![
            labelled(self.recording(&of_period, over_period), "sloth_window", &period.to_string()),
            self.recording("slo:objective:ratio", format!("vector({objective})")),
            self.recording("slo:error_budget:ratio", format!("vector({budget})")),
            self.recording("slo:time_period:days", format!("vector({days})")),
            self.recording("slo:current_burn_rate:ratio", per_budget(&format!("{ERRORS}{shortest}"))),
            self.recording("slo:period_burn_rate:ratio", per_budget(&of_period)),
            self.recording(
                "slo:period_error_budget_remaining:ratio",
                format!("1 - slo:period_burn_rate:ratio{of_this}"),
            ),
            labelled(info, "sloth_objective", &self.slo.percent()),
        ])
    }

    fn alert(&self, row: &Row) -> Result<Rule, SourceError> {
        let (long, short, hold) = (self.scaled(row.long)?, self.scaled(row.short)?, self.scaled(row.hold)?);
        let (slo, factor) = (self.slo, row.factor);
        let burn =
            |window: Span| format!("max({ERRORS}{window}{{sloth_id=\"{}\"}}) / {} > {factor}", slo.id, slo.budget());
        let labels = [
            ("severity", row.severity),
            ("service", slo.service.as_str()),
            ("slo", slo.id.as_str()),
            ("team", self.source.team.as_str()),
        ];
        let mut labels = owned(labels);
        labels.insert("long".to_owned(), long.to_string());
        labels.insert("short".to_owned(), short.to_string());
        let description = format!(
            "Over the last {} the error budget of {} burned {{{{ $value | printf \"%.1f\" }}}} times as fast as it may, \
             and over the last {} it still burns more than {factor} times as fast. {}",
            long.in_words(),
            slo.id,
            short.in_words(),
            slo.feels
        );
        let texts = [
            ("summary", format!("The error budget of {} burns too fast.", slo.id)),
            ("description", description),
            ("runbook_url", links::runbook(&self.source.links, &slo.alert)),
            ("dashboard_url", links::objective(&self.source.links, slo, long)),
        ];
        Ok(Rule {
            alert: Some(slo.alert.clone()),
            expr: format!("{}\nand {}", burn(long), burn(short)),
            hold: Some(hold),
            labels,
            annotations: texts.into_iter().map(|(name, text)| (name.to_owned(), text)).collect(),
            ..Rule::default()
        })
    }
}

fn owned<const N: usize>(labels: [(&str, &str); N]) -> BTreeMap<String, String> {
    labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn labelled(mut rule: Rule, name: &str, value: &str) -> Rule {
    rule.labels.insert(name.to_owned(), value.to_owned());
    rule
}

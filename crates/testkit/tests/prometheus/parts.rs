//! The proof's own parts, on texts made for them: what it reads, what it fills in, what it refuses.

use serde_json::json;

use crate::dashboards::{Dashboard, fill};
use crate::expected::{Category, parse};

#[test]
fn every_query_of_every_panel_is_found_also_inside_of_rows() {
    let prometheus = json!({ "type": "prometheus", "uid": "${datasource}" });
    let dashboard = Dashboard::read(&json!({
        "uid": "shop",
        "panels": [
            { "type": "stat", "title": "Rate", "datasource": prometheus, "targets": [
                { "refId": "A", "expr": "up" }, { "refId": "B", "expr": "down" } ] },
            { "type": "row", "title": "More", "panels": [
                { "type": "logs", "title": "Lines", "datasource": { "type": "loki" }, "targets": [
                    { "refId": "A", "expr": "{app=\"x\"}" } ] } ] },
            { "type": "text", "title": "Words" },
        ],
    }));
    let dashboard = dashboard.unwrap();
    assert_eq!(dashboard.panels, 3);
    let found: Vec<_> = dashboard.queries.iter().map(|query| (query.place(), query.prometheus)).collect();
    let place = |text: &str| text.to_owned();
    assert_eq!(
        found,
        [(place("shop / Rate / A"), true), (place("shop / Rate / B"), true), (place("shop / Lines / A"), false)]
    );
}

#[test]
fn variables_are_filled_in_whatever_way_they_are_written() {
    let values = [("job".to_owned(), "auth".to_owned()), ("jobs".to_owned(), "(a|b)".to_owned())];
    let filled = fill("x{a=\"$job\", b=~\"$jobs\", c=~\"${jobs:regex}\", d=\"${job}\", e=\"[[job]]\"}", &values);
    assert_eq!(filled, "x{a=\"auth\", b=~\"(a|b)\", c=~\"(a|b)\", d=\"auth\", e=\"auth\"}");
}

#[test]
fn entries_are_complete_or_refused() {
    let good =
        "[[empty]]\nuid = \"a\"\npanel = \"P\"\ncategory = \"program\"\nneeds = \"loki\"\nreason = \"no logs here\"\n";
    let entries = parse(good).unwrap();
    assert_eq!((entries[0].name().as_str(), &entries[0].category), ("a / P", &Category::Program("loki".to_owned())));
    for (from, to, words) in [
        ("reason = \"no logs here\"\n", "", "needs a `reason`"),
        ("needs = \"loki\"\n", "", "`category` is"),
        ("panel = \"P\"\n", "", "`uid` and `panel`"),
        ("panel", "title", "`title` is none"),
    ] {
        let error = parse(&good.replace(from, to)).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let error = parse(&[good, good].concat()).unwrap_err();
    assert_eq!(error, "a / P stands twice");
}

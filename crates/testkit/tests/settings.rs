//! Every number of every service's configuration has a range beside its default, and what is outside is refused by its key.

use std::fs;

use chassis::config::Layers;
use chassis::config::range::{Range, ranges};
use toml::{Table, Value};
use topology::Topology;

/// The compiled-in configuration of a service, by its name.
fn configurations() -> Vec<(String, String)> {
    let services = Topology::ours().services();
    let text = |name: &str| {
        let path = format!("{}/../../services/{name}/config.toml", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    services.iter().map(|service| (service.name.clone(), text(&service.name))).collect()
}

fn leaves(prefix: &str, table: &Table) -> Vec<(String, Value)> {
    let leaves = table.iter().flat_map(|(name, value)| {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => leaves(&key, inner),
            leaf => vec![(key, leaf.clone())],
        }
    });
    leaves.collect()
}

fn is_number(value: &Value) -> bool {
    match value {
        Value::Integer(_) | Value::Float(_) => true,
        Value::Array(items) => items.first().is_some_and(is_number),
        _ => false,
    }
}

/// `value` for `key`, as a file of the operator has it.
fn file(key: &str, value: &Value) -> Table {
    let (section, name) = key.rsplit_once('.').expect("a key in a section");
    Table::from_iter([(section.to_owned(), Value::Table(Table::from_iter([(name.to_owned(), value.clone())])))])
}

/// The ends of a range, and the values next to it outside; those of a list as a list of one.
fn ends(range: &Range, like: &Value) -> ([Value; 2], [Value; 2]) {
    let text = range.to_string();
    let (first, last) = text.split_once(" to ").expect("two ends");
    let as_list = |value: Value| if like.is_array() { Value::Array(vec![value]) } else { value };
    if like.is_float() {
        let (first, last): (f64, f64) = (first.parse().expect("a number"), last.parse().expect("a number"));
        return ([first, last].map(Value::Float), [first - 0.001, last + 0.001].map(Value::Float));
    }
    let (first, last): (i64, i64) = (first.parse().expect("a number"), last.parse().expect("a number"));
    ([first, last].map(Value::Integer).map(as_list), [first - 1, last + 1].map(Value::Integer).map(as_list))
}

#[test]
fn every_number_has_a_range_that_holds_its_default() {
    for (service, text) in configurations() {
        let ranges = ranges(&text);
        let numbers: Vec<_> =
            leaves("", &text.parse().expect("TOML")).into_iter().filter(|leaf| is_number(&leaf.1)).collect();
        assert!(numbers.len() > 5, "{service}");
        for (key, default) in &numbers {
            let range = ranges.get(key).unwrap_or_else(|| panic!("{service}: `{key}` has no range behind its default"));
            assert!(range.contains(default), "{service}: the default of `{key}` is not in {range}");
        }
        assert_eq!(ranges.len(), numbers.len(), "{service}: a range stands behind something else than a number");
    }
}

#[test]
fn both_ends_of_every_range_are_taken_and_what_is_beyond_is_refused_by_its_key() {
    for (service, text) in configurations() {
        let layers = Layers::new(&service, &text).expect("TOML");
        let defaults = leaves("", &text.parse().expect("TOML"));
        for (key, range) in ranges(&text) {
            let (_, default) = defaults.iter().find(|leaf| leaf.0 == key).expect("a key");
            let (inside, outside) = ends(&range, default);
            for value in inside {
                layers.clone().table("file", file(&key, &value)).unwrap_or_else(|error| panic!("{service}: {error}"));
            }
            for value in outside.iter().chain([&Value::Integer(i64::MAX), &Value::Integer(-1)]) {
                let error = layers.clone().table("file", file(&key, value)).expect_err(&key).to_string();
                assert!(error.starts_with("file: ") && error.contains(&format!("`{key}`")), "{service}: {error}");
            }
        }
    }
}

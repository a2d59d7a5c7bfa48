//! The schemas of events: valid, documented, kept, and fitting their examples; and `docs/events.md` lists them all.
//! What the services really say is held against them in `crates/testkit/tests/events.rs`.
#![allow(missing_docs, reason = "tests")]

#[path = "events/additive.rs"]
mod additive;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use additive::breaking;
use contracts::events::{CONTRACTS, Contract, ENVELOPE};
use jsonschema::Validator;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("events")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    entries.map(|name| name.into_string().expect("Unicode")).collect()
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::options().should_validate_formats(true).build(schema).expect("a valid schema")
}

fn problems(schema: &Value, instance: &Value) -> Vec<String> {
    validator(schema).iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Name of an event and its version, for messages.
fn name(contract: &Contract) -> String {
    format!("{} v{}", contract.kind, contract.version)
}

#[test]
fn every_file_is_listed() {
    let listed: BTreeSet<_> = CONTRACTS.iter().map(|contract| contract.kind.to_owned()).collect();
    let mut found = names(&folder());
    assert!(found.remove("frozen") && found.remove("envelope.schema.json"));
    assert_eq!(found, listed);
    for kind in listed {
        let files = CONTRACTS.iter().filter(|contract| contract.kind == kind);
        let files =
            files.flat_map(|contract| ["schema.json", "json"].map(|ending| format!("v{}.{ending}", contract.version)));
        assert_eq!(names(&folder().join(&kind)), files.collect(), "{kind}");
    }
}

#[test]
fn every_schema_is_valid_tolerant_and_documented() {
    let schemas = CONTRACTS.iter().map(|contract| (name(contract), parse(contract.schema)));
    for (name, schema) in schemas.chain([("envelope".to_owned(), parse(ENVELOPE))]) {
        jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        assert_eq!(schema["additionalProperties"], true, "{name}: consumers must tolerate additions");
        assert!(schema["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name}");
        for (property, facts) in schema["properties"].as_object().expect("properties") {
            let described = facts["description"].as_str().is_some_and(|text| text.ends_with('.'));
            assert!(described && facts.get("type").is_some(), "{name}: `{property}` has no description or no type");
        }
    }
}

#[test]
fn every_example_fits_its_schemas_and_has_every_property() {
    let envelope = parse(ENVELOPE);
    for contract in CONTRACTS {
        let (name, schema, example) = (name(contract), parse(contract.schema), parse(contract.example));
        assert_eq!(problems(&envelope, &example), [""; 0], "{name}");
        assert_eq!(problems(&schema, &example["payload"]), [""; 0], "{name}");
        assert_eq!((&example["type"], &example["version"]), (&json!(contract.kind), &json!(contract.version)));
        let key = schema["x-key"].as_str().expect("x-key");
        assert_eq!(example["key"], example["payload"][key], "{name}: the key");
        let context = schema["x-context"].as_str().expect("x-context");
        assert_eq!(contract.kind.split('.').next(), Some(context), "{name}: the context");
        for property in schema["properties"].as_object().expect("properties").keys() {
            assert!(example["payload"].get(property).is_some(), "{name}: the example has no `{property}`");
        }
    }
}

#[test]
fn schemas_refuse_what_is_missing_or_of_another_type_and_take_what_is_new() {
    let pairs = CONTRACTS
        .iter()
        .map(|contract| (name(contract), parse(contract.schema), parse(contract.example)["payload"].take()));
    let envelope = ("envelope".to_owned(), parse(ENVELOPE), parse(CONTRACTS[0].example));
    for (name, schema, payload) in pairs.chain([envelope]) {
        let validator = validator(&schema);
        for required in schema["required"].as_array().expect("required").iter().filter_map(Value::as_str) {
            let mut without = payload.clone();
            without.as_object_mut().expect("an object").remove(required);
            assert!(!validator.is_valid(&without), "{name} without `{required}`");
        }
        for property in schema["properties"].as_object().expect("properties").keys() {
            let mut odd = payload.clone();
            odd[property] = json!(["odd"]);
            assert!(!validator.is_valid(&odd), "{name} with a list as `{property}`");
            if payload[property].is_string() {
                odd[property] = json!("");
                assert!(!validator.is_valid(&odd), "{name} with an empty `{property}`");
            }
        }
        let mut more = payload.clone();
        more["what_a_later_producer_adds"] = json!(true);
        assert!(validator.is_valid(&more), "{name} with an addition");
    }
}

#[test]
fn nothing_that_was_promised_is_taken_back() {
    let mut frozen = names(&folder().join("frozen"));
    let mut problems = Vec::new();
    let promised = CONTRACTS.iter().map(|contract| {
        (name(contract), format!("{}-v{}.schema.json", contract.kind, contract.version), contract.schema)
    });
    for (name, file, schema) in promised.chain([("envelope".to_owned(), "envelope.schema.json".to_owned(), ENVELOPE)]) {
        assert!(frozen.remove(&file), "{name} has no frozen copy: copy its schema to events/frozen/{file}");
        let old = fs::read_to_string(folder().join("frozen").join(file)).expect("readable");
        problems.extend(breaking(&name, &parse(&old), &parse(schema)));
    }
    assert!(frozen.is_empty(), "promised and gone: {frozen:?}");
    assert!(problems.is_empty(), "make a new version instead: {problems:#?}");
}

/// The table of `docs/events.md`.
fn table() -> String {
    let mut lines = vec![
        "| Type | Version | Producer | Key | Consumers | Told when | Payload |".to_owned(),
        "| --- | --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    for contract in CONTRACTS {
        let schema = parse(contract.schema);
        let text = |field: &str| schema[field].as_str().expect(field).to_owned();
        let consumers = schema["x-consumers"].as_array().expect("x-consumers");
        let consumers: Vec<_> = consumers.iter().filter_map(Value::as_str).collect();
        let consumers = if consumers.is_empty() { "none".to_owned() } else { consumers.join(", ") };
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let all = schema["properties"].as_object().expect("properties");
        let optional = all.keys().map(String::as_str).filter(|name| !required.contains(name));
        let properties = required.iter().copied().chain(optional).map(|name| {
            let facts = &all[name];
            let mut kinds: Vec<&str> =
                facts["type"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            kinds.extend(facts["type"].as_str());
            let kind = kinds.join(" or ").replacen("string", facts["format"].as_str().unwrap_or("string"), 1);
            let optional = if required.contains(&name) { "" } else { ", optional" };
            format!("`{name}` ({kind}{optional})")
        });
        let properties: Vec<_> = properties.collect();
        lines.push(format!(
            "| [`{0}`](../crates/contracts/events/{0}/v{1}.schema.json) | {1} | {2} | `{3}` | {consumers} | {4} | {5} |",
            contract.kind,
            contract.version,
            text("x-context"),
            text("x-key"),
            text("description"),
            properties.join(", "),
        ));
    }
    lines.join("\n")
}

#[test]
fn the_page_lists_every_event() {
    const BEGIN: &str = "<!-- events: written by `make events` -->\n";
    const END: &str = "\n<!-- end of events -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
    let page = fs::read_to_string(&path).expect("docs/events.md");
    let (head, rest) = page.split_once(BEGIN).expect("the beginning of the table");
    let (_, tail) = rest.split_once(END).expect("the end of the table");
    let current = format!("{head}{BEGIN}{}{END}{tail}", table());
    if std::env::vars_os().any(|(name, _)| name == "UPDATE_EVENTS") {
        fs::write(&path, &current).expect("docs/events.md can be written");
        return;
    }
    assert!(page == current, "docs/events.md differs from the schemas: run `make events` and commit it");
}

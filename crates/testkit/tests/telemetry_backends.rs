//! The files of collector, Jaeger, Loki and Grafana held against each other, against `compose.yaml` and against the code.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use all_in_one::SERVICES;
use serde_yaml_ng::{Mapping, Value};

const COLLECTOR: &str = "observability/collector/collector.yaml";
const JAEGER: &str = "observability/jaeger/jaeger.yaml";
const LOKI: &str = "observability/loki/loki.yaml";
const SOURCES: &str = "grafana/provisioning/datasources/signalbox.yaml";
const PROVIDERS: &str = "grafana/provisioning/dashboards/signalbox.yaml";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    let mut value: Value = serde_yaml_ng::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    value.apply_merge().unwrap();
    value.apply_merge().unwrap();
    value
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_mapping().into_iter().flat_map(Mapping::keys).map(|key| key.as_str().unwrap().to_owned()).collect()
}

fn strings(value: &Value) -> BTreeSet<String> {
    value.as_sequence().into_iter().flatten().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// Names that stand in `${...}`, with their defaults.
fn variables(text: &str) -> BTreeMap<String, String> {
    let found = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    found
        .filter(|(inside, _)| !inside.starts_with("__"))
        .map(|(inside, _)| {
            let inside = inside.strip_prefix("env:").unwrap_or(inside);
            let (name, default) = inside.split_once(":-").unwrap_or((inside, ""));
            (name.to_owned(), default.to_owned())
        })
        .collect()
}

fn environment(service: &str) -> BTreeMap<String, String> {
    let compose = yaml("compose.yaml");
    let entries = compose["services"][service]["environment"].as_mapping().unwrap();
    entries.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), value.as_str().unwrap().to_owned())).collect()
}

/// Type of a component: what stands before the slash of its name.
fn kind(name: &str) -> &str {
    name.split('/').next().unwrap()
}

#[test]
fn every_variable_that_is_set_is_read_and_grafana_gets_all_of_its() {
    for (service, files) in [
        ("collector", vec![COLLECTOR]),
        ("jaeger", vec![JAEGER]),
        ("loki", vec![LOKI]),
        ("grafana", vec![SOURCES, PROVIDERS]),
    ] {
        let read: BTreeMap<_, _> = files.iter().flat_map(|file| variables(&text(file))).collect();
        let prefix = format!("{}_", service.to_uppercase());
        let set: BTreeSet<_> = environment(service).into_keys().filter(|name| name.starts_with(&prefix)).collect();
        assert!(set.len() >= 2, "{service} is given nothing");
        for name in &set {
            assert!(read.contains_key(name), "{service} is given {name}, which no file of its reads");
        }
        for (name, default) in &read {
            assert!(name.starts_with(&prefix), "{service}: {name}");
            // Grafana's format has no defaults.
            assert!(!default.is_empty() || set.contains(name), "{service}: {name} has no value in compose.yaml");
            assert_eq!(default.is_empty(), service == "grafana", "{service}: {name}");
        }
    }
    let script = text("tests/observability");
    let words = script.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
    let all: BTreeMap<_, _> = [COLLECTOR, JAEGER, LOKI].iter().flat_map(|file| variables(&text(file))).collect();
    for word in words.filter(|word| ["COLLECTOR_", "JAEGER_", "LOKI_"].iter().any(|prefix| word.starts_with(prefix))) {
        assert!(all.contains_key(word), "tests/observability sets {word}, which no file reads");
    }
}

#[test]
fn the_collector_is_built_with_just_the_parts_it_uses() {
    let (config, builder) = (yaml(COLLECTOR), yaml("observability/collector/builder.yaml"));
    let pipelines = config["service"]["pipelines"].as_mapping().unwrap();
    let mut used: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, pipeline) in pipelines {
        for part in ["receivers", "processors", "exporters"] {
            for component in strings(&pipeline[part]) {
                let declared = if keys(&config["connectors"]).contains(&component) { "connectors" } else { part };
                assert!(
                    keys(&config[declared]).contains(&component),
                    "{name:?} uses {component}, which is not declared"
                );
                used.entry(declared).or_default().insert(component);
            }
        }
    }
    used.insert("extensions", strings(&config["service"]["extensions"]));
    let image = text("compose.yaml");
    let version = builder["dist"]["version"].as_str().unwrap();
    assert!(image.contains(&format!("collector-contrib:{version}@")), "compose.yaml runs another version");
    for (part, components) in used {
        assert_eq!(keys(&config[part]), components, "{part}: declared and used differ");
        let kinds: BTreeSet<_> = components.iter().map(|name| kind(name).replace('_', "")).collect();
        let built = builder[part].as_sequence().unwrap().iter().map(|entry| {
            let (module, tag) = entry["gomod"].as_str().unwrap().split_once(' ').unwrap();
            assert_eq!(tag, format!("v{version}"), "{module}");
            let name = module.rsplit('/').next().unwrap().strip_suffix(part.trim_end_matches('s')).unwrap();
            name.to_owned()
        });
        // The two modules that are not called as their component is.
        let built: BTreeSet<_> =
            built.map(|name| if name == "otlp" && part == "exporters" { "otlpgrpc".into() } else { name }).collect();
        assert_eq!(built, kinds, "{part}: built and used differ");
    }
}

#[test]
fn spans_are_counted_before_they_are_sampled_and_redacted_before_they_leave() {
    let config = yaml(COLLECTOR);
    let pipelines = &config["service"]["pipelines"];
    let of = |pipeline: &str, part: &str| -> Vec<String> {
        pipelines[pipeline][part].as_sequence().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of("traces/in", "processors")[0], "memory_limiter");
    assert!(!of("traces/in", "processors").iter().any(|name| kind(name) == "tail_sampling"));
    assert!(of("traces/in", "exporters").contains(&"span_metrics".to_owned()));
    assert_eq!(of("traces/out", "processors")[0], "tail_sampling");
    assert_eq!(of("logs", "processors")[0], "memory_limiter");
    for (name, pipeline) in pipelines.as_mapping().unwrap() {
        for exporter in strings(&pipeline["exporters"]).iter().filter(|name| name.starts_with("otlp_")) {
            assert!(strings(&pipeline["processors"]).contains("redaction"), "{name:?} sends to {exporter} unredacted");
            let queue = &config["exporters"][exporter.as_str()]["sending_queue"];
            assert!(queue["queue_size"].as_u64().unwrap() > 0, "{exporter} has no queue");
        }
    }
    let policies = config["processors"]["tail_sampling"]["policies"].as_sequence().unwrap();
    let types: Vec<_> = policies.iter().map(|policy| policy["type"].as_str().unwrap()).collect();
    assert!(
        types.contains(&"status_code") && types.contains(&"latency") && types.contains(&"probabilistic"),
        "{types:?}"
    );
}

#[test]
fn buckets_and_names_of_span_metrics_agree_everywhere() {
    let (config, jaeger, sources) = (yaml(COLLECTOR), yaml(JAEGER), text(SOURCES));
    let connector = &config["connectors"]["span_metrics"];
    let seconds = |text: &str| match text.strip_suffix("ms") {
        Some(number) => number.parse::<f64>().unwrap() / 1e3,
        None => text.strip_suffix('s').unwrap().parse().unwrap(),
    };
    let buckets = connector["histogram"]["explicit"]["buckets"].as_sequence().unwrap();
    let buckets: Vec<f64> = buckets.iter().map(|bucket| seconds(bucket.as_str().unwrap())).collect();
    assert_eq!(buckets, telemetry::catalogue::H14, "the services' own histograms have other bounds");
    assert_eq!(connector["exemplars"]["enabled"].as_bool(), Some(true));
    assert_eq!(
        config["exporters"]["prometheus"]["enable_open_metrics"].as_bool(),
        Some(true),
        "no exemplars without it"
    );
    assert_eq!(
        strings(&connector["resource_metrics_key_attributes"]),
        ["service.name", "service.namespace"].map(str::to_owned).into()
    );

    let namespace = connector["namespace"].as_str().unwrap().replace('.', "_");
    let backend = &jaeger["extensions"]["jaeger_storage"]["metric_backends"]["span_metrics"]["prometheus"];
    assert_eq!(backend["metric_namespace"].as_str(), Some(namespace.as_str()), "the Monitor tab reads other names");
    assert_eq!(backend["latency_unit"], connector["histogram"]["unit"], "the Monitor tab reads another unit");
    for name in [format!("{namespace}_calls_total"), format!("{namespace}_duration_seconds_bucket")] {
        assert!(sources.contains(&name), "Grafana's links do not know {name}");
    }
}

#[test]
fn streams_have_three_labels_and_old_ones_are_deleted() {
    let loki = yaml(LOKI);
    let attributes = &loki["limits_config"]["otlp_config"]["resource_attributes"];
    assert_eq!(attributes["ignore_defaults"].as_bool(), Some(true));
    let list = attributes["attributes_config"].as_sequence().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["action"].as_str(), Some("index_label"));
    let labels = ["service.name", "service.namespace", "deployment.environment.name"].map(str::to_owned);
    assert_eq!(strings(&list[0]["attributes"]), labels.clone().into());
    for label in &labels[1..] {
        assert!(
            text(COLLECTOR).contains(&format!("resource.attributes[\"{label}\"]")),
            "the collector does not set {label}"
        );
    }
    assert_eq!(loki["compactor"]["retention_enabled"].as_bool(), Some(true), "nothing is ever deleted");
    assert!(
        loki["compactor"]["delete_request_store"].is_string() && loki["limits_config"]["retention_period"].is_string()
    );
    let schema = &loki["schema_config"]["configs"];
    assert_eq!((schema[0]["store"].as_str(), schema[0]["schema"].as_str()), (Some("tsdb"), Some("v13")));
    assert_eq!(loki["analytics"]["reporting_enabled"].as_bool(), Some(false));
}

#[test]
fn each_source_leads_to_the_others() {
    let config = yaml(SOURCES);
    let sources: BTreeMap<_, _> = config["datasources"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|source| (source["uid"].as_str().unwrap(), source))
        .collect();
    assert_eq!(sources.keys().copied().collect::<Vec<_>>(), ["alertmanager", "jaeger", "loki", "prometheus"]);
    for (uid, source) in &sources {
        assert_eq!(source["type"].as_str(), Some(*uid));
        assert_eq!(source["editable"].as_bool(), Some(false));
    }
    let exemplars = &sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"][0];
    assert_eq!((exemplars["name"].as_str(), exemplars["datasourceUid"].as_str()), (Some("trace_id"), Some("jaeger")));
    let field = &sources["loki"]["jsonData"]["derivedFields"][0];
    assert_eq!((field["matcherType"].as_str(), field["matcherRegex"].as_str()), (Some("label"), Some("trace_id")));
    assert_eq!((field["url"].as_str(), field["datasourceUid"].as_str()), (Some("$${__value.raw}"), Some("jaeger")));
    let jaeger = &sources["jaeger"]["jsonData"];
    let logs = &jaeger["tracesToLogsV2"];
    assert_eq!(logs["datasourceUid"].as_str(), Some("loki"));
    // Wider than the span on both sides.
    assert!(logs["spanStartTimeShift"].as_str().unwrap().starts_with('-'));
    assert!(!logs["spanEndTimeShift"].as_str().unwrap().starts_with('-'));
    assert_eq!(jaeger["tracesToMetrics"]["datasourceUid"].as_str(), Some("prometheus"));
    // A single dollar sign is taken for a variable of the environment.
    let environment: BTreeSet<_> = variables(&text(SOURCES)).into_keys().collect();
    let single = text(SOURCES).replace("$$", "").matches('$').count();
    let named = text(SOURCES).matches("${GRAFANA_").count();
    assert_eq!(single, named, "a dollar sign that is not doubled; known: {environment:?}");
}

#[test]
fn prometheus_scrapes_what_compose_runs() {
    let compose = yaml("compose.yaml");
    let mut jobs = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("observability/prometheus/targets/compose")).unwrap() {
        let path = entry.unwrap().path();
        let groups: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for group in groups.as_sequence().unwrap() {
            jobs.insert(group["labels"]["job"].as_str().unwrap().to_owned());
            for target in strings(&group["targets"]) {
                let host = target.split(':').next().unwrap();
                let known = keys(&compose["services"]).contains(host) || host == "127.0.0.1";
                assert!(known, "{}: no service is called {host}", path.display());
            }
        }
    }
    let around = "alertmanager collector grafana jaeger loki node postgres prometheus rabbitmq rabbitmq-queues redis \
                  span-metrics";
    let expected: BTreeSet<_> = around.split_whitespace().chain(SERVICES).collect();
    assert_eq!(jobs.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
}

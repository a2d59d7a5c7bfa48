//! The shipped configurations of Prometheus and Alertmanager: accepted by their own tools, alike in both profiles, and
//! for Alertmanager what they do: who gets what, what is one message, what hides what, and that silence is noticed.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests that print their counts")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use backends::{Monitor, MonitorOptions};
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;
use tempfile::TempDir;
use testkit::observe::{Delivery, Profile, Receiver, Targets, prepare_alertmanager, prepare_prometheus, prepare_rules};
use testkit::{Client, eventually};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tool(name: &str) -> Command {
    Command::new(backends::program(name).unwrap())
}

/// Runs a tool that has to accept what it is given; answers its words.
fn accepted(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

fn yaml(path: &str) -> Yaml {
    serde_yaml_ng::from_str(&std::fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

/// Without times and without the name of the profile.
fn timeless(value: Yaml) -> Yaml {
    match value {
        Yaml::Mapping(entries) => {
            let kept = entries.into_iter().filter(|(key, _)| {
                let key = key.as_str().unwrap_or_default();
                !["_interval", "_wait", "_timeout"].iter().any(|ending| key.ends_with(ending))
            });
            Yaml::Mapping(kept.map(|(key, value)| (key, timeless(value))).collect())
        }
        Yaml::Sequence(items) => Yaml::Sequence(items.into_iter().map(timeless).collect()),
        Yaml::String(text) => Yaml::String(text.replace("rules/demo/", "rules/prod/")),
        other => other,
    }
}

#[test]
fn both_profiles_are_the_same_but_for_times() {
    for (prod, demo) in [
        ("observability/prometheus/prometheus.yml", "observability/prometheus/demo.yml"),
        ("observability/alertmanager/alertmanager.yml", "observability/alertmanager/demo.yml"),
    ] {
        assert_ne!(yaml(prod), yaml(demo), "{demo} has times of its own");
        assert_eq!(timeless(yaml(prod)), timeless(yaml(demo)), "{prod} and {demo}");
    }
}

#[test]
fn every_scrape_is_bounded() {
    let config = yaml("observability/prometheus/prometheus.yml");
    let jobs = config["scrape_configs"].as_sequence().unwrap();
    assert!(jobs.len() >= 4);
    for job in jobs {
        for limit in ["sample_limit", "label_limit", "label_name_length_limit", "label_value_length_limit"] {
            assert!(
                job[limit].as_u64().is_some_and(|limit| limit > 0),
                "{}: no {limit}",
                job["job_name"].as_str().unwrap()
            );
        }
        assert!(job["body_size_limit"].is_string());
    }
}

#[test]
fn promtool_accepts_both_profiles_with_the_targets_of_processes_and_of_containers() {
    for profile in [Profile::Prod, Profile::Demo] {
        for targets in ["processes", "compose"] {
            let folder = tempfile::tempdir().unwrap();
            let config = prepare_prometheus(folder.path(), profile, &Targets::usual(), None).unwrap();
            prepare_rules(folder.path(), profile).unwrap();
            let shipped = root().join("observability/prometheus/targets").join(targets);
            for entry in std::fs::read_dir(shipped).unwrap().flatten() {
                std::fs::copy(entry.path(), folder.path().join("targets").join(entry.file_name())).unwrap();
            }
            let words = accepted(tool("promtool").args(["check", "config"]).arg(config));
            let missing: Vec<_> = words.lines().filter(|line| line.contains("WARNING")).collect();
            // Collector, Jaeger, Loki and Grafana are targets where they run.
            let known = |line: &&&str| targets == "processes" && line.contains("telemetry.yml");
            assert!(missing.iter().filter(|line| !known(line)).count() == 0, "{profile:?} {targets}: {missing:?}");
        }
    }
}

#[test]
fn the_jobs_of_containers_are_those_of_processes_and_what_only_containers_have() {
    let jobs = |folder: &str| {
        let folder = root().join("observability/prometheus/targets").join(folder);
        let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        let groups = files.flat_map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            serde_yaml_ng::from_str::<Vec<Yaml>>(&text).unwrap()
        });
        let mut jobs: Vec<_> = groups.map(|group| group["labels"]["job"].as_str().unwrap().to_owned()).collect();
        jobs.sort();
        jobs
    };
    let mut expected = jobs("processes");
    assert_eq!(expected.len(), 12);
    expected.extend(["collector", "grafana", "jaeger", "loki", "span-metrics"].map(str::to_owned));
    expected.sort();
    assert_eq!(jobs("compose"), expected);
}

const CONFIGS: [&str; 2] = ["alertmanager.yml", "demo.yml"];

/// Labels, and who has to get an alert with them.
const ROUTES: &[(&str, &str)] = &[
    ("alertname=Watchdog severity=none service=telemetry", "watchdog"),
    ("alertname=GatewayDown severity=critical service=gateway", "page"),
    ("alertname=GatewayAvailabilityBudgetBurn severity=critical service=gateway slo=gateway-availability", "page"),
    ("alertname=GatewayAvailabilityBudgetBurn severity=warning service=gateway slo=gateway-availability", "ticket"),
    ("alertname=TargetDown severity=warning service=postgres", "ticket"),
    ("alertname=Anything severity=none", "nowhere"),
    ("alertname=Anything severity=info", "nowhere"),
    // A mistake in a rule is no reason to lose the alert.
    ("alertname=Anything severity=urgent", "ticket"),
    ("alertname=Anything", "ticket"),
];

#[test]
fn amtool_accepts_both_profiles_and_every_alert_reaches_its_receiver() {
    let folder = root().join("observability/alertmanager");
    for config in CONFIGS.map(|name| folder.join(name)) {
        let words = accepted(tool("amtool").arg("check-config").arg(&config));
        assert!(words.contains("SUCCESS"), "{words}");
        for (labels, receiver) in ROUTES {
            let mut command = tool("amtool");
            command.args(["config", "routes", "test"]).arg(format!("--config.file={}", config.display()));
            command.arg(format!("--verify.receivers={receiver}")).args(labels.split(' '));
            // A warning about its flags may follow.
            assert_eq!(accepted(&mut command).lines().next(), Some(*receiver), "{labels}");
        }
    }
    backends::print_uncaptured(&format!("alertmanager: {} routes in {} profiles", ROUTES.len(), CONFIGS.len()));
}

/// Every alert that is named in the configuration is an alert of the rules.
#[test]
fn alerts_named_in_the_configuration_exist() {
    let rules = root().join("observability/prometheus/rules/prod");
    let files = std::fs::read_dir(&rules).into_iter().flatten().flatten();
    let mut alerts = Vec::new();
    for entry in files {
        let rules: Yaml = serde_yaml_ng::from_str(&std::fs::read_to_string(entry.path()).unwrap()).unwrap();
        let groups = rules["groups"].as_sequence().cloned().unwrap_or_default();
        let rules = groups.iter().flat_map(|group| group["rules"].as_sequence().cloned().unwrap_or_default());
        alerts.extend(rules.filter_map(|rule| rule["alert"].as_str().map(str::to_owned)));
    }
    assert!(!alerts.is_empty(), "no alert in {}; `make rules` writes them", rules.display());
    let text = std::fs::read_to_string(root().join("observability/alertmanager/alertmanager.yml")).unwrap();
    let mut named = 0;
    for matcher in text.split("alertname=").skip(1).filter_map(|rest| rest.split('"').nth(1)) {
        for name in matcher.split('|') {
            named += 1;
            let known = name.strip_prefix(".+").map_or_else(
                || alerts.iter().any(|alert| alert == name),
                |ending| alerts.iter().any(|alert| alert.ends_with(ending)),
            );
            assert!(known, "alertmanager.yml names `{name}`, which is no alert of the rules");
        }
    }
    assert!(named >= 6, "only {named} names found");
}

/// A real Alertmanager with the configuration of the profile demo, and a receiver for what it sends.
struct Running {
    alertmanager: Monitor,
    receiver: Receiver,
    client: Client,
    _folder: TempDir,
}

impl Running {
    async fn start(patience: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(0, patience, |_| {}).await.unwrap();
        let config = prepare_alertmanager(&folder.path().join("am.yml"), Profile::Demo, receiver.address()).unwrap();
        let start = move || Monitor::alertmanager(&MonitorOptions::default(), &config).unwrap();
        let alertmanager = tokio::task::spawn_blocking(start).await.unwrap();
        let client = Client::new(alertmanager.address());
        Self { alertmanager, receiver, client, _folder: folder }
    }

    /// Posts alerts, given by labels such as `alertname=A service=b`.
    async fn post(&self, alerts: &[&str]) {
        let body = alerts.iter().map(|labels| json!({ "labels": map(labels), "annotations": { "summary": "It is." } }));
        let _ = self.client.post("/api/v2/alerts", &Value::Array(body.collect())).await.expect(200);
    }

    /// Waits until as many deliveries have come as `enough` wants.
    async fn deliveries(&self, what: &str, enough: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        eventually(what, || async {
            let deliveries = self.receiver.deliveries();
            enough(&deliveries).then_some(deliveries)
        })
        .await
    }
}

fn map(labels: &str) -> Value {
    labels.split(' ').map(|pair| pair.split_once('=').unwrap()).map(|(k, v)| (k.to_owned(), json!(v))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_of_a_service_and_a_name_are_one_message() {
    let running = Running::start(Duration::from_secs(60)).await;
    let alert = |instance: &str, service: &str| {
        format!("alertname=PoolSaturated severity=warning service={service} instance={instance}")
    };
    let alerts = [alert("a", "auth"), alert("b", "auth"), alert("a", "user")];
    running.post(&alerts.each_ref().map(String::as_str)).await;
    let groups = eventually("the groups", || async {
        let groups = running.client.get("/api/v2/alerts/groups").await.expect(200).json();
        groups.as_array().filter(|groups| groups.len() == 2).cloned()
    })
    .await;
    let mut found: Vec<_> =
        groups.iter().map(|group| (group["labels"].to_string(), group["alerts"].as_array().unwrap().len())).collect();
    found.sort();
    let label = |service: &str| json!({ "alertname": "PoolSaturated", "service": service }).to_string();
    assert_eq!(found, [(label("auth"), 2), (label("user"), 1)]);
    let deliveries = running.deliveries("three alerts in the mail", |deliveries| deliveries.len() >= 3).await;
    assert!(deliveries.iter().all(|one| one.receiver == "ticket" && one.status == "firing" && one.group.len() == 2));
    let line = deliveries[0].line();
    assert!(line.contains("ticket") && line.contains("PoolSaturated") && line.contains("It is."), "{line}");
}

/// What fires at the same time of the same service, and which of the second are hidden by the first.
const INHIBITIONS: &[(&str, &str, bool)] = &[
    ("alertname=ABudgetBurn severity=critical slo=a", "alertname=ABudgetBurn severity=warning slo=a", true),
    ("alertname=ABudgetBurn severity=critical slo=a", "alertname=BBudgetBurn severity=warning slo=b", false),
    ("alertname=ABudgetBurn severity=critical slo=a", "alertname=PoolSaturated severity=warning", false),
    ("alertname=ABudgetBurn severity=warning slo=a", "alertname=ABudgetBurn severity=critical slo=a", false),
    ("alertname=GatewayDown severity=critical", "alertname=GatewayNoTraffic severity=critical", true),
    (
        "alertname=GatewayDown severity=critical",
        "alertname=GatewayAvailabilityBudgetBurn severity=critical slo=a",
        true,
    ),
    ("alertname=GatewayDown severity=critical", "alertname=TargetDown severity=warning", true),
    ("alertname=GatewayDown severity=critical", "alertname=RateLimitSaturated severity=warning", false),
    ("alertname=GatewayNoTraffic severity=critical", "alertname=GatewayDown severity=critical", false),
    ("alertname=TargetDown severity=warning", "alertname=ConsumerAbsent severity=warning", true),
    ("alertname=TargetDown severity=warning", "alertname=ServiceNotReady severity=warning", true),
    ("alertname=TargetDown severity=warning", "alertname=RefreshTokenReused severity=warning", false),
    ("alertname=TargetDown severity=warning", "alertname=ABudgetBurn severity=critical slo=a", false),
    ("alertname=TargetDown severity=warning", "alertname=GatewayDown severity=critical", false),
    ("alertname=PostgresDown severity=warning", "alertname=ABudgetBurn severity=critical slo=a", false),
    ("alertname=RedisDown severity=warning", "alertname=ABudgetBurn severity=critical slo=a", false),
    ("alertname=BrokerUnreachable severity=warning", "alertname=ABudgetBurn severity=critical slo=a", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_explains_an_alert_hides_it_and_nothing_else_does() {
    let running = Running::start(Duration::from_secs(60)).await;
    // Each case is a service of its own, and one more service has the hidden alert without what explains it.
    let mut posted = Vec::new();
    for (case, (source, target, _)) in INHIBITIONS.iter().enumerate() {
        posted.push(format!("{source} service=case-{case} role=source"));
        posted.push(format!("{target} service=case-{case} role=target"));
        posted.push(format!("{target} service=alone-{case} role=target"));
    }
    running.post(&posted.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // Alertmanager takes note of what hides others a moment after it has taken it in.
    let meant = INHIBITIONS.iter().filter(|(_, _, hidden)| *hidden).count();
    let hidden_count =
        |alerts: &[Value]| alerts.iter().filter(|alert| !alert["status"]["inhibitedBy"][0].is_null()).count();
    let alerts = eventually("every alert, and as many hidden as are meant to be", || async {
        let alerts = running.client.get("/api/v2/alerts").await.expect(200).json();
        alerts.as_array().filter(|alerts| alerts.len() == posted.len() && hidden_count(alerts) >= meant).cloned()
    })
    .await;
    let hidden = |service: String| {
        let mut found = alerts
            .iter()
            .filter(|alert| alert["labels"]["service"] == service.as_str() && alert["labels"]["role"] == "target");
        let alert = found.next().unwrap();
        assert_eq!(alert["status"]["state"] == "suppressed", !alert["status"]["inhibitedBy"][0].is_null());
        !alert["status"]["inhibitedBy"][0].is_null()
    };
    for (case, (source, target, expected)) in INHIBITIONS.iter().enumerate() {
        assert_eq!(hidden(format!("case-{case}")), *expected, "{source} hides {target}");
        assert!(!hidden(format!("alone-{case}")), "{target} is hidden by another service");
    }
    backends::print_uncaptured(&format!(
        "alertmanager: {} pairs of alerts, inhibited or not as meant",
        INHIBITIONS.len()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_comes_again_and_again_and_its_absence_is_noticed() {
    // The group is sent every 2 s.
    let running = Running::start(Duration::from_secs(6)).await;
    let watchdog = ["alertname=Watchdog severity=none service=telemetry"];
    running.post(&watchdog).await;
    let arrived = |count: usize| move |deliveries: &[Delivery]| deliveries.len() >= count;
    let deliveries = running.deliveries("the Watchdog three times", arrived(3)).await;
    assert!(deliveries.iter().all(|one| one.receiver == "watchdog" && one.name() == "Watchdog"));
    assert!(!running.receiver.is_silent());
    running.alertmanager.kill().unwrap();
    eventually("its absence to be noticed", || async { running.receiver.is_silent().then_some(()) }).await;
    let before = running.receiver.deliveries().len();
    running.alertmanager.launch().unwrap();
    running.post(&watchdog).await;
    let _ = running.deliveries("the Watchdog after the outage", arrived(before + 1)).await;
    assert!(!running.receiver.is_silent());
}

#[tokio::test]
async fn the_link_in_each_alert_opens_its_page() {
    let receiver = Receiver::start(0, Duration::from_secs(60), |_| {}).await.unwrap();
    let client = Client::new(receiver.address());
    let sources = observability::sources::Sources::read(&root()).unwrap();
    let base = sources.slo.links.runbooks.strip_prefix("http://127.0.0.1:9099").expect("the receiver's port");
    let causes = sources.cause_alerts().map(|(_, alert)| alert.name());
    for name in causes.chain(sources.slo.slo.iter().map(|slo| slo.alert.as_str())) {
        let page = client.get(&format!("{base}/{name}.md")).await.expect(200).text();
        assert!(page.contains(&format!("\n# {name}\n")), "{name}");
    }
    for path in ["/runbooks/Nothing.md", "/runbooks/..%2FREADME.md", "/runbooks/Watchdog"] {
        assert_eq!(client.get(path).await.status, 404, "{path}");
    }
}

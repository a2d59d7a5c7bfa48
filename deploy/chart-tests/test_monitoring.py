"""What watches in the cluster is what watches everywhere: the same rules, jobs and dashboards, and monitors that find a port."""
import json
import unittest

import yaml

from render import ENVIRONMENTS, ROOT, manifests

# Jobs that the chart does not scrape: whoever installs Prometheus, the collector and the rest does.
ELSEWHERE = {"node", "prometheus", "alertmanager", "collector", "span-metrics", "jaeger", "loki", "grafana"}


def jobs():
    found = set()
    for path in (ROOT / "observability/prometheus/targets/compose").glob("*.yml"):
        found |= {target["labels"]["job"] for target in yaml.safe_load(path.read_text())}
    return found


def job_of(monitor):
    relabelings = monitor["spec"]["endpoints"][0]["relabelings"]
    return next(entry["replacement"] for entry in relabelings if entry["targetLabel"] == "job")


class Monitoring(unittest.TestCase):
    def test_jobs_are_those_that_the_rules_know(self):
        for environment, missing in (("dev", set()), ("default", {"rabbitmq", "rabbitmq-queues"}), ("prod", {"rabbitmq", "rabbitmq-queues"})):
            found = {job_of(item) for item in manifests(environment) if item["kind"] == "ServiceMonitor"}
            # A managed broker shows no metrics to Prometheus.
            self.assertEqual(found, jobs() - ELSEWHERE - missing, environment)

    def test_monitors_find_a_service_and_its_port(self):
        for environment in ENVIRONMENTS:
            items = manifests(environment)
            services = [item for item in items if item["kind"] == "Service"]
            for monitor in (item for item in items if item["kind"] == "ServiceMonitor"):
                if job_of(monitor).startswith("rabbitmq"):
                    continue  # the operator makes that Service
                wanted = monitor["spec"]["selector"]["matchLabels"].items()
                found = [service for service in services if wanted <= service["metadata"]["labels"].items()]
                self.assertEqual(len(found), 1, (environment, monitor["metadata"]["name"]))
                self.assertIn(monitor["spec"]["endpoints"][0]["port"], [port["name"] for port in found[0]["spec"]["ports"]])

    def test_rules_are_the_generated_ones(self):
        wanted = {}
        for path in (ROOT / "observability/prometheus/rules/prod").glob("*.yml"):
            wanted[f"signalbox-{path.stem}"] = yaml.safe_load(path.read_text())
        for environment in ENVIRONMENTS:
            found = {item["metadata"]["name"]: item["spec"] for item in manifests(environment) if item["kind"] == "PrometheusRule"}
            self.assertEqual(found, wanted)

    def test_dashboards_are_the_generated_ones(self):
        wanted = {path.name: json.loads(path.read_text()) for path in (ROOT / "grafana/dashboards").glob("*/*.json")}
        found = {}
        for item in manifests("prod"):
            if item["kind"] == "ConfigMap" and "grafana_dashboard" in item["metadata"]["labels"]:
                found |= {name: json.loads(text) for name, text in item["data"].items()}
                self.assertLess(len(yaml.safe_dump(item)), 1024 * 1024, "a ConfigMap holds a mebibyte at most")
        self.assertEqual(found, wanted)

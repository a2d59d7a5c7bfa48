"""Canaries judge by our own recording rules: the queries are run by promtool against the rules, and the conditions with good,
bad, no and undefined answers."""
import math
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from render import ENVIRONMENTS, ROOT, manifests
from services import QUEUES, SERVED, SERVICES

RULES = sorted((ROOT / "observability/prometheus/rules/prod").glob("*.yml"))
GOOD, BAD = "good", "bad"


def templates(environment="prod"):
    return {item["metadata"]["name"]: item["spec"]["metrics"] for item in manifests(environment) if item["kind"] == "AnalysisTemplate"}


def condition(text, result):
    """A condition of Argo Rollouts, of the few operators that ours use."""
    python = text.replace("&&", " and ").replace("||", " or ").replace("!isNaN", "not isNaN")
    return bool(eval(python, {"__builtins__": {}}, {"len": len, "isNaN": math.isnan, "result": result}))


def recorded():
    return {rule["record"] for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"] if "record" in rule}


def alerted():
    """Metrics that alerts look at without a recording rule."""
    exprs = " ".join(rule["expr"] for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"] if "alert" in rule)
    return set(re.findall(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b", exprs))


class Analysis(unittest.TestCase):
    def test_queries_read_recording_rules(self):
        names = recorded()
        for environment in ("default", "prod"):
            for metrics in templates(environment).values():
                for metric in metrics:
                    query = metric["provider"]["prometheus"]["query"]
                    series = re.findall(r"([a-z_:]+[a-z0-9_:]*)\{", query)
                    self.assertEqual(len(series), 1, query)
                    # What no rule records is at least what an alert looks at.
                    self.assertIn(series[0], names if ":" in series[0] else alerted(), query)

    def test_conditions(self):
        cases = {  # metric: [(result, success)]
            "errors": [([0.0], True), ([0.5], False), ([], True), ([math.nan], True)],
            "latency": [([0.05], True), ([9.0], False), ([], True), ([math.nan], True)],
            "saturation": [([0.5], True), ([0.97], False), ([], True), ([math.nan], True)],
            "budget": [([1.0], True), ([100.0], False), ([], True), ([math.nan], True)],
            "traffic": [([50.0], True), ([0.0], False), ([], False), ([math.nan], False)],
        }
        for name, metrics in templates().items():
            self.assertEqual({metric["name"] for metric in metrics}, set(cases), name)
            for metric in metrics:
                for result, success in cases[metric["name"]]:
                    self.assertEqual(condition(metric["successCondition"], result), success, (name, metric["name"], result))
                # Without traffic nothing fails and nothing succeeds: the roll-out pauses for a person.
                self.assertEqual(metric.get("failureCondition"), "false" if metric["name"] == "traffic" else None)

    def test_services_that_are_canaries_are_analysed(self):
        for environment in ("default", "prod"):
            found = templates(environment)
            rollouts = {item["metadata"]["name"]: item for item in manifests(environment) if item["kind"] == "Rollout"}
            self.assertEqual(set(rollouts), set(SERVED))
            for name, item in rollouts.items():
                canary = item["spec"]["strategy"]["canary"]
                used = canary["analysis"]
                self.assertIn(used["templates"][0]["templateName"], found)
                self.assertEqual(used["templates"][0]["templateName"], "http-health" if "http" in SERVICES[name] else "rpc-health")
                self.assertEqual(used["args"], [{"name": "job", "value": name}])
                seconds = [int(step["pause"]["duration"][:-1]) for step in canary["steps"] if "pause" in step]
                self.assertGreater(min(seconds), 300, "a step is shorter than the recording rules look back")

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_queries_against_the_rules(self):
        """Twenty minutes of requests to the gateway and to auth, every fifth of them an error in the bad case, or none at all."""
        run = 0
        for case, errors in ((GOOD, 0), (BAD, 60)):
            tests = []
            for name, metrics in templates().items():
                job = {"http-health": "gateway", "rpc-health": "auth"}[name]
                for metric in metrics:
                    query = metric["provider"]["prometheus"]["query"].replace("{{args.job}}", job)
                    tests.append((metric["name"], query))
            answers = self.ask(errors, [query for _, query in tests])
            for (metric, query), value in zip(tests, answers):
                limits = {m["name"]: m["successCondition"] for m in templates()["http-health"]}
                wanted = case == GOOD or metric in ("traffic", "latency")
                if metric == "saturation":
                    self.assertEqual(value, [0.95 if case == BAD else 0.25], query)
                self.assertEqual(condition(limits[metric], value), wanted, (case, metric, query, value))
                run += 1
        for metrics in templates().values():
            for metric in metrics:
                query = metric["provider"]["prometheus"]["query"].replace("{{args.job}}", "nobody")
                value = self.ask(0, [query])[0]
                self.assertEqual(value, [0.0] if metric["name"] == "traffic" else [], query)
                run += 1
        print(f"\n  promtool: {run} answers of analysis queries over the real rules")

    def ask(self, errors, queries):
        """Values that promtool finds for queries after twenty minutes of 300 requests a minute, ERRORS of them failed."""
        http = 'http_server_request_duration_seconds_{part}{{job="gateway",http_route="/products",http_response_status_code="{label}"{bound}}}'
        rpc = 'rpc_server_call_duration_seconds_{part}{{job="auth",rpc_method="auth.v1.AuthService/Login",error_type="{label}",rpc_response_status_code="{label}"{bound}}}'
        series = []
        for form, good, bad in ((http, "200", "500"), (rpc, "", "INTERNAL")):
            for label, each in ((good, 300 - errors), (bad, errors)):
                series.append((form.format(part="count", label=label, bound=""), f"0+{each}x20"))
                series += [(form.format(part="bucket", label=label, bound=f',le="{bound}"'), f"0+{each}x20") for bound in ("0.1", "0.25", "+Inf")]
        for job in ("gateway", "auth"):  # of two pods, one is busier
            series += [(f'tokio_busy_ratio{{job="{job}",instance="{pod}"}}', f"{busy}x20") for pod, busy in (("a", 0.1), ("b", 0.95 if errors else 0.25))]
        cases = [{"eval_time": "20m", "expr": query, "exp_samples": [{"labels": "planted{}", "value": 12345}]} for query in queries]
        test = {"rule_files": [str(path) for path in RULES], "evaluation_interval": "1m",
                "tests": [{"interval": "1m", "input_series": [{"series": s, "values": v} for s, v in series], "promql_expr_test": cases}]}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "test.yml")
            path.write_text(yaml.safe_dump(test))
            out = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
        text = out.stdout + out.stderr
        got = re.findall(r"got:\s*(nil|\[\]|.*)$", text, flags=re.MULTILINE)
        self.assertEqual(len(got), len(queries), text)
        # promtool tells what it got where it expected something else, as here always.
        return [[float(value) for value in re.findall(r"\S+ (?:\{[^}]*\} )?(-?[0-9.eE+-]+|NaN)$", line.strip())] if line not in ("nil", "[]") else []
                for line in got]


class Scaling(unittest.TestCase):
    def test_somebody_owns_the_replicas(self):
        for environment in ENVIRONMENTS:
            items = manifests(environment)
            scaled = {(item["spec"]["scaleTargetRef"]["kind"], item["spec"]["scaleTargetRef"]["name"]) for item in items
                      if item["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")}
            for item in items:
                if item["kind"] in ("Deployment", "Rollout"):
                    owned = (item["kind"], item["metadata"]["name"]) in scaled
                    self.assertNotEqual(owned, "replicas" in item["spec"], (environment, item["metadata"]["name"]))

    def test_queues_are_those_of_the_service(self):
        for environment in ENVIRONMENTS:
            scaled = {item["metadata"]["name"]: item["spec"] for item in manifests(environment) if item["kind"] == "ScaledObject"}
            self.assertEqual(set(scaled), set(QUEUES))
            for service, spec in scaled.items():
                queues = {trigger["metadata"]["queueName"] for trigger in spec["triggers"]}
                source = (ROOT / f"services/{service}/config.toml").read_text()
                self.assertEqual(queues, set(re.findall(rf"\b{service}\.(?:{'|'.join(SERVICES)})\b", source)))
                self.assertEqual(queues, set(QUEUES[service]))

    def test_production_survives_the_loss_of_a_node(self):
        items = manifests("prod")
        budgets = {item["metadata"]["name"]: item["spec"] for item in items if item["kind"] == "PodDisruptionBudget"}
        least = {item["metadata"]["name"]: item["spec"].get("minReplicas", item["spec"].get("minReplicaCount")) for item in items
                 if item["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")}
        for service in SERVICES:
            self.assertGreaterEqual(least[service], 3)
            self.assertEqual((budgets[service]["maxUnavailable"], budgets[service]["unhealthyPodEvictionPolicy"]), (1, "AlwaysAllow"))

    def test_replicas_are_spread_by_version(self):
        for environment in ENVIRONMENTS:
            for item in manifests(environment):
                spread = item["spec"]["template"]["spec"].get("topologySpreadConstraints") if item["kind"] in ("Deployment", "Rollout") else None
                if not spread:
                    continue
                hash_of = {"Deployment": "pod-template-hash", "Rollout": "rollouts-pod-template-hash"}[item["kind"]]
                self.assertEqual([rule["matchLabelKeys"] for rule in spread], [[hash_of]] * 2, item["metadata"]["name"])
                zones = "ScheduleAnyway" if environment == "dev" else "DoNotSchedule"
                self.assertEqual({rule["topologyKey"]: rule["whenUnsatisfiable"] for rule in spread},
                                 {"topology.kubernetes.io/zone": zones, "kubernetes.io/hostname": "ScheduleAnyway"})

    def test_the_route_leads_to_both_versions(self):
        items = {(item["kind"], item["metadata"]["name"]): item["spec"] for item in manifests("prod") if "spec" in item}
        route = items["HTTPRoute", "gateway"]["rules"][0]
        self.assertEqual({ref["name"] for ref in route["backendRefs"]}, {"gateway", "gateway-canary"})
        # A load balancer of AWS takes no limit of time; elsewhere it is longer than the gateway's own.
        self.assertNotIn("timeouts", route)
        default = next(item for item in manifests("default") if item["kind"] == "HTTPRoute")["spec"]["rules"][0]
        self.assertEqual(default["timeouts"], {"request": "15s"})

"""NetworkPolicies are the call graph, no more and no less; the call graph is what the services' configuration says."""
import copy
import ipaddress
import re
import tomllib
import unittest

import yaml

import network
from render import ENVIRONMENTS, ROOT, manifests
from services import SERVED, SERVICES
from values import values_of

KINDS = ("NetworkPolicy", "Deployment", "Rollout", "Job")
STORE_OF = {"database": "postgres", "redis": "redis", "broker": "rabbitmq", "smtp": "smtp"}


def defaults(service):
    return tomllib.loads((ROOT / f"services/{service}/config.toml").read_text())


def port_of(address):
    found = re.search(r":(\d+)$", address)
    return int(found[1]) if found else None


def configured():
    """Service -> callees, of the sections of its configuration that name somebody to call."""
    found = {}
    for service in SERVICES:
        config = defaults(service)
        callees = {STORE_OF[name] for name in config if name in STORE_OF}
        callees |= {name for name, keys in config.items() if name in SERVICES and "url" in keys}
        callees |= {"collector"} if "otlp_endpoint" in config["telemetry"] else set()
        found[service] = callees
    return found


def graph_problems(calls):
    wrong = []
    for service, callees in configured().items():
        listed = set(calls["calls"].get(service, []))
        wrong += [f"{service} -> {callee} is configured and not in the graph" for callee in sorted(callees - listed)]
        wrong += [f"{service} -> {callee} is in the graph and nothing configures it" for callee in sorted(listed - callees)]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for service in SERVICES:
        wrong += port_problems(service, calls)
        for key, value in compose[service]["environment"].items():
            port = port_of(value)
            if key.endswith(("_HTTP_ADDRESS", "_GRPC_ADDRESS")) and calls["ports"].get(service) != port:
                wrong.append(f"{service} listens at {port} in compose.yaml, the graph has {calls['ports'].get(service)}")
            if key.endswith("_ADMIN_ADDRESS") and calls["scraped"].get(service) != port:
                wrong.append(f"{service} is scraped at {port} in compose.yaml, the graph has {calls['scraped'].get(service)}")
            if match := re.fullmatch(r"http://(\w+):\d+", value):
                if match[1] in calls["ports"] and calls["ports"][match[1]] != port:
                    wrong.append(f"{service} calls {match[1]} at {port} in compose.yaml")
    return wrong


def port_problems(service, calls):
    """Differences between the graph's ports and those a service has by its own configuration."""
    config = defaults(service)
    served = [port_of(config[protocol]["address"]) for protocol in ("http", "grpc") if protocol in config]
    wrong = []
    if served != ([calls["ports"][service]] if service in calls["ports"] else []):
        wrong.append(f"{service} listens at {served} by its configuration, the graph has {calls['ports'].get(service)}")
    if port_of(config["admin"]["address"]) != calls["scraped"].get(service):
        wrong.append(f"{service} has {config['admin']['address']} for the admin port, the graph has {calls['scraped'].get(service)}")
    for callee in (name for name in config if name in SERVICES):
        if port_of(config[callee]["url"]) != calls["ports"].get(callee):
            wrong.append(f"{service} calls {callee} at {config[callee]['url']}, the graph has {calls['ports'].get(callee)}")
    return wrong


class Network(unittest.TestCase):
    def setUp(self):
        self.graph = network.graph()

    def test_policies_equal_the_graph(self):
        for environment in ENVIRONMENTS:
            with self.subTest(environment):
                self.assertEqual(network.problems(manifests(environment), values_of(environment), self.graph), [])

    def test_every_pod_is_in_the_graph(self):
        for environment in ENVIRONMENTS:
            with self.subTest(environment):
                self.assertEqual(network.missing_nodes(manifests(environment), self.graph), [])

    def test_the_graph_equals_the_configuration(self):
        self.assertEqual(graph_problems(self.graph), [])

    def test_protocols_and_events_equal_the_configuration(self):
        for name, service in SERVICES.items():
            wanted = {section for key, section in {"http": "http", "grpc": "grpc", "publishes": "outbox", "consumes": "consumer"}.items() if key in service}
            self.assertEqual(set(defaults(name)) & {"http", "grpc", "outbox", "consumer"}, wanted, name)

    def test_everything_is_denied_first(self):
        for environment in ENVIRONMENTS:
            deny = [item for item in manifests(environment)
                    if item["kind"] == "NetworkPolicy" and item["metadata"]["name"] == "default-deny"]
            self.assertEqual(len(deny), 1)
            self.assertEqual(deny[0]["spec"], {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})


class Subnets(unittest.TestCase):
    """Ranges in values-prod.yaml are those that terraform/modules/network makes of the range of terraform/environments/prod."""

    def subnets(self):
        stated = re.search(r'^\s*cidr\s*=\s*"(\S+)"', (ROOT / "terraform/environments/prod/main.tf").read_text(), re.MULTILINE)[1]
        module = (ROOT / "terraform/modules/network/main.tf").read_text()
        # The module's own formulas, so that a change there fails here.
        self.assertIn("first   = cidrsubnet(var.cidr, 2, 0)", module)
        self.assertIn("cidrsubnet(local.first, 2, index) }", module)
        self.assertIn("cidrsubnet(local.first, 4, index + 12) }", module)
        first = list(ipaddress.ip_network(stated).subnets(prefixlen_diff=2))[0]
        public, data = list(first.subnets(prefixlen_diff=2)), list(first.subnets(prefixlen_diff=4))
        return [str(net) for net in public[:3]], [str(net) for net in data[12:15]]

    def test_policies_open_the_subnets_of_production(self):
        public, data = self.subnets()
        values = values_of("prod")
        self.assertEqual(values["edge"]["cidrs"], public)
        self.assertEqual(values["stores"]["cidrs"], data)


class PlantedFaults(unittest.TestCase):
    """Each edge in turn is taken away from and added to the graph, and each rule from and to the policies."""

    def setUp(self):
        self.graph = network.graph()

    def problems(self, environment, items=None, calls=None):
        return network.problems(items or manifests(environment), values_of(environment), calls or self.graph)

    def test_an_edge_less_in_the_graph(self):
        planted = 0
        for caller, callees in self.graph["calls"].items():
            for callee in callees:
                changed = copy.deepcopy(self.graph)
                changed["calls"][caller].remove(callee)
                self.assertTrue(any(f"{caller} -> {callee}:" in line for line in self.problems("dev", calls=changed)), (caller, callee))
                planted += 1
        print(f"\n  planted: {planted} edges taken from the graph, one at a time, all noticed")

    def test_an_edge_more_in_the_graph(self):
        planted = 0
        for caller in SERVICES:
            for callee in (*SERVED, *network.STORES, "smtp"):
                if callee != caller and callee not in self.graph["calls"][caller]:
                    changed = copy.deepcopy(self.graph)
                    changed["calls"][caller].append(callee)
                    self.assertTrue(self.problems("dev", calls=changed), (caller, callee))
                    self.assertTrue(graph_problems(changed), (caller, callee))
                    planted += 1
        print(f"\n  planted: {planted} edges added to the graph, one at a time, all noticed")

    def test_another_port_in_the_graph(self):
        for group, said in (("ports", "by its configuration"), ("scraped", "for the admin port")):
            for name in (name for name in SERVICES if name in self.graph[group]):
                changed = copy.deepcopy(self.graph)
                changed[group][name] += 1
                self.assertTrue(any(line.startswith(f"{name} ") and said in line for line in graph_problems(changed)), name)
                self.assertTrue(self.problems("dev", calls=changed), name)

    def test_a_rule_less_in_the_policies(self):
        planted = 0
        for environment in ENVIRONMENTS:
            items = [item for item in manifests(environment) if item["kind"] in KINDS]
            for number, item in enumerate(items):
                if item["kind"] != "NetworkPolicy":
                    continue
                for direction, side in (("ingress", "from"), ("egress", "to")):
                    for rule_number, rule in enumerate(item["spec"].get(direction) or []):
                        for peer in range(len(rule.get(side) or [])):
                            if self.is_operators(rule[side][peer], item):
                                continue
                            changed = items[:number] + [copy.deepcopy(item)] + items[number + 1:]
                            peers = changed[number]["spec"][direction][rule_number][side]
                            del peers[peer]
                            if not peers:
                                del changed[number]["spec"][direction][rule_number]
                            if "ipBlock" in rule[side][peer] and peer > 0:
                                continue  # a further subnet of the same stores
                            self.assertTrue(self.problems(environment, changed), (item["metadata"]["name"], direction, rule))
                            planted += 1
        print(f"\n  planted: {planted} peers taken from the policies, one at a time, all noticed")

    @staticmethod
    def is_operators(peer, policy):
        """Rules for the operator and the other members of a store, which are no calls of ours."""
        name = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name", "")
        return name in ("cnpg-system", "redis-operator", "rabbitmq-system") or (
            peer.get("podSelector") == policy["spec"]["podSelector"])

    def test_a_rule_more_in_the_policies(self):
        extra = {
            "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]},
                       {"to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "gateway"}}}],
                        "ports": [{"port": 8080, "protocol": "TCP"}]}, {}],
            "ingress": [{"from": [{"podSelector": {}}]},
                        {"from": [{"namespaceSelector": {}}], "ports": [{"port": 5432, "protocol": "TCP"}]}, {}],
        }
        planted = 0
        for environment in ENVIRONMENTS:
            items = [item for item in manifests(environment) if item["kind"] in KINDS]
            for number, item in enumerate(items):
                if item["kind"] != "NetworkPolicy":
                    continue
                for direction, rules in extra.items():
                    operators = "cnpg.io/cluster" in str(item) or item["metadata"]["name"] in network.STORES
                    if direction == "egress" and operators:
                        continue
                    for rule in rules:
                        if item["metadata"]["name"] == "gateway" and "8080" in str(rule):
                            continue  # a pod may always reach itself
                        changed = items[:number] + [copy.deepcopy(item)] + items[number + 1:]
                        changed[number]["spec"].setdefault(direction, [])
                        changed[number]["spec"][direction] = (changed[number]["spec"][direction] or []) + [rule]
                        self.assertTrue(self.problems(environment, changed), (item["metadata"]["name"], direction, rule))
                        planted += 1
        print(f"\n  planted: {planted} rules added to the policies, one at a time, all noticed")

    def test_no_policy_at_all(self):
        items = [item for item in manifests("prod") if item["kind"] != "NetworkPolicy"]
        self.assertTrue(self.problems("prod", items))

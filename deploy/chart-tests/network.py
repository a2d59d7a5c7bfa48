"""What NetworkPolicies let through, as Kubernetes reads them: policies of a pod add up, and a pod that no policy selects for a
direction is open in it. Both ends have to allow a connection."""
import copy
import ipaddress

from render import NAMESPACE, pods
from services import ON_BROKER, OWNERS, PARTS, SERVED, SERVICES

STORES = ("postgres", "redis", "rabbitmq")
# Labels that the operators give to pods of their stores.
OPERATOR_LABELS = {
    "postgres": {"cnpg.io/cluster": "postgres"},
    "redis": {"app": "redis", "redis_setup_type": "standalone"},
    "rabbitmq": {"app.kubernetes.io/name": "rabbitmq", "app.kubernetes.io/component": "rabbitmq"},
}
# Ports that nothing listens at: a rule without ports shows there.
STRAY_PORTS = (22, 443, 12345)


def graph():
    """Who calls whom, at which port, and what Prometheus reads, by services.yaml. Everything in the namespace also asks the DNS."""
    calls = {name: [*service["calls"], *service["stores"], *(["rabbitmq"] if name in ON_BROKER else []), "collector"]
             for name, service in SERVICES.items()}
    calls |= {f"migrate-{owner}": ["postgres"] for owner in OWNERS}
    calls |= {name: part["calls"] for name, part in PARTS.items() if "calls" in part}
    # The job that makes roles is only where an operator makes the store; KEDA asks for the lengths of queues.
    calls |= {"provision": ["postgres"], "keda": ["rabbitmq"], "outside": [name for name, service in SERVICES.items() if "http" in service]}
    return {
        "calls": copy.deepcopy(calls),
        "ports": SERVED | {name: part["port"] for name, part in PARTS.items() if "port" in part},
        "managed_ports": {name: part["managed"] for name, part in PARTS.items() if "managed" in part},
        "scraped": {name: service["admin"] for name, service in SERVICES.items()} | {
            name: part["metrics"] for name, part in PARTS.items() if "metrics" in part},
    }


def nodes(items, values):
    """Name -> labels, namespace and address of everything that may talk or be talked to."""
    found = {}
    for _, _, labels, _ in pods(items):
        found[labels["app.kubernetes.io/name"]] = {"labels": labels, "namespace": NAMESPACE, "address": "172.20.1.1"}
    for store in STORES:
        if values["stores"][store]["mode"] == "operator":
            found[store] = {"labels": OPERATOR_LABELS[store], "namespace": NAMESPACE, "address": "172.20.1.2", "operator": True}
        else:
            inside = ipaddress.ip_network(values["stores"]["cidrs"][0])[10]
            found[store] = {"labels": None, "namespace": None, "address": str(inside)}
    watch = values["observability"]

    def pod(namespace, labels):
        return {"labels": labels, "namespace": namespace, "address": "172.20.2.1"}
    found["collector"] = pod(watch["namespace"], watch["collector"]["labels"])
    found["prometheus"] = pod(watch["namespace"], watch["prometheusLabels"])
    found["dns"] = pod(values["networkPolicies"]["dns"]["namespace"], values["networkPolicies"]["dns"]["labels"])
    found["keda"] = pod(values["networkPolicies"]["kedaNamespace"], {"app": "keda-operator"})
    found["smtp"] = pod(values["mail"]["namespace"], {"app": "relay"})
    edge = values["edge"]
    found["outside"] = pod(edge["namespace"], {"app": "proxy"})
    if edge["cidrs"]:
        found["outside"] = {"labels": None, "namespace": None, "address": str(ipaddress.ip_network(edge["cidrs"][0])[10])}
    # Who has no business here: elsewhere in the cluster, in the namespace itself, and on the internet.
    found["stranger"] = pod("default", {"app": "stranger"})
    found["lodger"] = pod(NAMESPACE, {"app": "lodger"})
    found["internet"] = {"labels": None, "namespace": None, "address": "203.0.113.7"}
    return found


def selects(selector, labels):
    if set(selector) - {"matchLabels"}:
        raise SystemExit(f"network: a selector this test cannot read: {selector}")
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def peer_is(peer, node):
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        address = ipaddress.ip_address(node["address"])
        return node["labels"] is None and address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(cut) for cut in block.get("except", []))
    if node["labels"] is None:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": node["namespace"]}):
            return False
    elif node["namespace"] != NAMESPACE:
        return False
    return selects(peer.get("podSelector", {}), node["labels"])


def rules_for(policies, direction, node):
    """Rules that hold for a node in a direction; None if no policy selects it, and all is open."""
    if node["namespace"] != NAMESPACE:
        return None
    mine = [policy["spec"] for policy in policies
            if selects(policy["spec"]["podSelector"], node["labels"]) and direction in policy["spec"]["policyTypes"]]
    return [rule for spec in mine for rule in spec.get(direction.lower()) or []] if mine else None


def open_ports(rules, direction, other, ports, protocol="TCP"):
    """Of PORTS those at which RULES let a node send to OTHER (Egress) or take from OTHER (Ingress)."""
    if rules is None:
        return set(ports)
    side = {"Ingress": "from", "Egress": "to"}[direction]
    found = set()
    for rule in rules:
        if not rule.get(side) or any(peer_is(peer, other) for peer in rule[side]):
            for entry in rule.get("ports") or [{"protocol": protocol}]:
                if entry["protocol"] == protocol:
                    found |= {entry["port"]} if "port" in entry else set(ports)
    return found


def expected(calls, found, values):
    """Edges (caller, callee, port) that the graph wants among what there is."""
    edges = set()
    for caller, callees in calls["calls"].items():
        for callee in callees:
            managed = callee in STORES and values["stores"][callee]["mode"] == "managed"
            if caller not in found or (caller == "keda" and managed):
                continue
            port = calls["managed_ports"].get(callee, calls["ports"][callee]) if managed else calls["ports"][callee]
            edges.add((caller, callee, port))
    for target, port in calls["scraped"].items():
        if found.get(target, {}).get("namespace") == NAMESPACE:
            edges.add(("prometheus", target, port))
    edges |= {(name, "dns", 53) for name, node in found.items()
              if node["namespace"] == NAMESPACE and name != "lodger" and not node.get("operator")}
    return edges


def problems(items, values, calls):
    """Differences between policies and graph, as lines."""
    policies = [item for item in items if item["kind"] == "NetworkPolicy"]
    found = nodes(items, values)
    want = expected(calls, found, values)
    ports = sorted({port for _, _, port in want} | set(calls["ports"].values()) | set(STRAY_PORTS))
    rules = {name: {way: rules_for(policies, way, node) for way in ("Egress", "Ingress")} for name, node in found.items()}
    wrong = []
    for caller, source in found.items():
        for callee, target in found.items():
            if caller == callee or NAMESPACE not in (source["namespace"], target["namespace"]):
                continue
            # Managed stores share their subnets: the port tells them apart.
            same = STORES if callee in STORES and target["labels"] is None else (callee,)
            wanted = {port for near, far, port in want if near == caller and far in same}
            for way, name, node, other in (("Egress", caller, source, target), ("Ingress", callee, target, source)):
                if node["namespace"] != NAMESPACE or (way == "Egress" and node.get("operator")):
                    continue
                is_open = open_ports(rules[name][way], way, other, ports)
                wrong += [f"{way.lower()} of {name}: {caller} -> {callee}:{port} is refused, and the graph has it"
                          for port in sorted(wanted - is_open)]
                wrong += [f"{way.lower()} of {name}: {caller} -> {callee}:{port} is open, and not in the graph"
                          for port in sorted(is_open - wanted)]
    for name, node in found.items():
        if node["namespace"] == NAMESPACE and name != "lodger" and 53 not in open_ports(
                rules[name]["Egress"], "Egress", found["dns"], [53], "UDP"):
            wrong.append(f"egress of {name}: DNS by UDP is refused")
    return wrong


def missing_nodes(items, calls):
    """Pods that the graph does not know."""
    return sorted({labels["app.kubernetes.io/name"] for _, _, labels, _ in pods(items)} - set(calls["calls"]))

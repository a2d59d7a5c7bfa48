"""The search for secrets: in every state and its backup, in every plan file, in everything Terraform printed.

Searched for: a value made for this run that areas and environments are given as a password, and every value that moto's Secrets
Manager holds. A place where one may be is a row of the ledger with address and attribute; what was printed has no rows.
"""
import json
import secrets
import zipfile

import tf

# What environments and areas get as a password.
KNOWN = "known-test-secret-" + secrets.token_hex(12)


def values_of(vault):
    """{value: what it is} of KNOWN and all that is in Secrets Manager (VAULT: its client)."""
    values = {KNOWN: "the known test secret"}
    for page in vault.get_paginator("list_secrets").paginate():
        for entry in page["SecretList"]:
            try:
                text = vault.get_secret_value(SecretId=entry["ARN"])["SecretString"]
            except vault.exceptions.ResourceNotFoundException:
                continue  # a secret without a value yet
            for value in passwords(text):
                values.setdefault(value, f"the value of {entry['Name']}")
    return values


def passwords(text):
    """TEXT itself, or the passwords in it when it is an object (as RDS writes it)."""
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    return [v for k, v in parsed.items() if "password" in k.lower() and isinstance(v, str)] if isinstance(parsed, dict) else [text]


class Search:
    """Collects texts, then tells where the values are."""

    def __init__(self, area):
        self.area, self.texts, self.plans = area, {}, {}

    def printed(self, command, text):
        self.texts[f"output of terraform {command}"] = text

    def state(self, folder, when):
        """Every state file and backup of FOLDER as it is now, WHEN that is."""
        found = list(folder.glob("*.tfstate*"))
        if not found:
            raise tf.Failure(f"{self.area}: no state file to search in {folder.name}")
        for path in found:
            self.texts[f"{path.name} {when}"] = path.read_text()

    def plan(self, path, show):
        """A plan file: its parts as they are on disk; SHOW gives the plan as JSON and is called only to tell where a hit is."""
        with zipfile.ZipFile(path) as packed:
            self.plans[path.name] = ({n: packed.read(n).decode("utf-8", "replace") for n in packed.namelist()}, show)

    def places(self, value):
        """(place, address, attribute) of VALUE everywhere."""
        found = set()
        for place, text in self.texts.items():
            if holds(text, value):
                found |= {(place, *at) for at in locate_in_state(text, value) or {("(no address)", "(text)")}}
        for name, (parts, show) in self.plans.items():
            hits = [part for part, text in parts.items() if holds(text, value)]
            if not hits:
                continue
            located = locate_in_plan(show(), value)
            for part in hits:
                if part.startswith("tfstate"):
                    located |= locate_in_state(parts[part], value)
            found |= {(f"plan file {name}", *at) for at in located or {("(no address)", ", ".join(hits))}}
        return found

    def judge(self, values, rows):
        """Gives the rows that were needed; raises Failure with every place that has none."""
        needed, leaks = set(), []
        for value, what in values.items():
            for place, address, attribute in sorted(self.places(value)):
                row = (self.area, address, attribute)
                if row in rows and not place.startswith("output of"):
                    needed.add(row)
                else:
                    leaks.append(f"{what} is in {place}: {address} {attribute}")
        if leaks:
            raise tf.Failure(f"{self.area}: a secret is where none may be; use an ephemeral value and a write-only argument:\n  "
                             + "\n  ".join(leaks))
        return needed

    def count(self):
        return len(self.texts) + sum(len(parts) for parts, _ in self.plans.values())


def holds(text, value):
    return value in text or json.dumps(value)[1:-1] in text


def locate_in_state(text, value):
    """{(address, attribute)} in the text of a state file; empty when TEXT is none."""
    try:
        state = json.loads(text)
    except ValueError:
        return set()
    if not isinstance(state, dict):
        return set()
    found = {(f"output.{name}", "value") for name, out in (state.get("outputs") or {}).items() if holds(json.dumps(out), value)}
    for resource in state.get("resources", []):
        kind = "data." if resource["mode"] == "data" else ""
        base = ".".join(filter(None, [resource.get("module"), f"{kind}{resource['type']}.{resource['name']}"]))
        for instance in resource["instances"]:
            key = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
            found |= {(base + key, name) for name, held in (instance.get("attributes") or {}).items() if holds(json.dumps(held), value)}
    return found


def locate_in_plan(plan, value):
    """{(address, attribute)} in a plan as JSON: variables, outputs, resources; else the path of keys."""
    found = {(f"var.{name}", "value") for name, held in (plan.get("variables") or {}).items() if holds(json.dumps(held), value)}
    rest = {k: v for k, v in plan.items() if k != "variables"}
    _walk(rest, value, None, [], found)
    return found


def _walk(node, value, address, path, found):
    if not holds(json.dumps(node), value):
        return
    if isinstance(node, dict):
        if isinstance(node.get("address"), str) and "type" in node:
            address, path = node["address"], []
        for key, child in node.items():
            _walk(child, value, address, path + [key], found)
    elif isinstance(node, list) and not (address and _attribute(path)):
        for child in node:
            _walk(child, value, address, path, found)
    elif address and _attribute(path):
        found.add((address, _attribute(path)))
    elif path[:1] == ["output_changes"] or "outputs" in path[:3]:
        name = path[1] if path[0] == "output_changes" else path[path.index("outputs") + 1]
        found.add((f"output.{name}", "value"))
    else:
        found.add((address or "(no address)", ".".join(path)))


def _attribute(path):
    """The attribute that a path of keys, from the resource on, is in: what follows values, before or after."""
    return next((path[at + 1] for at, key in enumerate(path[:-1]) if key in ("values", "before", "after")), None)

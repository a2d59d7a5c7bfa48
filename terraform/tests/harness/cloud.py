"""The apply stage: each area of tests/areas on a moto server of its own. Apply, look through boto3, plan again, destroy.

An area is a folder with main.tf (the modules as an environment calls them, no provider block), check.py with
`check(cloud)`, and maybe `targets`: one address per line, when moto cannot hold the rest (each then in exemptions.md).
Where moto needs other settings than AWS, check.py also has `prepare(folder)`, called before the apply.
"""
import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3

import tf

# Handed to every area that declares var.test_secret (ephemeral): a value that no state, plan or output may hold.
KNOWN_SECRET = "known-test-secret-" + secrets.token_hex(12)

# What examples leave out, because only AWS can say it; shaped as the real ones, for plans without an account.
VERSIONS = {
    "TF_VAR_addon_versions": json.dumps({name: "v1.0.0-eksbuild.1" for name in (
        "vpc-cni", "eks-pod-identity-agent", "kube-proxy", "coredns", "metrics-server", "aws-ebs-csi-driver")}),
    "TF_VAR_node_release_version": "1.35.0-20260101",
}

PROVIDER = """
provider "aws" {
  region                      = "eu-central-1"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
"""  # the account id must be looked up: without it several resources never plan clean


class Cloud:
    """What check.py gets: `see` compares and counts, `aws` is a boto3 client, `out` the outputs of the area."""

    def __init__(self, area, folder, port, env):
        self.area, self.folder, self.env = area, folder, env
        self.endpoint = f"http://127.0.0.1:{port}"
        self.out, self.seen, self.secret = {}, 0, KNOWN_SECRET

    def aws(self, service):
        return boto3.client(service, endpoint_url=self.endpoint, region_name="eu-central-1",
                            aws_access_key_id="testing", aws_secret_access_key="testing")

    def see(self, what, actual, wanted):
        self.seen += 1
        if actual != wanted:
            raise tf.Failure(f"{self.area}: {what}: wanted {wanted!r}, moto has {actual!r}")


class Server:
    """moto on a free port of loopback, for as long as the `with` block lasts."""

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        env = tf.environment(MOTO_IAM_LOAD_MANAGED_POLICIES="true", MOTO_ACM_VALIDATION_WAIT="1")
        self.process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                                        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/moto-api/data.json", timeout=5).read()
                return self
            except OSError:
                time.sleep(0.2)
        self.__exit__()
        raise tf.Failure("the moto server did not answer within 60 s")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)


def areas(only=None):
    found = sorted(p.parent.name for p in (tf.ROOT / "tests" / "areas").glob("*/main.tf"))
    unknown = set(only or []) - set(found)
    if unknown:
        raise tf.Failure(f"no such area: {', '.join(sorted(unknown))}; there are {', '.join(found)}")
    return [name for name in found if not only or name in only]


def run_area(name, ledger):
    """Gives a dict: seen (assertions), types (resource types applied), drift and leaks (ledger rows that were needed)."""
    folder = tf.COPY / "tests" / "areas" / name
    if (folder / "backend.tf").exists():
        raise tf.Failure(f"{name}: an area keeps its state in its folder; remove backend.tf")
    (folder / "provider_of_the_harness.tf").write_text(PROVIDER)
    prepare_of(folder)(folder)
    with Server() as server:
        env = tf.environment(AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.port}", TF_VAR_test_secret=KNOWN_SECRET)
        cloud = Cloud(name, folder, server.port, env)
        return steps(cloud, ledger)


def steps(cloud, ledger):
    folder, env = cloud.folder, cloud.env
    targets = folder / "targets"
    aim = [f"-target={line.strip()}" for line in targets.read_text().splitlines() if line.strip()] if targets.exists() else []
    tf.init(folder, env)
    tf.run(folder, "apply", "-auto-approve", "-input=false", "-no-color", *aim, env=env)
    _, out = tf.run(folder, "output", "-json", env=env)
    cloud.out = {key: value["value"] for key, value in json.loads(out).items()}
    check_of(folder)(cloud)
    code, _ = tf.run(folder, "plan", "-detailed-exitcode", "-input=false", "-no-color", "-out=second", *aim, env=env, codes=(0, 2))
    plan = tf.show_json(folder, "second", env)
    drift = explain_drift(cloud.area, plan, ledger["Drift"]) if code == 2 else set()
    state = tf.show_json(folder, env=env)
    leaks = search_secrets(cloud, plan, ledger["Secret in state"])
    tf.run(folder, "destroy", "-auto-approve", "-input=false", "-no-color", *aim, env=env)
    return {"seen": cloud.seen, "types": types_of(state["values"]["root_module"]), "drift": drift, "leaks": leaks}


def plan_environment(folder):
    """Plans an environment as its example says, on an empty account of moto; gives the number of resources it makes."""
    (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    with Server() as server:
        env = tf.environment(AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.port}", TF_VAR_broker_bootstrap_password=KNOWN_SECRET, **VERSIONS)
        tf.run(folder, "init", "-input=false", "-no-color", env=env)
        tf.run(folder, "plan", "-input=false", "-no-color", "-var-file=terraform.tfvars.example", "-out=first", env=env)
        plan = tf.show_json(folder, "first", env)
    return sum(c["mode"] == "managed" and "create" in c["change"]["actions"] for c in plan["resource_changes"])


def check_of(folder):
    return part_of(folder).check


def prepare_of(folder):
    return getattr(part_of(folder), "prepare", lambda _: None) if (folder / "check.py").exists() else lambda _: None


def part_of(folder):
    spec = importlib.util.spec_from_file_location(f"check_{folder.name}", folder / "check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def types_of(module):
    found = {r["type"] for r in module.get("resources", []) if r["mode"] == "managed"}
    for child in module.get("child_modules", []):
        found |= types_of(child)
    return found


def explain_drift(area, plan, rows):
    """Every difference of the second plan must be a row of the ledger; gives the rows that were needed."""
    needed, unexplained = set(), []
    for change in plan.get("resource_changes", []):
        if change["change"]["actions"] in (["no-op"], ["read"]):
            continue
        before, after = change["change"]["before"] or {}, change["change"]["after"] or {}
        unknown = change["change"].get("after_unknown") or {}
        replaced = "delete" in change["change"]["actions"]
        keys = {k for k in {**before, **after} if (before.get(k) or None) != (after.get(k) or None) and not (replaced and unknown.get(k))}
        for key in sorted(keys) or ["(whole resource)"]:
            row = next((tuple(r) for r in rows if r[0] == area and r[1] == change["address"] and r[2] == key), None)
            if row:
                needed.add(row)
            else:
                unexplained.append(f"{change['address']} {key}: {before.get(key)!r} -> {after.get(key)!r}")
    for name, change in (plan.get("output_changes") or {}).items():
        if change["actions"] != ["no-op"] and not needed:
            unexplained.append(f"output {name}: {change['before']!r} -> {change['after']!r}")
    if unexplained:
        raise tf.Failure(f"{area}: the second plan is not clean and exemptions.md (Drift) has no row for:\n  " + "\n  ".join(unexplained))
    return needed


def search_secrets(cloud, plan, rows):
    """The known test secret and every value moto stores as a secret must be absent from state, backup, plan and outputs."""
    values = {KNOWN_SECRET: "the known test secret"}
    vault = cloud.aws("secretsmanager")
    for page in vault.get_paginator("list_secrets").paginate():
        for entry in page["SecretList"]:
            try:
                values[vault.get_secret_value(SecretId=entry["ARN"])["SecretString"]] = f"the value of {entry['Name']}"
            except vault.exceptions.ResourceNotFoundException:
                continue  # a secret without a value yet
    texts = {p.name: p.read_text() for p in cloud.folder.glob("*.tfstate*")} | {"second plan": json.dumps(plan)}
    if "terraform.tfstate" not in texts:
        raise tf.Failure(f"{cloud.area}: no state file to search")
    allowed = next((tuple(row) for row in rows if row[0] == cloud.area), None)
    needed = set()
    for value, what in values.items():
        for place, text in texts.items():
            if value not in text and json.dumps(value)[1:-1] not in text:
                continue
            if not allowed:
                raise tf.Failure(f"{cloud.area}: {what} is in {place}; use an ephemeral value and a write-only argument")
            needed.add(allowed)
    cloud.see("secrets searched for", len(values) >= 1, True)
    return needed

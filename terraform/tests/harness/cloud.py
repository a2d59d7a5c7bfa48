"""The apply stage: each area of tests/areas on a moto server of its own. Plan, apply, look through boto3, plan again, destroy.

An area is a folder with main.tf (the modules as an environment calls them, no provider block), check.py with
`check(cloud)`, and maybe `targets`: one address per line, when moto cannot hold the rest (each then in exemptions.md).
Where moto needs other settings than AWS, check.py also has `prepare(folder)`, called before the apply.
With *.tftest.hcl instead of check.py it is applied and destroyed by terraform test, on moto except what those files override.
"""
import importlib.util
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
from botocore.config import Config

import children
import drift
import leaks
import provider
import tf

PROVIDER = """
provider "aws" {
  region                      = "eu-central-1"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
"""  # the account id must be looked up: without it several resources never plan clean

# What examples leave out, because only AWS can say it; shaped as the real ones, for plans without an account.
VERSIONS = {
    "TF_VAR_addon_versions": json.dumps({name: "v1.0.0-eksbuild.1" for name in (
        "vpc-cni", "eks-pod-identity-agent", "kube-proxy", "coredns", "metrics-server", "aws-ebs-csi-driver")}),
    "TF_VAR_node_release_version": "1.35.0-20260101",
}

# Areas that mostly wait (the provider sleeps between its looks at a new database, a DNS change, a bucket) start first.
LONGEST = ["postgres", "eks", "cluster", "dns", "bootstrap", "storage", "network"]


class Cloud:
    """What check.py gets: `see` compares and counts, `aws` is a boto3 client, `out` the outputs of the area."""

    def __init__(self, area, folder, endpoint, env):
        self.area, self.folder, self.endpoint, self.env = area, folder, endpoint, env
        self.out, self.seen, self.secret = {}, 0, leaks.KNOWN
        self.session = boto3.session.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-central-1")

    def aws(self, service):
        return self.session.client(service, endpoint_url=self.endpoint,
                                   config=Config(retries={"max_attempts": 1}, connect_timeout=10, read_timeout=60))

    def see(self, what, actual, wanted):
        self.seen += 1
        if actual != wanted:
            raise tf.Failure(f"{self.area}: {what}: wanted {wanted!r}, moto has {actual!r}")


class Server:
    """moto on a free port of loopback, for as long as the `with` block lasts."""

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        env = tf.environment(MOTO_IAM_LOAD_MANAGED_POLICIES="true", MOTO_ACM_VALIDATION_WAIT="1")
        self.process = children.start([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port],
                                      env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.endpoint}/moto-api/data.json", timeout=5).read()
                return self
            except OSError:
                time.sleep(0.2)
        self.__exit__()
        if children.stopped():
            raise children.Stopped()
        raise tf.Failure("the moto server did not answer within 120 s")

    def __exit__(self, *_):
        children.end(self.process)


def areas(only=None):
    found = sorted(p.parent.name for p in (tf.ROOT / "tests" / "areas").glob("*/main.tf"))
    unknown = set(only or []) - set(found)
    if unknown:
        raise tf.Failure(f"no such area: {', '.join(sorted(unknown))}; there are {', '.join(found)}")
    chosen = [name for name in found if not only or name in only]
    return sorted(chosen, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))


def run_area(tree, name, book):
    """Applies area NAME of TREE. Gives a dict: seen (facts), types (applied), drift and leaks (ledger rows that were needed)."""
    folder = tree / "tests" / "areas" / name
    if (folder / "backend.tf").exists():
        raise tf.Failure(f"{name}: an area keeps its state in its folder; remove backend.tf")
    (folder / "provider_of_the_harness.tf").write_text(PROVIDER)
    checks = part_of(folder) if (folder / "check.py").exists() else None
    if hasattr(checks, "prepare"):
        checks.prepare(folder)
    with Server() as server, provider.Shared(f"{tree.parent.name}-{name}", AWS_ENDPOINT_URL=server.endpoint, TF_VAR_test_secret=leaks.KNOWN) as shared:
        if not checks:
            return hybrid(folder, shared.env)
        return steps(Cloud(name, folder, server.endpoint, shared.env), checks.check, book)


def steps(cloud, check, book):
    folder, env, search = cloud.folder, cloud.env, leaks.Search(cloud.area)

    def terraform(*words, codes=(0,)):
        code, out = tf.run(folder, *words, "-no-color", env=env, codes=codes)
        search.printed(f"{words[0]} {words[-1]}", out)
        return code, out

    targets = folder / "targets"
    aim = [f"-target={line.strip()}" for line in targets.read_text().splitlines() if line.strip()] if targets.exists() else []
    tf.init(folder, env)
    terraform("plan", "-input=false", *aim, "-out=first")
    terraform("apply", "-input=false", "first")
    state = json.loads((folder / "terraform.tfstate").read_text())
    cloud.out = {name: out["value"] for name, out in state["outputs"].items()}
    check(cloud)
    code, _ = terraform("plan", "-detailed-exitcode", "-input=false", *aim, "-out=second", codes=(0, 2))
    different = drift.explain(cloud.area, tf.show_json(folder, "second", env), book["Drift"]) if code == 2 else set()
    for name in ("first", "second"):
        search.plan(folder / name, lambda name=name: tf.show_json(folder, name, env))
    search.state(folder, "after apply")
    secret = leaks.values_of(cloud.aws("secretsmanager"))
    terraform("destroy", "-auto-approve", "-input=false")  # without targets: all that is in the state goes
    search.state(folder, "after destroy")
    leaked = search.judge(secret, book["Secret in state"])
    left = [r["type"] for r in json.loads((folder / "terraform.tfstate").read_text())["resources"] if r["mode"] == "managed"]
    if left:
        raise tf.Failure(f"{cloud.area}: still in the state after destroy: {', '.join(sorted(left))}")
    return {"seen": cloud.seen, "types": {r["type"] for r in state["resources"] if r["mode"] == "managed"},
            "drift": different, "leaks": leaked, "secrets": len(secret), "texts": search.count()}


def hybrid(folder, env):
    """terraform test of an area on moto; a dict as steps() gives, with asserts for facts. No ledger row can excuse anything here."""
    asserts = sum(len(re.findall(r"^\s+assert \{", path.read_text(), re.M)) for path in folder.glob("*.tftest.hcl"))
    tf.init(folder, env)
    code, out = tf.run(folder, "test", "-no-color", env=env, codes=(0, 1))
    if code or not re.search(r"[1-9]\d* passed, 0 failed", out) or not asserts:
        raise tf.Failure(f"{folder.name}: it does not apply as a whole\n{out[-4000:]}")
    return {"seen": asserts, "hybrid": True, "types": set(), "drift": set(), "leaks": set(), "secrets": 0, "texts": 0}


def plan_environment(folder, book):
    """Plans an environment as its example says, on an empty account of moto; gives the number of resources it makes."""
    area, search = f"environments/{folder.name}", leaks.Search(f"environments/{folder.name}")
    (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    with Server() as server:
        env = tf.environment(AWS_ENDPOINT_URL=server.endpoint, TF_VAR_broker_bootstrap_password=leaks.KNOWN, **VERSIONS)
        tf.run(folder, "init", "-input=false", "-no-color", env=env)
        _, out = tf.run(folder, "plan", "-input=false", "-no-color", "-var-file=terraform.tfvars.example", "-out=first", env=env)
        search.printed("plan", out)
        plan = tf.show_json(folder, "first", env)
        search.plan(folder / "first", lambda: plan)
        secret = leaks.values_of(Cloud(area, folder, server.endpoint, env).aws("secretsmanager"))
    made = sum(c["mode"] == "managed" and "create" in c["change"]["actions"] for c in plan["resource_changes"])
    return {"resources": made, "leaks": search.judge(secret, book["Secret in state"]), "secrets": len(secret), "texts": search.count()}


def part_of(folder):
    spec = importlib.util.spec_from_file_location(f"check_{folder.name}", folder / "check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

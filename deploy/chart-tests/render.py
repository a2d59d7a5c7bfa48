"""Renders the chart with Helm, and reads what is checked in as rendered."""
import functools
import os
import pathlib
import re
import shutil
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
RENDERED = ROOT / "deploy/rendered"
TOOLS = ROOT / "target/chart-tools/bin"
ENVIRONMENTS = ("default", "dev", "prod")
# The C loader reads the dashboards ten times faster; not every machine has it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The namespace that manifests are rendered for.
NAMESPACE = "signalbox"


def tool(name):
    """A program: named by its variable, in target/chart-tools (make chart-tools) or on PATH; None if nowhere."""
    named = os.environ.get(name.upper().replace("-", "_"))
    if named:
        return named
    return str(TOOLS / name) if (TOOLS / name).is_file() else shutil.which(name)


def helm_template(helm, environment, *extra, stdin=""):
    """Runs helm template; the result has returncode, stdout and stderr."""
    values = [] if environment == "default" else ["-f", str(ROOT / f"deploy/chart/values-{environment}.yaml")]
    return subprocess.run(
        [helm, "template", "signalbox", str(ROOT / "deploy/chart"), "--namespace", NAMESPACE,
         "--kube-version", "1.35.0", *values, *extra], input=stdin, capture_output=True, text=True, check=False)


def render_files(helm, environment):
    """File name -> text, one file for each template."""
    result = helm_template(helm, environment)
    if result.returncode:
        raise SystemExit(f"chart: {environment} does not render: {result.stderr.strip()}")
    files = {}
    for part in re.split(r"^---\n", result.stdout, flags=re.MULTILINE):
        source = re.match(r"# Source: signalbox/templates/(\S+)\n", part)
        if not source or not yaml.safe_load(part):
            continue
        body = part[source.end():].strip("\n")
        files.setdefault(source[1], []).append("---\n" + body + "\n")
    return {name: "".join(parts) for name, parts in sorted(files.items())}


def read(folder):
    """Manifests of a folder."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            found += [item for item in yaml.load_all(path.read_text(), LOADER) if item]
    return found


@functools.cache
def manifests(environment):
    """Manifests checked in for an environment; shared, so copy before you change one."""
    return read(RENDERED / environment)


def pods(items):
    """(kind, name, labels, spec) of every pod that manifests of ours make."""
    for item in items:
        if item["kind"] in ("Deployment", "Rollout", "Job", "StatefulSet", "DaemonSet"):
            template = item["spec"]["template"]
            yield item["kind"], item["metadata"]["name"], template["metadata"]["labels"], template["spec"]


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]

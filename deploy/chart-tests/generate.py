"""Writes what the chart has of other folders: files/, values.schema.json and deploy/rendered (`scripts/chart sync`).

--check writes nothing and exits with 1 if something is not up to date; --without-helm leaves deploy/rendered alone.
"""
import fnmatch
import json
import pathlib
import re
import sys
import tomllib

import yaml

from render import ENVIRONMENTS, ROOT, render_files, tool
from services import SERVICES

CHART = ROOT / "deploy/chart"
RENDERED = ROOT / "deploy/rendered"
# Set by the chart, which knows addresses and neighbours, or by a Secret: no business of values.
SET_BY_CHART = {"address", "otlp_endpoint", "environment", "instance", "worker_threads", "migrate", "host", "port", "ca_file"}
SET_BY_SECRET = {"admin_password", "password"}


def copies():
    """Path in the chart -> text, of every file that the chart has a copy of, as Helm reads its own folder only."""
    found = {"files/services.yaml": (ROOT / "services.yaml").read_text()}
    for path in sorted((ROOT / "observability/prometheus/rules/prod").glob("*.yml")):
        found[f"files/rules/{path.name}"] = path.read_text()
    for path in sorted((ROOT / "grafana/dashboards").glob("*/*.json")):
        found[f"files/dashboards/{path.parent.name}/{path.name}"] = path.read_text()
    for name in ("init.sh", "provision.sql", "metrics.sql"):
        found[f"files/postgres/{name}"] = (ROOT / "deploy/postgres" / name).read_text()
    return found


def config_schema(service):
    """Sections and keys of a service that values may set, from the file that is compiled into it."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    sections = {}
    for section, keys in tomllib.loads((ROOT / f"services/{service}/config.toml").read_text()).items():
        allowed = {}
        for key, default in keys.items():
            url = key == "url"
            if url or key in SET_BY_SECRET or (key in SET_BY_CHART and section != "mail"):
                continue
            allowed[key] = {"type": kinds[type(default)]}
        if allowed:
            sections[section] = {"type": "object", "additionalProperties": False, "properties": allowed}
    return {"type": "object", "additionalProperties": False, "properties": sections}


def descriptions():
    """Path of a value -> the comment above it."""
    found, comment, stack = {}, [], []
    for line in (CHART / "values.yaml").read_text().splitlines():
        if line.strip().startswith("#"):
            comment.append(line.strip().lstrip("# "))
        elif match := re.match(r"( *)([A-Za-z0-9]+):", line):
            stack = [entry for entry in stack if entry[0] < len(match[1])] + [(len(match[1]), match[2])]
            if comment:
                found[".".join(name for _, name in stack)] = " ".join(comment)
            comment = []
        else:
            comment = []
    return found


def schema_of(value, path, rules, comments):
    match = next((rule for pattern, rule in rules.items() if fnmatch.fnmatchcase(path, pattern)), {})
    extra = {key: rule for key, rule in match.items() if key != "map"}
    if path in comments:
        extra["description"] = comments[path]
    if match.get("map"):
        return {"type": "object", "additionalProperties": {"type": "string"}, **extra}
    if isinstance(value, dict):
        service = re.fullmatch(r"services\.(\w+)\.config", path)
        if service:
            return config_schema(service[1])
        inner = {key: schema_of(below, f"{path}.{key}".lstrip("."), rules, comments) for key, below in value.items()}
        return {"type": "object", "additionalProperties": False, "properties": inner, **extra}
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return {"type": kinds[type(value)], **extra}


def schema():
    rules = json.loads((ROOT / "deploy/chart-tests/schema.rules.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    unknown = set(values["services"]) - set(SERVICES)
    if unknown:
        raise SystemExit(f"chart: values.yaml has services that services.yaml does not list: {', '.join(sorted(unknown))}")
    values["services"] = {name: {"digest": ""} | values["serviceDefaults"] | values["services"].get(name, {}) | {"config": {}} for name in SERVICES}
    top = schema_of(values, "", rules, descriptions())
    top["properties"]["global"] = {"type": "object"}  # Helm itself sets it where the chart is part of another
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **top}, indent=1) + "\n"


def wanted(helm):
    """Path in the repository -> text of everything generated; the rendered manifests only with helm."""
    files = {f"deploy/chart/{name}": text for name, text in copies().items()}
    files["deploy/chart/values.schema.json"] = schema()
    return files


def rendered(helm):
    files = {}
    for environment in ENVIRONMENTS:
        names = []
        for name, text in render_files(helm, environment).items():
            files[f"deploy/rendered/{environment}/{name}"] = text
            names.append(name)
        listing = "".join(f"  - {name}\n" for name in sorted(names))
        files[f"deploy/rendered/{environment}/kustomization.yaml"] = (
            "# Written by `make chart`. Without Helm, hooks are plain objects: run the migrate-* jobs before the rest.\n"
            f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: signalbox\nresources:\n{listing}")
    return files


def differences(files, folders):
    """What on disk is not as wanted: paths that differ, are missing, or are there and should not be."""
    wrong = [path for path, text in files.items()
             if not (ROOT / path).is_file() or (ROOT / path).read_text() != text]
    for folder in folders:
        there = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.is_file()}
        wrong += sorted(path for path in there - set(files) if pathlib.Path(path).name != "README.md")
    return sorted(set(wrong))


def write(files, folders):
    for path in differences(files, folders):
        if path in files:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(files[path])
        else:
            (ROOT / path).unlink()
        print(f"written: {path}" if path in files else f"removed: {path}")


def main():
    helm, check, wrong = tool("helm"), "--check" in sys.argv, []
    steps = [(lambda: wanted(helm), ["deploy/chart/files"])]
    if "--without-helm" not in sys.argv:
        if not helm:
            sys.exit("chart: no helm: run `make chart-tools`, or name one by HELM; --without-helm leaves deploy/rendered alone")
        steps.append((lambda: rendered(helm), ["deploy/rendered"]))
    for step, folders in steps:
        files = step()
        wrong += differences(files, folders)
        if not check:
            write(files, folders)
    if check and wrong:
        sys.exit("chart: not up to date; run `make chart`:\n  " + "\n  ".join(wrong))
    print(f"chart: {'up to date' if check else 'done'}")


if __name__ == "__main__":
    main()

"""Migrations run before the pods that need them, never on the way back, and as the owner of the schema."""
import copy
import re
import tomllib
import unittest

import yaml

from render import ENVIRONMENTS, LOADER, helm_template, manifests, tool
from services import OWNERS
from stores import secret_files

HELM = tool("helm")
HOOK, WEIGHT = "helm.sh/hook", "helm.sh/hook-weight"


def by_kind(items, kind):
    return {item["metadata"]["name"]: item for item in items if item["kind"] == kind}


def annotations(item):
    return item["metadata"].get("annotations", {})


def problems(items):
    """What of the hooks of a release (mode hook) is not as an upgrade and a rollback need it."""
    wrong = []
    for item in items:
        hook = annotations(item).get(HOOK)
        name = f"{item['kind']} {item['metadata']['name']}"
        # Nothing runs on helm rollback or helm uninstall: schemas and their rows stay.
        if hook not in (None, "pre-install,pre-upgrade"):
            wrong.append(f"{name}: is a hook of {hook}")
        if hook and not item["metadata"]["name"].startswith("migrate"):
            wrong.append(f"{name}: is a hook, so a rollback does not bring it back")
    jobs, services = by_kind(items, "Job"), by_kind(items, "Rollout") | by_kind(items, "Deployment")
    accounts, secrets = by_kind(items, "ServiceAccount"), by_kind(items, "ExternalSecret")
    config = by_kind(items, "ConfigMap")
    for service in OWNERS:
        job = jobs.get(f"migrate-{service}")
        if not job or HOOK not in annotations(job):
            wrong.append(f"migrate-{service}: does not run before the pods")
            continue
        spec = job["spec"]["template"]["spec"]
        container = spec["containers"][0]
        if container["args"] != ["migrate"]:
            wrong.append(f"migrate-{service}: runs {container['args']}")
        if container["image"] != services[service]["spec"]["template"]["spec"]["containers"][0]["image"]:
            wrong.append(f"migrate-{service}: is not of the program that needs the schema")
        for needed in (accounts[spec["serviceAccountName"]], secrets[f"migrate-{service}"]):
            if int(annotations(needed).get(WEIGHT, "99")) >= int(annotations(job)[WEIGHT]):
                wrong.append(f"migrate-{service}: starts before {needed['kind']} {needed['metadata']['name']} is there")
        if "before-hook-creation" not in annotations(job)["helm.sh/hook-delete-policy"]:
            wrong.append(f"migrate-{service}: a second upgrade meets the job of the first")
        url = tomllib.loads(secret_files(items)[f"migrate-{service}"]["config.toml"])["database"]["url"]
        if not url.startswith(f"postgres://{service}_owner:"):
            wrong.append(f"migrate-{service}: connects as {url.split(':')[1]}")
        if config[service]["data"].get(f"SIGNALBOX_{service.upper()}_DATABASE_MIGRATE") != "false":
            wrong.append(f"{service}: migrates by itself when it starts, as a user who may not")
    return wrong


class Migrations(unittest.TestCase):
    def test_jobs_before_pods_and_nothing_on_the_way_back(self):
        for environment in ("default", "prod"):
            self.assertEqual(problems(manifests(environment)), [])

    def test_without_hooks_each_image_has_a_job_of_its_own(self):
        for item in manifests("dev"):
            self.assertNotIn(HOOK, annotations(item), item["metadata"]["name"])
        jobs = [name for name in by_kind(manifests("dev"), "Job") if name.startswith("migrate")]
        self.assertEqual(sorted(re.sub(r"-[0-9a-f]{8}$", "", name) for name in jobs), sorted(f"migrate-{service}" for service in OWNERS))

    @unittest.skipUnless(HELM, "helm is not installed: make chart-tools")
    def test_another_image_is_another_job(self):
        text = helm_template(HELM, "dev", "--set", "services.auth.digest=sha256:" + "a" * 64).stdout
        other = by_kind([item for item in yaml.load_all(text, LOADER) if item], "Job")
        before = set(by_kind(manifests("dev"), "Job"))
        self.assertEqual({re.sub(r"-[0-9a-f]{8}$", "", name) for name in set(other) ^ before}, {"migrate-auth"})

    def test_planted_faults_are_noticed(self):
        faults = {
            "on the way back": lambda item: annotations(item).update({HOOK: "pre-install,pre-upgrade,pre-rollback"}),
            "on uninstall": lambda item: annotations(item).update({HOOK: "post-delete"}),
            "no hook": lambda item: annotations(item).pop(HOOK),
            "too early": lambda item: annotations(item).update({WEIGHT: "-20"}),
            "other verb": lambda item: item["spec"]["template"]["spec"]["containers"][0].update(args=["serve"]),
            "other image": lambda item: item["spec"]["template"]["spec"]["containers"][0].update(image="signalbox/auth:0.0.9"),
            "never deleted": lambda item: annotations(item).update({"helm.sh/hook-delete-policy": "hook-succeeded"}),
        }
        planted = 0
        for environment in ("default", "prod"):
            items = manifests(environment)
            for number, item in enumerate(items):
                if item["kind"] == "Job":
                    for fault, plant in faults.items():
                        changed = copy.deepcopy(item)
                        plant(changed)
                        self.assertTrue(problems([*items[:number], changed, *items[number + 1:]]), (fault, item["metadata"]["name"]))
                        planted += 1
        print(f"\n  planted: {planted} faults in jobs of migrations, all noticed")

    def test_environments_are_what_they_say(self):
        self.assertEqual({environment: bool(by_kind(manifests(environment), "Cluster")) for environment in ENVIRONMENTS},
                         {"default": False, "dev": True, "prod": False})

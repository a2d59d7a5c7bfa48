"""What is generated is up to date, configuration names keys that exist, and Helm refuses values that are wrong."""
import tomllib
import unittest

import yaml

import generate
from render import ENVIRONMENTS, LOADER, ROOT, helm_template, manifests, pods, tool
from services import SERVICES

HELM = tool("helm")
needs_helm = unittest.skipUnless(HELM, "helm is not installed: make chart-tools")


class Generated(unittest.TestCase):
    def test_copies_and_schema_are_up_to_date(self):
        self.assertEqual(generate.differences(generate.wanted(HELM), ["deploy/chart/files"]), [])

    @needs_helm
    def test_rendered_manifests_are_up_to_date(self):
        self.assertEqual(generate.differences(generate.rendered(HELM), ["deploy/rendered"]), [])

    def test_planted_drift_is_noticed(self):
        files = generate.wanted(HELM)
        path = "deploy/chart/files/rules/slo.yml"
        self.assertEqual(generate.differences(files | {path: files[path] + "#"}, ["deploy/chart/files"]), [path])
        del files[path]
        self.assertEqual(generate.differences(files, ["deploy/chart/files"]), [path])

    def test_variables_name_keys_of_the_services(self):
        checked = 0
        for environment in ENVIRONMENTS:
            found = {item["metadata"]["name"]: item["data"] for item in manifests(environment) if item["kind"] == "ConfigMap"}
            for service in SERVICES:
                keys = {f"SIGNALBOX_{service}_{section}_{key}".upper() for section, entries in
                        tomllib.loads((ROOT / f"services/{service}/config.toml").read_text()).items() for key in entries}
                self.assertEqual(set(found[service]) - keys, set())
                checked += len(found[service])
        print(f"\n  {checked} variables name a key of their service")

    def test_files_of_secrets_name_keys_of_the_services(self):
        for environment in ("default", "prod"):
            for item in manifests(environment):
                if item["kind"] != "ExternalSecret" or "config.toml" not in item["spec"]["target"]["template"]["data"]:
                    continue
                service = item["metadata"]["name"].removeprefix("migrate-")
                defaults = tomllib.loads((ROOT / f"services/{service}/config.toml").read_text())
                text = item["spec"]["target"]["template"]["data"]["config.toml"]
                for section, keys in tomllib.loads(text).items():
                    self.assertEqual(set(keys) - set(defaults[section]), set(), item["metadata"]["name"])


@needs_helm
class Switches(unittest.TestCase):
    def test_combinations_that_cannot_work_are_refused(self):
        for environment, settings, named in (
                ("dev", ["migrations.mode=hook"], "Set migrations.mode to job"),
                ("prod", ["edge.kind=ingress"], "rollouts.weightedRoute needs edge.kind gateway"),
                ("prod", ["stores.cidrs=null"], "stores.cidrs is empty")):
            result = helm_template(HELM, environment, *(part for setting in settings for part in ("--set", setting)))
            self.assertNotEqual(result.returncode, 0, settings)
            self.assertIn(named, result.stderr)

    def test_every_switch_renders(self):
        rendered = 0
        for environment in ENVIRONMENTS:
            for settings in (["edge.kind=ingress", "rollouts.weightedRoute=false"], ["edge.kind=none", "rollouts.weightedRoute=false"],
                             ["edge.kind=gateway", "edge.className=", "edge.timeoutSeconds=30"],
                             ["keda.enabled=false"], ["autoscaling.enabled=false"], ["rollouts.enabled=false"], ["exporters.enabled=false"],
                             ["monitors.enabled=false"], ["rules.enabled=false"], ["networkPolicies.enabled=false"], ["pods.userNamespaces=true"], ["stores.rabbitmq.caConfigMap=mq-ca"],
                             ["dashboards.enabled=true"], ["secrets.mode=existing"], ["image.registry=registry.example"],
                             ["services.auth.config.bootstrap.admin_email=admin@shop.example"],
                             ["services.notification.config.smtp.username=shop"], ["mail.cidrs={10.9.0.0/24}"]):
                result = helm_template(HELM, environment, *(part for setting in settings for part in ("--set", setting)))
                self.assertEqual(result.returncode, 0, (environment, settings, result.stderr))
                rendered += 1
        print(f"\n  {rendered} combinations of switches render")

    def test_a_digest_wins_over_the_tag(self):
        digest = "sha256:" + "a" * 64
        text = helm_template(HELM, "prod", "--set", f"services.auth.digest={digest}", "--set", "image.registry=registry.example/shop").stdout
        self.assertEqual(text.count(f"registry.example/shop/signalbox/auth@{digest}"), 2)  # the service and its migration

    def test_user_namespaces_are_a_switch(self):
        for setting, wanted in (("true", False), ("false", None)):
            text = helm_template(HELM, "prod", "--set", f"pods.userNamespaces={setting}").stdout
            for _, name, _, spec in pods(item for item in yaml.load_all(text, LOADER) if item):
                self.assertEqual(spec.get("hostUsers"), wanted, name)

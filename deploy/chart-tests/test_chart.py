"""What is generated is up to date, configuration names keys that exist, and Helm refuses values that are wrong."""
import tomllib
import unittest

import generate
from render import ENVIRONMENTS, ROOT, helm_template, manifests, tool

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
            for service in generate.SERVICES:
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
class Values(unittest.TestCase):
    WRONG = {  # what is set: what the refusal names
        "gatway.replicas=3": "gatway",
        "services.gatway.replicas=3": "gatway",
        "services.gateway.replcas=3": "replcas",
        "services.gateway.replicas=0": "/services/gateway/replicas",
        "services.gateway.replicas=many": "/services/gateway/replicas",
        "services.gateway.memory=lots": "/services/gateway/memory",
        "services.gateway.digest=sha256:12": "/services/gateway/digest",
        "services.gateway.config.rate_limit.per_secnd=3": "per_secnd",
        "services.gateway.config.http.address=0.0.0.0:1": "address",
        "services.auth.config.database.url=postgres://a:b@c/d": "url",
        "services.auth.config.bootstrap.admin_password=x": "admin_password",
        "services.notification.config.smtp.password=x": "password",
        "stores.postgres.mode=self-made": "/stores/postgres/mode",
        "stores.cidrs={0.0.0.0/0}": "/stores/cidrs/0",
        "rollouts.stepSeconds=30": "/rollouts/stepSeconds",
        "edge.kind=nginx": "/edge/kind",
        "migrations.mode=never": "/migrations/mode",
        "operators.rabbitmq.replicas=2": "/operators/rabbitmq/replicas",
    }

    def test_wrong_values_are_refused(self):
        for environment in ENVIRONMENTS:
            for setting, named in self.WRONG.items():
                result = helm_template(HELM, environment, "--set", setting)
                self.assertNotEqual(result.returncode, 0, setting)
                self.assertIn(named, result.stderr, setting)
        print(f"\n  {len(self.WRONG) * len(ENVIRONMENTS)} wrong values refused, each by its name")

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
                             ["keda.enabled=false"], ["autoscaling.enabled=false"], ["rollouts.enabled=false"], ["exporters.enabled=false"],
                             ["monitors.enabled=false"], ["rules.enabled=false"], ["networkPolicies.enabled=false"], ["pods.userNamespaces=true"],
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

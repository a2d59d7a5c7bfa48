"""Managed stores are reached by TLS with certificates checked, as users that exist; nothing of that is lost on the way."""
import copy
import json
import re
import tempfile
import unittest

import yaml

import stores
from render import ENVIRONMENTS, LOADER, ROOT, helm_template, manifests, pods, tool
from services import ON_BROKER, OWNERS, storing
from values import merged, values_of

HELM = tool("helm")


def rendered_with(environment, changes):
    """Manifests and values of an environment with other values laid over it."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(changes, file)
        file.flush()
        result = helm_template(HELM, environment, "-f", file.name)
    if result.returncode:
        raise AssertionError(result.stderr)
    return [item for item in yaml.load_all(result.stdout, LOADER) if item], merged(values_of(environment), changes)


class Stores(unittest.TestCase):
    def test_urls_users_and_authorities(self):
        for environment in ENVIRONMENTS:
            with self.subTest(environment):
                self.assertEqual(stores.problems(manifests(environment), values_of(environment)), [])

    def test_one_container_in_each_pod(self):
        """Programs speak TLS themselves: nothing stands between them and the stores."""
        for environment in ENVIRONMENTS:
            for _, name, _, spec in pods(manifests(environment)):
                self.assertEqual((len(spec["containers"]), spec.get("initContainers")), (1, None), name)

    @unittest.skipUnless(HELM, "helm is not installed: make chart-tools")
    def test_authorities_endpoints_and_users_are_values(self):
        checked = 0
        for changes in (
                {"stores": {store: {"caConfigMap": f"{store}-ca"} for store in stores.STORES}},
                {"stores": {store: {"caConfigMap": ""} for store in stores.STORES}},
                {"stores": {"redis": {"userPrefix": "shop-staging-", "host": "cache.example", "port": 6380}}},
                {"stores": {"postgres": {"host": "db.example", "port": 5433}, "rabbitmq": {"host": "mq.example", "vhost": "shop"}}},
                # A store that an operator makes has no authority, whatever stands there.
                {"stores": {"redis": {"mode": "operator", "caConfigMap": "redis-ca"}, "rabbitmq": {"mode": "operator", "caConfigMap": "mq-ca"}}}):
            for environment in ("default", "prod"):
                items, values = rendered_with(environment, changes)
                self.assertEqual(stores.problems(items, values), [], changes)
                checked += 1
        print(f"\n  {checked} combinations of endpoints, users and authorities reach every program")


def asked_for(items):
    """Names of secrets that External Secrets is told to read."""
    return {entry["remoteRef"]["key"] for item in items if item["kind"] == "ExternalSecret" for entry in item["spec"]["data"]}


# What the lists of terraform/modules/stack say, word for word, and the services that are meant.
LISTS = {'contains(service.stores, "postgres")': OWNERS, 'contains(service.stores, "redis")': storing("redis"),
         "can(service.publishes) || can(service.consumes)": ON_BROKER}


def of_terraform(text):
    """Names of secrets that terraform/modules/stack makes, behind <project>/<environment>/."""
    lists = dict(re.findall(r"(\w+)\s*=\s*toset\(\[for name, service in local\.services : name if (.*)\]\)$", text, re.MULTILINE))
    found = set(re.findall(r'^\s*"([a-z]+/[a-z-]+)"\s*=', text, re.MULTILINE))
    for local, what in re.findall(r'for service in local\.(\w+) : "\$\{service\}/([a-z-]+)"', text):
        found |= {f"{service}/{what}" for service in LISTS[lists[local]]}
    return found


class Secrets(unittest.TestCase):
    """Names of secrets are those that Terraform makes, and every value is a bare password."""
    WANTED = {f"{service}/{what}" for service in OWNERS for what in ("database", "database-owner")} | {
        f"{service}/broker" for service in ON_BROKER} | {f"{service}/redis" for service in storing("redis")} | {"postgres/metrics", "redis/metrics"}
    # Read only where a value asks for them.
    ON_DEMAND = {"services": {"auth": {"config": {"bootstrap": {"admin_email": "admin@shop.example"}}},
                              "notification": {"config": {"smtp": {"username": "shop"}}}}}

    def test_names(self):
        for environment in ("default", "prod"):
            prefix = f"signalbox/{values_of(environment)['environment']}/"
            self.assertEqual(asked_for(manifests(environment)), {prefix + name for name in self.WANTED})

    @unittest.skipUnless(HELM, "helm is not installed: make chart-tools")
    def test_names_on_demand(self):
        items, _ = rendered_with("prod", self.ON_DEMAND)
        self.assertEqual(asked_for(items), {f"signalbox/prod/{name}" for name in self.WANTED | {"auth/bootstrap-admin", "notification/smtp"}})

    def test_terraform_makes_them(self):
        made = of_terraform((ROOT / "terraform/modules/stack/secrets.tf").read_text())
        self.assertGreater(len(made), 15)
        self.assertEqual(self.WANTED - made, set())

    def test_files_are_made_of_passwords(self):
        """What is read is put where a password stands, never used as a whole URL."""
        for environment in ("default", "prod"):
            for name, files in stores.secret_files(manifests(environment)).items():
                for file, text in files.items():
                    for before in re.findall(r"(.?)\{\{", text):
                        self.assertEqual(before, {"password": "", "passwords.json": " "}.get(file, ":"), (name, file))


class PlantedFaults(unittest.TestCase):
    TEXT = {  # what somebody might write instead, in URLs and addresses
        "no check of the database's certificate": ("sslmode=verify-full", "sslmode=require"),
        "no TLS to Postgres": ("?sslmode=verify-full", ""),
        "no TLS to Redis": ("rediss://", "redis://"),
        "no TLS to RabbitMQ": ("amqps://", "amqp://"),
        "another user of Postgres": ("_app:", "_owner:"),
        "a user without the account's prefix": ("signalbox-prod-", ""),
        "another endpoint": ("postgres.signalbox.internal", "127.0.0.1"),
        "another virtual host": (":5671/signalbox", ":5671/"),
        "settings of a managed Redis": ("REDIS_EXPORTER_CONFIG_COMMAND", "REDIS_EXPORTER_OTHER_COMMAND"),
        "another ConfigMap": ("\"rds-ca\"", "\"other\""),
        "another file": ("/etc/ca/postgres/ca.pem", "/etc/ca/postgres/root.pem"),
        "certificates that can be written": ("\"/etc/ca/postgres\", \"readOnly\": true", "\"/etc/ca/postgres\", \"readOnly\": false"),
    }

    def test_each_fault_is_noticed_in_each_object(self):
        # A copy of such a text in a dashboard or a policy is no setting of a program.
        items = [item for item in manifests("prod") if item["kind"] in ("ExternalSecret", "ConfigMap", "Deployment", "Rollout", "Job")
                 and "dashboard" not in item["metadata"]["name"]]
        values, planted = values_of("prod"), 0
        for fault, (right, wrong) in self.TEXT.items():
            found = 0
            for number, item in enumerate(items):
                text = json.dumps(item)
                if right in text:
                    shown = [*items[:number], json.loads(text.replace(right, wrong)), *items[number + 1:]]
                    self.assertTrue(stores.problems(shown, values), (fault, item["kind"], item["metadata"]["name"]))
                    found += 1
            self.assertTrue(found, f"nothing to plant: {fault}")
            planted += found
        print(f"\n  planted: {planted} faults of {len(self.TEXT)} kinds in the way to the stores, all noticed")

    def test_a_volume_that_is_gone_is_noticed(self):
        items, values, planted = manifests("prod"), values_of("prod"), 0
        for number, item in enumerate(items):
            if item["kind"] not in ("Deployment", "Rollout", "Job") or "rds-ca" not in json.dumps(item):
                continue
            changed = copy.deepcopy(item)
            spec = changed["spec"]["template"]["spec"]
            spec["containers"][0]["volumeMounts"] = [m for m in spec["containers"][0]["volumeMounts"] if m["name"] != "ca-postgres"]
            self.assertTrue(stores.problems([*items[:number], changed, *items[number + 1:]], values), item["metadata"]["name"])
            planted += 1
        self.assertEqual(planted, 2 * len(OWNERS) + 1)  # services with a database, their migrations, the exporter
        print(f"\n  planted: {planted} programs without the certificates of RDS, all noticed")

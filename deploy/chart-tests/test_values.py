"""Helm refuses values that are wrong, at every level: an unknown key in each section, a wrong type for each value."""
import concurrent.futures
import json
import unittest

from render import ENVIRONMENTS, ROOT, helm_template, tool

HELM = tool("helm")
PLANTED = "plantedKey"
# A value of another type than the one that is wanted.
OTHER = {"string": 5, "integer": "many", "number": "much", "boolean": "perhaps", "array": "one", "object": "none"}


def schema():
    return json.loads((ROOT / "deploy/chart/values.schema.json").read_text())


def sections(node, path=()):
    """Every object of the schema: its path, and what is wrong to write there."""
    if node.get("type") == "object":
        if isinstance(node.get("additionalProperties"), dict):
            yield path, {PLANTED: {"not": "text"}}, PLANTED
        elif node.get("additionalProperties") is False:
            yield path, {PLANTED: 1}, PLANTED
        for key, below in node.get("properties", {}).items():
            yield from sections(below, (*path, key))


def leaves(node, path=()):
    """Every value of the schema: its path, a value of another type, and its name."""
    if path:
        yield path, OTHER[node["type"]], path[-1]
    for key, below in node.get("properties", {}).items():
        if key != "global":  # Helm's own
            yield from leaves(below, (*path, key))


def nested(path, value):
    for key in reversed(path):
        value = {key: value}
    return value


def refusals(cases):
    """Cases (path, value, name) that Helm does not refuse by that name."""
    def run(case):
        path, value, name = case
        result = helm_template(HELM, "default", "-f", "-", stdin=json.dumps(nested(path, value)))
        return None if result.returncode and name in result.stderr else (path, value, result.stderr[:300])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [wrong for wrong in pool.map(run, cases) if wrong]


@unittest.skipUnless(HELM, "helm is not installed: make chart-tools")
class Values(unittest.TestCase):
    WRONG = {  # what is set: what the refusal names
        "gatway.replicas=3": "gatway",
        "services.gatway.replicas=3": "gatway",
        "services.gateway.replicas=0": "/services/gateway/replicas",
        "services.gateway.memory=lots": "/services/gateway/memory",
        "services.gateway.digest=sha256:12": "/services/gateway/digest",
        "services.gateway.config.rate_limit.per_secnd=3": "per_secnd",
        "services.gateway.config.http.address=0.0.0.0:1": "address",
        "services.auth.config.database.url=postgres://a:b@c/d": "url",
        "services.auth.config.database.ca_file=/ca.pem": "ca_file",
        "services.auth.config.bootstrap.admin_password=x": "admin_password",
        "services.notification.config.smtp.password=x": "password",
        "stores.postgres.mode=self-made": "/stores/postgres/mode",
        "stores.cidrs={0.0.0.0/0}": "/stores/cidrs/0",
        "stores.redis.userPrefix=Signalbox Prod": "/stores/redis/userPrefix",
        "stores.postgres.userPrefix=a": "userPrefix",
        "tls.image=haproxy": "tls",
        "rollouts.stepSeconds=30": "/rollouts/stepSeconds",
        "edge.kind=nginx": "/edge/kind",
        "migrations.mode=never": "/migrations/mode",
        "operators.rabbitmq.replicas=2": "/operators/rabbitmq/replicas",
    }

    def test_an_unknown_key_is_refused_at_every_level(self):
        cases = list(sections(schema()))
        self.assertGreater(len(cases), 60)
        self.assertEqual(refusals(cases), [])
        print(f"\n  planted: an unknown key in each of {len(cases)} sections of values, all refused by its name")

    def test_a_wrong_type_is_refused_at_every_value(self):
        cases = list(leaves(schema()))
        self.assertGreater(len(cases), 200)
        self.assertEqual(refusals(cases), [])
        print(f"\n  planted: a wrong type for each of {len(cases)} values, all refused by its name")

    def test_a_schema_that_lets_something_pass_is_noticed(self):
        """The planted keys are refused by the schema alone: without it Helm takes them."""
        result = helm_template(HELM, "default", "--skip-schema-validation", "-f", "-", stdin=json.dumps(nested(("stores", "redis"), {PLANTED: 1})))
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_wrong_values_are_refused(self):
        for environment in ENVIRONMENTS:
            for setting, named in self.WRONG.items():
                result = helm_template(HELM, environment, "--set", setting)
                self.assertNotEqual(result.returncode, 0, setting)
                self.assertIn(named, result.stderr, setting)
        print(f"\n  {len(self.WRONG) * len(ENVIRONMENTS)} wrong values refused, each by its name")

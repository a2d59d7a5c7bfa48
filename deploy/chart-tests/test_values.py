"""Helm refuses values that are wrong, at every level: an unknown key in each section, a wrong type for each value."""
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
    """Every object of the schema: where something wrong is planted, what, and the refusal it has to meet."""
    if node.get("type") == "object":
        if isinstance(node.get("additionalProperties"), dict):
            yield (*path, PLANTED), {"not": "text"}, refusal((*path, PLANTED), "got object, want string")
        elif path != ("global",):  # Helm's own, which may hold anything
            yield (*path, PLANTED), 1, refusal(path, f"additional properties '{PLANTED}' not allowed")
        for key, below in node.get("properties", {}).items():
            yield from sections(below, (*path, key))


def leaves(node, path=()):
    """Every value of the schema: its path, a value of another type, and the refusal it has to meet."""
    if path:
        wrong = OTHER[node["type"]]
        yield path, wrong, refusal(path, f"got {'number' if wrong == 5 else 'string'}, want {node['type']}")
    for key, below in node.get("properties", {}).items():
        if key != "global":  # Helm's own
            yield from leaves(below, (*path, key))


def refusal(path, why):
    return f"at '{''.join('/' + key for key in path)}': {why}"


def planted(cases):
    """One file of values with the mistakes of all cases."""
    values = {}
    for path, value, _ in cases:
        section = values
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section[path[-1]] = value
    return values


def missed(cases):
    """Refusals that Helm does not give to a file with all these mistakes; it names each by its path."""
    result = helm_template(HELM, "default", "-f", "-", stdin=json.dumps(planted(cases)))
    if not result.returncode:
        return ["everything was accepted"]
    lines = {line.strip(" -") for line in result.stderr.splitlines()}
    return [wanted for _, _, wanted in cases if wanted not in lines]


@unittest.skipUnless(HELM, "helm is not installed: make chart-tools")
class Values(unittest.TestCase):
    WRONG = {  # what is set: what the refusal names
        "gatway.replicas=3": "gatway",
        "services.gatway.replicas=3": "gatway",
        "serviceDefaults.replicas=0": "/serviceDefaults/replicas",
        "serviceDefaults.memory=lots": "/serviceDefaults/memory",
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
        self.assertEqual(missed(cases), [])
        print(f"\n  planted: an unknown key in each of {len(cases)} sections of values, all refused by its path")

    def test_a_wrong_type_is_refused_at_every_value(self):
        cases = list(leaves(schema()))
        self.assertGreater(len(cases), 200)
        # A section of the wrong type hides what is below it, so levels are planted one by one, values last.
        inner = {path[:depth] for path, _, _ in cases for depth in range(1, len(path))}
        groups = {}
        for case in cases:
            groups.setdefault(len(case[0]) if case[0] in inner else 0, []).append(case)
        for group in groups.values():
            self.assertEqual(missed(group), [])
        print(f"\n  planted: a wrong type for each of {len(cases)} values, all refused by its path")

    def test_it_is_the_schema_that_refuses(self):
        cases = [case for case in sections(schema()) if case[0][0] == "stores"]
        self.assertEqual(missed(cases), [])
        self.assertEqual(missed([*cases, (("stores", "cidrs"), ["10.0.0.0/16"], "at '/stores/cidrs': not said")]), ["at '/stores/cidrs': not said"])
        result = helm_template(HELM, "default", "--skip-schema-validation", "-f", "-", stdin=json.dumps(planted(cases)))
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_wrong_values_are_refused(self):
        for environment in ENVIRONMENTS:
            for setting, named in self.WRONG.items():
                result = helm_template(HELM, environment, "--set", setting)
                self.assertNotEqual(result.returncode, 0, setting)
                self.assertIn(named, result.stderr, setting)
        print(f"\n  {len(self.WRONG) * len(ENVIRONMENTS)} wrong values refused, each by its name")

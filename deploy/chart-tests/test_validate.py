"""Manifests against the schemas of three Kubernetes minors and of the custom resources, and kube-linter's checks."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import yaml

from network import STORES
from render import ENVIRONMENTS, LOADER, ROOT, manifests, tool

try:
    import kubernetes_validate
except ImportError:
    kubernetes_validate = None
# What EKS and upstream support; add the newest, drop the oldest.
MINORS = ("1.34", "1.35", "1.36")
CRDS = ROOT / "target/chart-tools/crds"
VERSIONS = [line.split() for line in (ROOT / "deploy/chart-tests/versions").read_text().splitlines() if not line.startswith("#")]
# Every source of schemas that is listed is there, in its version.
FETCHED = all((path := ROOT / f"target/chart-tools/made/schemas-of-{name}").is_file() and path.read_text().strip() == version
              for kind, name, _, version, _ in VERSIONS if kind == "crds")
# Their modules are not on the Go proxy: the shape of the few fields in use is all that is checked.
OWN_SHAPES = {
    ("rabbitmq.com/v1beta1", "RabbitmqCluster"): {"replicas", "image", "persistence", "resources", "rabbitmq", "override"},
    ("redis.redis.opstreelabs.in/v1beta2", "Redis"): {"kubernetesConfig", "redisConfig", "acl", "podSecurityContext", "securityContext", "storage"},
}
KUBERNETES = ("v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v2", "networking.k8s.io/v1")


class CrdLoader(LOADER):
    """Some resources allow the word "=", which YAML 1.1 gives a meaning of its own."""


CrdLoader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


def strict(schema):
    """A schema that refuses what it does not know, unless it says that it takes anything."""
    if isinstance(schema, dict):
        schema = {key: strict(below) for key, below in schema.items()}
        if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
        if schema.get("x-kubernetes-int-or-string"):
            schema.pop("type", None)
    elif isinstance(schema, list):
        schema = [strict(below) for below in schema]
    return schema


def write_schemas(folder):
    """Schemas of custom resources as kubeconform finds them: <kind>_<group>_<version>.json."""
    written = 0
    for path in sorted(CRDS.glob("*/*.yaml")):
        for crd in yaml.load_all(path.read_text(), CrdLoader):
            if not crd or crd.get("kind") != "CustomResourceDefinition":
                continue
            for version in crd["spec"]["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                schema["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
                name = f"{crd['spec']['names']['kind'].lower()}_{crd['spec']['group']}_{version['name']}.json"
                pathlib.Path(folder, name).write_text(json.dumps(strict(schema)))
                written += 1
    return written


def shown_as_deployments(items):
    """A copy in which Rollouts are Deployments, which linters know."""
    shown = json.loads(json.dumps(items))
    for item in shown:
        item["metadata"]["namespace"] = "signalbox"
        if item["kind"] == "Rollout":
            item |= {"apiVersion": "apps/v1", "kind": "Deployment"}
            item["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        if item["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            item["spec"]["scaleTargetRef"] |= {"apiVersion": "apps/v1", "kind": "Deployment"}
    return shown


def custom(items):
    return [item for item in items if item["apiVersion"] not in KUBERNETES and (item["apiVersion"], item["kind"]) not in OWN_SHAPES]


class Validate(unittest.TestCase):
    @unittest.skipUnless(kubernetes_validate, "kubernetes-validate is not installed: make chart-tools")
    def test_kubernetes_objects_in_three_minors(self):
        checked = 0
        for minor in MINORS:
            for environment in ENVIRONMENTS:
                for item in manifests(environment):
                    if item["apiVersion"] in KUBERNETES:
                        kubernetes_validate.validate(item, minor, strict=True)
                        checked += 1
        with self.assertRaises(kubernetes_validate.ValidationError):
            broken = json.loads(json.dumps(next(item for item in manifests("prod") if item["kind"] == "Deployment")))
            broken["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
            kubernetes_validate.validate(broken, MINORS[0], strict=True)
        print(f"\n  kubernetes-validate: {checked} objects in {', '.join(MINORS)}; a planted unknown field refused")

    @unittest.skipUnless(tool("kubeconform") and FETCHED, "kubeconform or schemas in the listed versions are missing: make chart-tools")
    def test_custom_resources(self):
        with tempfile.TemporaryDirectory() as folder:
            schemas = write_schemas(folder)
            checked = 0
            for environment in ENVIRONMENTS:
                items = custom(manifests(environment))
                result = self.conform(folder, items)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                checked += len(items)
            faults = 0
            for kind in sorted({item["kind"] for item in custom(manifests("prod"))}):
                broken = json.loads(json.dumps(next(item for item in custom(manifests("prod")) if item["kind"] == kind)))
                broken["spec"]["plantedKey"] = 1
                self.assertNotEqual(self.conform(folder, [broken]).returncode, 0, kind)
                faults += 1
        print(f"\n  kubeconform: {checked} custom resources by {schemas} schemas; {faults} planted unknown fields refused")

    @staticmethod
    def conform(folder, items):
        return subprocess.run(
            [tool("kubeconform"), "-strict", "-schema-location", folder + "/{{.ResourceKind}}_{{.Group}}_{{.ResourceAPIVersion}}.json", "-"],
            input=yaml.safe_dump_all(items), capture_output=True, text=True, check=False)

    def test_resources_without_schemas_use_known_fields(self):
        found = [item for item in manifests("dev") if (item["apiVersion"], item["kind"]) in OWN_SHAPES]
        self.assertEqual(len(found), 2)
        for item in found:
            self.assertEqual(set(item["spec"]) - OWN_SHAPES[item["apiVersion"], item["kind"]], set())

    @unittest.skipUnless(tool("kube-linter"), "kube-linter is not installed: make chart-tools")
    def test_kube_linter(self):
        count = self.lint_count()
        with tempfile.TemporaryDirectory() as folder:
            for environment in ENVIRONMENTS:
                result = self.lint(folder, manifests(environment))
                self.assertEqual(result.returncode, 0, result.stdout[-4000:] + result.stderr[-500:])
            broken = json.loads(json.dumps([item for item in manifests("prod") if item["kind"] == "Deployment"]))
            broken[0]["spec"]["template"]["spec"]["containers"][0]["securityContext"]["privileged"] = True
            self.assertNotEqual(self.lint(folder, broken).returncode, 0)
        print(f"\n  kube-linter: no finding of {count} checks in {len(ENVIRONMENTS)} environments; a planted privileged container found")

    # Two of its checks ask for what this chart decides otherwise: CPU is not limited, as throttling shows in the tail of
    # latency; and images have a digest or a tag that never moves, so there is nothing to pull again.
    SCORE = ("--ignore-container-cpu-limit", "--ignore-test", "container-image-pull-policy", "--exit-one-on-warning=false", "-o", "ci")

    @unittest.skipUnless(tool("kube-score"), "kube-score is not installed: make chart-tools")
    def test_kube_score(self):
        checks = 0
        for environment in ENVIRONMENTS:
            result = self.score(manifests(environment))
            critical = [line for line in result.stdout.splitlines() if line.startswith("[CRITICAL]")]
            self.assertEqual((result.returncode, critical), (0, []), environment)
            checks += result.stdout.count("[OK]")
        broken = json.loads(json.dumps(manifests("prod")))
        next(item for item in broken if item["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:latest"
        self.assertIn("[CRITICAL]", self.score(broken).stdout)
        print(f"\n  kube-score: 0 critical of {checks} answers in {len(ENVIRONMENTS)} environments; a planted moving tag found")

    @classmethod
    def score(cls, items):
        # Policies of stores select pods that operators make; test_network checks those.
        items = [item for item in items if not (item["kind"] == "NetworkPolicy" and item["metadata"]["name"] in STORES)]
        return subprocess.run([tool("kube-score"), "score", *cls.SCORE, "-"], input=yaml.safe_dump_all(shown_as_deployments(items)),
                              capture_output=True, text=True, check=False)

    @staticmethod
    def lint_count():
        listed = subprocess.run([tool("kube-linter"), "checks", "list", "--format", "json"], capture_output=True, text=True, check=True)
        excluded = yaml.safe_load((ROOT / "deploy/chart-tests/kube-linter.yaml").read_text())["checks"]["exclude"]
        return len(json.loads(listed.stdout)) - len(excluded)

    @staticmethod
    def lint(folder, items):
        pathlib.Path(folder, "all.yaml").write_text(yaml.safe_dump_all(shown_as_deployments(items)))
        return subprocess.run([tool("kube-linter"), "lint", folder, "--config", str(ROOT / "deploy/chart-tests/kube-linter.yaml")],
                              capture_output=True, text=True, check=False)

    @unittest.skipUnless(shutil.which("kubectl"), "kubectl is not installed")
    def test_kustomize_builds_the_rendered_folders(self):
        for environment in ENVIRONMENTS:
            result = subprocess.run(["kubectl", "kustomize", str(ROOT / "deploy/rendered" / environment)], capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(result.stdout.count("\nkind: "), len(manifests(environment)))

    def test_nothing_belongs_to_the_cluster(self):
        """Kustomize gives everything the namespace, which an object of the cluster may not have."""
        for environment in ENVIRONMENTS:
            kinds = {item["kind"] for item in manifests(environment)}
            self.assertEqual(kinds & {"GatewayClass", "Namespace", "PriorityClass", "CustomResourceDefinition", "StorageClass"}, set())
            self.assertEqual({kind for kind in kinds if kind.startswith("Cluster") and kind != "Cluster"}, set())

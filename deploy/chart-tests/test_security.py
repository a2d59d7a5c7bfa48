"""Pods are of the restricted profile and beyond it; no secret is in a manifest."""
import copy
import unittest

import yaml

import leaks
import security
from render import ENVIRONMENTS, ROOT, manifests, pods

class Pods(unittest.TestCase):
    def test_security_probes_and_resources(self):
        for environment in ENVIRONMENTS:
            with self.subTest(environment):
                self.assertGreaterEqual(len(list(pods(manifests(environment)))), 11)
                self.assertEqual(security.problems(manifests(environment)), [])

    def test_the_namespace_refuses_other_pods(self):
        labels = yaml.safe_load((ROOT / "deploy/namespace.yaml").read_text())["metadata"]["labels"]
        for mode in ("enforce", "audit", "warn"):
            self.assertEqual(labels[f"pod-security.kubernetes.io/{mode}"], "restricted")
            self.assertRegex(labels[f"pod-security.kubernetes.io/{mode}-version"], r"^v1\.\d+$")

    def test_selectors_match_pods(self):
        for environment in ENVIRONMENTS:
            items = manifests(environment)
            labels = [labels for _, _, labels, _ in pods(items)]
            for item in items:
                selector = {"Service": lambda spec: spec["selector"], "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
                            "Deployment": lambda spec: spec["selector"]["matchLabels"], "Rollout": lambda spec: spec["selector"]["matchLabels"],
                            }.get(item["kind"])
                if selector:
                    wanted = selector(item["spec"]).items()
                    self.assertTrue(any(wanted <= found.items() for found in labels), item["metadata"]["name"])

    def test_secrets_are_files(self):
        """Only the job that makes the roles of a development database takes a password by variable: psql has no other safe way."""
        for environment in ENVIRONMENTS:
            for _, name, _, spec in pods(manifests(environment)):
                for container in spec["containers"]:
                    by_variable = [entry["name"] for entry in container.get("env", []) if "secretKeyRef" in entry.get("valueFrom", {})]
                    self.assertEqual(by_variable, ["PGPASSWORD"] if name.startswith("provision") else [], name)

    def test_no_secret_is_an_object(self):
        for environment in ENVIRONMENTS:
            self.assertEqual([item["metadata"]["name"] for item in manifests(environment) if item["kind"] == "Secret"], [])

    def test_secrets_that_pods_mount_are_made(self):
        for environment in ("default", "prod"):
            items = manifests(environment)
            made = {item["spec"]["target"]["name"] for item in items if item["kind"] == "ExternalSecret"}
            used = {volume["secret"]["secretName"] for _, _, _, spec in pods(items) for volume in spec.get("volumes", []) if "secret" in volume}
            used |= {ref["name"] for item in items if item["kind"] == "TriggerAuthentication" for ref in item["spec"]["secretTargetRef"]}
            self.assertEqual(made, used)


class PlantedFaults(unittest.TestCase):
    FAULTS = {
        "privileged": lambda spec: spec["containers"][0]["securityContext"].update(privileged=True),
        "privilege escalation": lambda spec: spec["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
        "a capability": lambda spec: spec["containers"][0]["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
        "capabilities kept": lambda spec: spec["containers"][0]["securityContext"].pop("capabilities"),
        "root": lambda spec: spec["securityContext"].update(runAsNonRoot=False),
        "user 0": lambda spec: spec["securityContext"].update(runAsUser=0),
        "a low user": lambda spec: spec["securityContext"].update(runAsUser=999),
        "no seccomp": lambda spec: spec["securityContext"].pop("seccompProfile"),
        "host network": lambda spec: spec.update(hostNetwork=True),
        "host path": lambda spec: spec["volumes"].append({"name": "root", "hostPath": {"path": "/"}}),
        "host port": lambda spec: spec["containers"][0].setdefault("ports", []).append({"containerPort": 1, "hostPort": 1}),
        "a probe of another host": lambda spec: spec["containers"][0].update(livenessProbe={"httpGet": {"host": "a", "path": "/", "port": 1}}),
        "AppArmor off": lambda spec: spec["securityContext"].update(appArmorProfile={"type": "Unconfined"}),
        "a role of SELinux": lambda spec: spec["containers"][0]["securityContext"].update(seLinuxOptions={"role": "sysadm_r"}),
        "a process of the host": lambda spec: spec["securityContext"].update(windowsOptions={"hostProcess": True}),
        "a root that can be written": lambda spec: spec["containers"][0]["securityContext"].update(readOnlyRootFilesystem=False),
        "a token": lambda spec: spec.pop("automountServiceAccountToken"),
        "the default account": lambda spec: spec.pop("serviceAccountName"),
        "no request": lambda spec: spec["containers"][0]["resources"]["requests"].pop("cpu"),
        "memory to spare": lambda spec: spec["containers"][0]["resources"]["limits"].update(memory="9Gi"),
        "throttling": lambda spec: spec["containers"][0]["resources"]["limits"].update(cpu="1"),
        "a moving tag": lambda spec: spec["containers"][0].update(image="signalbox/gateway:latest"),
    }

    def test_each_fault_is_noticed_in_each_pod(self):
        planted = 0
        for environment in ENVIRONMENTS:
            for kind, name, labels, spec in pods(manifests(environment)):
                for fault, plant in self.FAULTS.items():
                    changed = copy.deepcopy(spec)
                    plant(changed)
                    item = {"kind": kind, "metadata": {"name": name}, "spec": {"template": {"metadata": {"labels": labels}, "spec": changed}}}
                    self.assertTrue(security.problems([item]), (name, fault))
                    planted += 1
        print(f"\n  planted: {planted} faults in pods, all noticed")

    def test_swapped_probes_and_early_kills_are_noticed(self):
        for kind, name, labels, spec in pods(manifests("prod")):
            if kind == "Rollout":
                for plant in (lambda s: s["containers"][0]["livenessProbe"]["httpGet"].update(path="/readyz"),
                              lambda s: s.update(terminationGracePeriodSeconds=15)):
                    changed = copy.deepcopy(spec)
                    plant(changed)
                    self.assertTrue(security.probes(kind, name, changed))


class Leaks(unittest.TestCase):
    SHAPES = ("postgres://auth_app:hunter2@db/auth", "-----BEGIN RSA PRIVATE KEY-----", "password: 'hunter2'", "AKIA" + "A" * 16)

    def setUp(self):
        self.known = leaks.of_tests() | leaks.of_servers()

    def test_no_password_is_in_a_file(self):
        self.assertGreater(len(leaks.of_tests()), 5)
        self.assertGreater(len(leaks.of_servers()), 15)
        for path in leaks.files():
            self.assertEqual(leaks.found_in(path.read_text(), self.known), [], path)
        print(f"\n  {len(self.known)} known passwords and {len(self.SHAPES)} shapes searched for in {len(leaks.files())} files of the chart: none there")

    def test_planted_passwords_are_found_in_every_file(self):
        planted = 0
        for path in leaks.files():
            text = path.read_text()
            for word in [*sorted(self.known), *self.SHAPES]:
                half = len(text) // 2
                self.assertTrue(leaks.found_in(f"{text[:half]} {word} {text[half:]}", self.known), (path, word))
                planted += 1
        print(f"\n  planted: {planted} passwords in files of the chart, all found")

    def test_passwords_are_told_from_numbers_and_beginnings(self):
        self.assertEqual(leaks.found_in("account 1234567890", {"12345678"}), [])
        self.assertEqual(leaks.found_in("pass=12345678", {"12345678"}), ["12345678"])
        self.assertEqual(leaks.found_in("known-test-secret-0a1b", self.known), ["known-test-secret-"])

    def test_templates_of_passwords_are_none(self):
        for text in ("postgres://auth_app:{{ .database | urlquery }}@db:5432/auth", "password = {{ .smtp | toJson }}"):
            self.assertEqual(leaks.found_in(text, self.known), [])

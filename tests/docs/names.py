"""Whether what pages name exists where it comes from: verbs and programs; outputs and variables of Terraform (also those
scripts/deploy reads), secrets, values of the chart and keys of the services, objects of the rendered chart, arguments of scripts,
variables and environments of the pipeline, versions that stand elsewhere, too, and flags of programs. And whether commands parse."""
import functools
import json
import os
import re
import shutil
import subprocess
import tomllib

from pages import GUIDES, PAGES, ROOT, WITH_FLAGS, Account, blocks, read, shell

account = Account("names")
hold = account.hold
SHELL = {name: shell(text) for name, text in GUIDES.items()}
ENVIRONMENTS = ["dev", "staging", "prod"]


def programs():
    verbs = set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.M))
    for where, text in PAGES.items():
        for verb in re.findall(r"`make (?:-s )?([a-z-]+)", text) + re.findall(r"\bmake (?:-s )?([a-z-]+)", shell(text)):
            hold("verbs", where, f"there is no `make {verb}`", verb in verbs)
        for program in re.findall(r"(?<![\w-])(?<!\w/)((?:scripts|tests)/[a-z-]+)", text):
            hold("programs", where, f"there is no {program}", (ROOT / program).exists())
        for block in blocks(text):
            parsed = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
            hold("blocks", where, parsed.stderr.partition("\n")[0], parsed.returncode == 0)


@functools.cache
def declared(folder, word):
    text = "\n".join(path.read_text() for path in sorted((ROOT / folder).glob("*.tf")))
    return set(re.findall(rf'^{word} "([^"]+)"', text, re.M))


@functools.cache
def modules_behind():
    """Output of an environment -> the module it hands on, through the stack."""
    stack = re.findall(r'^output "(\w+)" \{(.*?)^\}', read("terraform/modules/stack/outputs.tf"), re.S | re.M)
    return {name: module[1] for name, body in stack if (module := re.search(r"value\s*=\s*(?:one\()?module\.(\w+)(?:\[\*\])?\)?\n", body))}


def has_output(folder, name, fields):
    if name not in declared(folder, "output"):
        return False
    behind = modules_behind()
    return not fields or name in behind and fields[0] in declared(f"terraform/modules/{behind[name]}", "output")


def folders(name):
    name = name.strip('"')
    return [name.replace(variable, one) for one in ENVIRONMENTS for variable in ("$ENVIRONMENT", "${ENVIRONMENT}") if variable in name] or [name]


def terraform():
    for where, commands in SHELL.items():
        for folder, name, rest in re.findall(r"terraform -chdir=(\S+) output -(?:json|raw) (\w+)([^\n)]*)", commands):
            fields = re.findall(r"jq (?:-r )?'?\.(\w+)", rest)
            for one in folders(folder):
                hold("outputs", where, f"{one} has no output {'.'.join([name, *fields])}", has_output(one, name, fields))
        for folder, rest in re.findall(r"terraform -chdir=(\S+) \w+([^\n]*)", commands):
            for name in re.findall(r"-var=(\w+)", rest):
                hold("variables", where, f"{folder} has no variable {name}", name in declared(folder, "variable"))
        for name in re.findall(r"TF_VAR_(\w+)", GUIDES[where]):
            found = any(name in declared(f"terraform/environments/{one}", "variable") for one in ENVIRONMENTS)
            hold("variables", where, f"no environment has a variable {name}", found)
    deploy = read("scripts/deploy")
    for name, field in re.findall(r"\.(postgres|redis|broker)\.value\.(\w+)", deploy) + [("network", field) for field in re.findall(r"ranges (\w+)\)", deploy)]:
        found = all(has_output(f"terraform/environments/{one}", name, [field]) for one in ENVIRONMENTS)
        hold("outputs", "scripts/deploy", f"environments have no output {name}.{field}", found)


def secrets():
    """What modules/stack makes, with the lists of services of services.yaml filled in."""
    source = read("terraform/modules/stack/secrets.tf")
    lists = {name: items.split() for name, items in re.findall(r"^(\w+)=\((.*)\)$", read("scripts/services.sh"), re.M)}
    lists["on_broker"] = lists["brokers"]  # the name of the same list there
    made = set(re.findall(r'^\s*"([a-z-]+/[a-z-]+)"\s*=', source, re.M))
    for name, items, what in re.findall(r"for service in (?:local\.(\w+)|\[([^\]]*)\]) : \"\$\{service\}/([a-z-]+)\"", source):
        made |= {f"{service}/{what}" for service in (lists[name] if name else re.findall(r'"([a-z]+)"', items))}
    for where, text in GUIDES.items():
        for name in re.findall(r"signalbox/(?:dev|staging|prod|\$ENVIRONMENT)/([a-z-]+/[a-z-]+)", text):
            hold("secrets", where, f"nothing makes the secret {name}", name in made)


def keys():
    """Dotted names in `code`: values of the chart, keys of services, outputs, files, or objects of the programs' own."""
    schema = json.loads(read("deploy/chart/values.schema.json"))
    configs = [tomllib.loads(path.read_text()) for path in sorted((ROOT / "services").glob("*/config.toml"))]
    files = {path.name for folder in ("crates", "deploy", "docs", "observability", "scripts", "services", "terraform", "tests")
             for path in (ROOT / folder).rglob("*.*")}

    def is_value(path):
        node = schema
        for part in path:
            node = (node.get("properties") or {}).get(part)
            if node is None:
                return False
        return True

    def known(name):
        path = name.split(".")
        is_key = len(path) == 2 and any(isinstance(config.get(path[0]), dict) and path[1] in config[path[0]] for config in configs)
        if is_value(path) or is_key or has_output("terraform/environments/staging", path[0], path[1:]):
            return True
        inside = re.search(rf'variable "{path[0]}" \{{(.*?)^\}}', read("terraform/modules/stack/variables.tf"), re.M | re.S)
        return bool(inside and re.search(rf"^\s*{path[-1]}\s*=", inside[1], re.M))

    for where, text in GUIDES.items():
        for name in re.findall(r"`([a-z]\w*(?:\.\w+)+)`", re.sub(r"```.*?```", "", text, flags=re.S)):
            if name not in files and not (ROOT / name).exists() and name != "terraform.tfvars":  # that one is yours to write
                hold("keys", where, f"{name} is no value of the chart, no key of a service, no output and no file", known(name))
        for name in re.findall(r"helm [^\n]*deploy/chart[^\n]*--set ([\w.]+)=", SHELL[where]):
            hold("keys", where, f"the chart has no value {name}", is_value(name.split(".")))


def objects():
    """What is asked for in the namespace of the services, among what the chart renders."""
    kinds = {"deploy": "Deployment", "rollout": "Rollout", "externalsecret": "ExternalSecret", "job": "Job", "svc": "Service", "gateway": "Gateway"}
    made = set()
    for path in (ROOT / "deploy/rendered").glob("*/*.yaml"):
        for document in path.read_text().split("\n---"):
            kind, name = re.search(r"^kind: (\w+)", document, re.M), re.search(r"^metadata:\n(?:  .*\n)*?  name: (\S+)", document, re.M)
            if kind and name:
                made.add((kind[1], name[1]))
    for where, text in GUIDES.items():
        for call in re.findall(r"kubectl -n signalbox ([^\n`|]*)", SHELL[where] + "\n" + text):
            for kind, name in re.findall(rf"\b({'|'.join(kinds)})(?:s)?[/ ]([a-z][a-z-]*)", call):
                if name not in ("patch", "get", "restart"):  # kubectl's own words: rollout restart
                    found = any(one == kinds[kind] and (other == name or other.startswith(f"{name}-")) for one, other in made)
                    hold("objects", where, f"the chart makes no {kinds[kind]} {name}", found)


def arguments():
    """Arguments of scripts, and variables that stand before a script or a verb."""
    programs = [path for folder in ("scripts", "tests") for path in (ROOT / folder).iterdir() if path.is_file()]
    everything = read("Makefile") + "".join(path.read_text() for path in programs)
    for where, text in GUIDES.items():
        commands = SHELL[where]
        for name, rest in re.findall(r"\bscripts/([a-z-]+)((?: [a-z-][\w=-]*)*)", commands + "\n" + "\n".join(re.findall(r"`([^`\n]*)`", text))):
            script = ROOT / "scripts" / name
            for word in rest.split() if script.exists() else ():
                hold("arguments", where, f"scripts/{name} does not know {word}", re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", script.read_text()))
        after = [name for call in re.findall(r"\bmake ([^\n]*)", commands) for name in re.findall(r"\b([A-Z_]+)=", call)]
        for name in re.findall(r"\b([A-Z][A-Z_]+)=\S+ (?=(?:[A-Z_]+=\S+ )*(?:make |scripts/))", commands) + after:
            hold("arguments", where, f"no script and no verb reads {name}", re.search(rf"\b{name}\b", everything))


def pipeline():
    """Variables and environments of the pipeline, both ways."""
    workflows = "".join(path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml"))
    page = GUIDES["docs/deploy.md"]
    listed = {name for row in re.findall(r"^\| (`[A-Z_`, ]+) \|", page, re.M) for name in re.findall(r"`([A-Z_]+)`", row)}
    used = set(re.findall(r"vars\.([A-Z_]+)", workflows))
    for name in sorted(listed | used):
        state = "listed, and no workflow reads it" if name in listed else "read by a workflow, and not listed"
        hold("pipeline", "docs/deploy.md", f"variable {name} is {state}", name in listed and name in used)
    for name in set(re.findall(r"^    environment: ([a-z]+)$", workflows, re.M)):
        hold("pipeline", "docs/deploy.md", f"environment {name} is not listed", f"`{name}`" in page)


def versions():
    """A version that stands in another file as well."""
    tested, charts = re.search(r"gateway-api (v[0-9.]+)", read("deploy/chart-tests/versions")), "terraform/addons/charts.json"
    for version in re.findall(r"gateway-api/releases/download/(v[0-9.]+)/", read(charts)):
        hold("versions", charts, f"Gateway API {version} is not what the chart is tested with", tested and tested[1] == version)


@functools.cache
def flags_of(program, *words):
    """The flags in what a program says of itself; None where it knows no such words."""
    env = {**os.environ, "AWS_PAGER": "", "PAGER": "cat", "MANPAGER": "cat"}
    ask = lambda *words: subprocess.run([program, *words], capture_output=True, text=True, env=env, check=False)  # noqa: E731
    done = ask(*words, {"aws": "help", "terraform": "-help"}.get(os.path.basename(program), "--help"))
    said = done.stdout + done.stderr + (ask("options").stdout if program.endswith("kubectl") else "")
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", re.sub(r".\x08", "", said))) if done.returncode in (0, 127) else None


def flags():
    two_words = {"kubectl": ("create", "auth", "rollout", "config"), "helm": ("get", "show"), "terraform": ("state",)}
    always = {"terraform": {"-chdir"}, "aws": {"--query", "--output", "--region"}}
    for name in ("aws", "helm", "kubectl", "terraform"):
        program = os.environ.get(name.upper()) or shutil.which(name) or shutil.which(name, path=str(ROOT / "target/chart-tools/bin"))
        if not program:
            account.missing(name)
            continue
        # Also those inside $(...).
        called = re.compile(rf"(?:^ *|[|;(] *|&& *|do +){name} +([^\n|;)]*)", re.M)
        for where, call in ((where, call) for where, commands in SHELL.items() for call in called.findall(commands)):
            # Without the namespace, and without commands inside, whose flags are their own.
            words = re.sub(r"-n [a-z-]+|\$\(.*", "", call).split()
            verbs = [word for word in words if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
            if name == "aws" and (verbs[0] == "sts" or "wait" in verbs or verbs[:2] == ["eks", "update-kubeconfig"]):
                continue
            verbs = words[:2] if name == "aws" else verbs[:2 if verbs and verbs[0] in two_words[name] else 1]
            known, verb = flags_of(program, *verbs), " ".join([name, *verbs])
            if verbs == ["destroy"]:  # its help names the options of its own, and for the rest those of plan
                known = known | flags_of(program, "plan")
            hold("flags", where, f"there is no {verb}", known is not None)
            for flag in {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)} - always.get(name, set()):
                hold("flags", where, f"{verb} has no {flag}", known is None or flag in known or name == "aws" and flag.replace("--no-", "--") in known)


def check():
    for part in (programs, terraform, secrets, keys, objects, arguments, pipeline, versions, *([flags] if WITH_FLAGS else [])):
        part()
    return account.closed()

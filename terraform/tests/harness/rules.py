"""House rules a formatter cannot know: documented variables, tested validations, thin environments, no forbidden parts."""
import re

import tf

MIN_ASSERTS = 60


def blocks(text, kind):
    """(name, body) of every block `kind "name" {` that starts a line; the body ends at the first `}` that starts a line."""
    return re.findall(rf'^{kind} "([^"]+)"(?: "[^"]+")? \{{(.*?)^\}}', text, re.S | re.M)


def text_of(folder):
    return "\n".join(p.read_text() for p in sorted(folder.glob("*.tf")))


def tests_of(folder):
    return "\n".join(p.read_text() for p in sorted((folder / "tests").glob("*.tftest.hcl")))


def modules(root=tf.ROOT):
    return sorted(p for p in (root / "modules").iterdir() if any(p.glob("*.tf")))


def environments(root=tf.ROOT):
    return sorted(p for p in (root / "environments").iterdir() if any(p.glob("*.tf")))


def roots(root=tf.ROOT):
    """Every folder somebody applies."""
    others = [root / name for name in ("bootstrap", "addons") if any((root / name).glob("*.tf"))]
    return others + environments(root)


def check(root=tf.ROOT):
    """Gives figures; raises Failure with every rule that is broken."""
    wrong, asserts, runs, rules, refused = [], 0, 0, 0, 0
    for folder in modules(root) + roots(root):
        name, text, tests = folder.relative_to(root), text_of(folder), tests_of(folder)
        for variable, body in blocks(text, "variable"):
            for word in ("type", "description"):
                if not re.search(rf"^  {word}\s*=", body, re.M):
                    wrong.append(f"{name}: variable {variable} has no {word}")
            count = len(re.findall(r"^  validation \{", body, re.M))
            rules += count
            named = len(re.findall(rf"\bvar\.{variable}\b", " ".join(re.findall(r"expect_failures\s*=\s*\[(.*?)\]", tests, re.S))))
            refused += min(named, count)
            if named < count and folder in modules(root):
                wrong.append(f"{name}: variable {variable} has {count} validations, but {named} runs with expect_failures name it")
        for output, body in blocks(text, "output"):
            if not re.search(r"^  description\s*=", body, re.M):
                wrong.append(f"{name}: output {output} has no description")
        found = len(re.findall(r"^\s+assert \{", tests, re.M))
        asserts += found
        runs += len(re.findall(r'^run "', tests, re.M))
        if folder in modules(root) and not found:
            wrong.append(f"{name}: no assert in tests/*.tftest.hcl")
        if re.search(r'"?arn:aws:', re.sub(r"(?m)#.*$", "", text)):
            wrong.append(f"{name}: an ARN names its partition; use data.aws_partition")
        if re.search(r"hashicorp/(kubernetes|helm)|gavinbunney/kubectl", text):
            wrong.append(f"{name}: objects in the cluster have a state of their own and are not Terraform's here")
    for folder in environments(root):
        if re.search(r'^(resource|data) "', text_of(folder), re.M):
            wrong.append(f"{folder.relative_to(root)}: an environment holds provider and module blocks only")
    for path in root.rglob("*.tf"):
        if len(path.read_text().splitlines()) > 300:
            wrong.append(f"{path.relative_to(root)}: more than 300 lines")
    if asserts < MIN_ASSERTS:
        wrong.append(f"{asserts} asserts in all mock tests; at least {MIN_ASSERTS}")
    if wrong:
        raise tf.Failure("\n  ".join(["house rules:"] + wrong))
    return {"asserts": asserts, "runs": runs, "validations": rules, "refused": refused}


def types_declared():
    """Every resource type of the modules and roots."""
    found = set()
    for folder in modules() + roots():
        found |= set(re.findall(r'^resource "([^"]+)"', text_of(folder), re.M))
    return found

"""checkov over the whole tree, and planted faults: each gate must refuse what it is there for."""
import json
import os
import re
import subprocess
import shutil

import tf

CHECKOV = os.environ.get("PLAN_TEST_CHECKOV_PYTHON", "python3")


def checkov(folder, *more):
    """checkov on FOLDER with the project's configuration; gives (failed ids with places, count of passed, count of skipped)."""
    words = [CHECKOV, "-m", "checkov.main", "-d", str(folder), "--config-file", str(tf.ROOT / ".checkov.yaml"), "-o", "json", *more]
    env = tf.environment(LOG_LEVEL="ERROR")
    done = subprocess.run(words, cwd=folder, env=env, text=True, capture_output=True, timeout=tf.LIMIT)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise tf.Failure(f"checkov gave no report (exit {done.returncode})\n{done.stdout[-1000:]}{done.stderr[-2000:]}") from None
    reports = report if isinstance(report, list) else [report]
    failed, passed, skipped = [], 0, 0
    for one in reports:
        if "results" not in one:
            continue
        if one["summary"].get("parsing_errors"):
            raise tf.Failure(f"checkov could not parse {one['results']['parsing_errors']}")
        failed += [f"{c['check_id']} {c['resource']} ({c['file_path']}:{c['file_line_range'][0]}) {c['check_name']}"
                   for c in one["results"]["failed_checks"]]
        passed += one["summary"]["passed"]
        skipped += one["summary"]["skipped"]
    return sorted(set(failed)), passed, skipped


def skips_have_reasons():
    """Gives the number of skips; each in .checkov.yaml has a comment on its line, each inline one a reason after the id."""
    count = 0
    inside = False
    for number, line in enumerate((tf.ROOT / ".checkov.yaml").read_text().splitlines(), 1):
        inside = line.startswith("skip-check:") or inside and not re.match(r"^\S", line)
        if inside and line.lstrip().startswith("- "):
            count += 1
            if not re.search(r"- CKV\w+\s+# \S.{15,}", line):
                raise tf.Failure(f".checkov.yaml:{number}: a skip takes its reason on the same line: - CKV_AWS_1 # why")
    for path in sorted(tf.ROOT.rglob("*.tf")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if "checkov:skip=" in line:
                count += 1
                if not re.search(r"checkov:skip=CKV\w+:\S.{15,}", line):
                    raise tf.Failure(f"{path.relative_to(tf.ROOT)}:{number}: a skip takes its reason: checkov:skip=CKV_AWS_1:why")
    return count


def faults():
    """tests/faults.json: name, module, file, from, to, and for each gate (test, checkov) the text its refusal must hold."""
    return json.loads((tf.ROOT / "tests" / "faults.json").read_text())


def plant(fault):
    """Plants FAULT in a copy of its own; every gate named must refuse it, for the reason named."""
    copy = tf.fresh_copy(tf.WORK / "faults" / re.sub(r"\W+", "-", fault["name"]) / "terraform")
    path = copy / fault["module"] / fault["file"]
    text = path.read_text()
    if text.count(fault["from"]) != 1:
        raise tf.Failure(f"fault '{fault['name']}': its text is {text.count(fault['from'])} times in {fault['module']}/{fault['file']}, not once")
    path.write_text(text.replace(fault["from"], fault["to"]))
    for gate, reason in fault["gates"].items():
        if gate == "test":
            tf.init(copy / fault["module"])
            code, out = tf.run(copy / fault["module"], "test", "-no-color", codes=(0, 1))
            refused = code == 1 and reason in " ".join(out.replace("│", " ").split())
        else:
            failed, _, _ = checkov(copy / fault["module"])
            out = "\n".join(failed)
            refused = any(line.startswith(reason + " ") for line in failed)
        if not refused:
            raise tf.Failure(f"fault '{fault['name']}': {gate} did not refuse it with '{reason}'\n{out[-3000:]}")
    shutil.rmtree(copy.parent, ignore_errors=True)
    return list(fault["gates"])

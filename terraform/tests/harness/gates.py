"""checkov over the whole tree, and planted faults: each gate must refuse what it is there for."""
import json
import os
import re
import shutil
import subprocess

import children
import cloud
import provider
import rules
import tf

CHECKOV = os.environ.get("PLAN_TEST_CHECKOV_PYTHON", "python3")
# Without these no run passes: the issue names them.
KINDS = {"open security group", "unencrypted bucket", "public endpoint"}
GATES = {"test": "mock tests", "checkov": "checkov", "apply": "apply on moto", "rules": "house rules"}


def checkov(folder):
    """checkov on FOLDER with the project's configuration; gives (failed checks, count of passed, skipped checks)."""
    words = [CHECKOV, "-m", "checkov.main", "-d", folder, "--config-file", tf.ROOT / ".checkov.yaml", "-o", "json"]
    child = children.start(words, cwd=folder, env=tf.environment(LOG_LEVEL="ERROR"), text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = children.finish(child, tf.LIMIT)
    if children.stopped():
        raise children.Stopped()
    try:
        report = json.loads(out)
    except ValueError:
        raise tf.Failure(f"checkov gave no report (exit {child.returncode}); start it by hand: {' '.join(map(str, words))}") from None
    failed, passed, skipped = [], 0, []
    for one in report if isinstance(report, list) else [report]:
        if "results" not in one:
            continue
        if one["summary"].get("parsing_errors"):
            raise tf.Failure(f"checkov could not parse {one['results']['parsing_errors']}")
        failed += one["results"]["failed_checks"]
        skipped += one["results"]["skipped_checks"]
        passed += one["summary"]["passed"]
    return failed, passed, skipped


def policy(folder):
    """The gate itself: gives (count of passed, {(id, reason): count} of skipped); raises Failure with each failed check."""
    written = skips_have_reasons()
    failed, passed, skipped = checkov(folder)
    if failed:
        raise tf.Failure("\n  ".join([f"checkov: {len(failed)} failed"] + sorted({line_of(c) for c in failed})))
    if not passed:
        raise tf.Failure("checkov passed nothing: it did not read the tree")
    reasons = {(name, f"{reason} (everywhere)"): 0 for name, reason in written.items()}
    for check in skipped:
        reason = check["check_result"].get("suppress_comment")
        if not reason:
            raise tf.Failure(f"checkov skipped {line_of(check)} without a reason")
        reasons[check["check_id"], reason] = reasons.get((check["check_id"], reason), 0) + 1
    return passed, reasons


def line_of(check):
    return f"{check['check_id']} {check['resource']} ({check['file_path']}:{check['file_line_range'][0]}) {check['check_name']}"


def skips_have_reasons():
    """Each skip in .checkov.yaml has a comment on its line, each inline one a reason after the id. Gives {id: reason} of the former."""
    found, inside = {}, False
    for number, line in enumerate((tf.ROOT / ".checkov.yaml").read_text().splitlines(), 1):
        inside = line.startswith("skip-check:") or inside and not re.match(r"^\S", line)
        if inside and line.lstrip().startswith("- "):
            said = re.search(r"- (CKV\w+)\s+# (\S.{15,})", line)
            if not said:
                raise tf.Failure(f".checkov.yaml:{number}: a skip takes its reason on the same line: - CKV_AWS_1 # why")
            found[said[1]] = said[2]
    for path in sorted(tf.ROOT.rglob("*.tf")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if "checkov:skip=" in line and not re.search(r"checkov:skip=CKV\w+:\S.{15,}", line):
                raise tf.Failure(f"{path.relative_to(tf.ROOT)}:{number}: a skip takes its reason: checkov:skip=CKV_AWS_1:why")
    return found


def faults():
    """tests/faults.json: name, kind, edits (file, from, to), module or area, and for each gate the text its refusal must hold."""
    found = json.loads((tf.ROOT / "tests" / "faults.json").read_text())
    missing = KINDS - {f["kind"] for f in found}
    unknown = {gate for f in found for gate in f["gates"]} - set(GATES)
    if missing or unknown or len({slug(f) for f in found}) < len(found) or not all(f["gates"] for f in found):
        raise tf.Failure(f"faults.json: no fault of kind {sorted(missing)}, unknown gates {sorted(unknown)}, or a name twice or without a gate")
    return found


def slug(fault):
    return re.sub(r"\W+", "-", fault["name"])


def plant(fault, gate):
    """A copy of the tree for GATE with FAULT in it."""
    copy = tf.fresh_copy(tf.RUN / "faults" / gate / slug(fault) / "terraform")
    for edit in fault["edits"]:
        path = copy / edit["file"]
        text = path.read_text()
        if text.count(edit["from"]) != 1:
            raise tf.Failure(f"fault '{fault['name']}': its text is {text.count(edit['from'])} times in {edit['file']}, not once")
        path.write_text(text.replace(edit["from"], edit["to"]))
    return copy


def refused_by_test(fault, env):
    reason, folder = fault["gates"]["test"], plant(fault, "test") / fault["module"]
    tf.init(folder, env)
    only = [f"-filter=tests/{p.name}" for p in sorted((folder / "tests").glob("*.tftest.hcl")) if reason in p.read_text()]
    code, out = tf.run(folder, "test", "-no-color", *only, env=env, codes=(0, 1))
    if code != 1 or reason not in " ".join(out.replace("│", " ").split()):
        raise tf.Failure(f"fault '{fault['name']}': the mock tests did not refuse it with '{reason}'\n{out[-3000:]}")
    return reason


def refused_by_apply(fault, book):
    reason = fault["gates"]["apply"]
    try:
        cloud.run_area(plant(fault, "apply"), fault["area"], book)
    except tf.Failure as refusal:
        if reason in str(refusal):
            return reason
        raise tf.Failure(f"fault '{fault['name']}': refused, but not with '{reason}':\n{refusal}") from None
    raise tf.Failure(f"fault '{fault['name']}': area {fault['area']} passed with it")


def refused_by_rules(fault):
    reason = fault["gates"]["rules"]
    try:
        rules.check(plant(fault, "rules"))
    except tf.Failure as refusal:
        if reason in str(refusal):
            return reason
        raise tf.Failure(f"fault '{fault['name']}': refused, but not with '{reason}':\n{refusal}") from None
    raise tf.Failure(f"fault '{fault['name']}': the house rules passed with it")


def refused_by_checkov(planted):
    """One run of checkov over the modules of all PLANTED faults; gives those it refused as it must, and those that passed."""
    root = tf.RUN / "faults" / "modules"
    for fault in planted:
        shutil.copytree(plant(fault, "checkov") / fault["module"], root / slug(fault), ignore=shutil.ignore_patterns("tests"))
    failed, _, _ = checkov(root)
    found = {(c["file_path"].strip("/").split("/")[0], c["check_id"]) for c in failed}
    caught = [f for f in planted if (slug(f), f["gates"]["checkov"]) in found]
    return caught, [f for f in planted if f not in caught]

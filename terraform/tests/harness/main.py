"""The stages of scripts/plan-test, one progress line per step, the first failure of every stage at the end."""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__))
import cloud  # noqa: E402
import gates  # noqa: E402
import ledger  # noqa: E402
import rules  # noqa: E402
import tf  # noqa: E402

START = time.monotonic()
JOBS = int(os.environ.get("PLAN_TEST_JOBS", min(4, os.cpu_count() or 1)))
STAGES = ["fmt", "rules", "validate", "test", "plan", "moto", "checkov", "faults"]
problems = []
lock = threading.Lock()


def say(text):
    with lock:
        print(f"[{time.monotonic() - START:6.1f} s] {text}", flush=True)


def step(name, work, *args):
    """Runs one step, says how it went, and keeps its failure for the end."""
    began = time.monotonic()
    try:
        note, value = work(*args)
        say(f"ok    {name}: {note} ({time.monotonic() - began:.1f} s)")
        return value
    except (tf.Failure, OSError, KeyError, AssertionError, subprocess.TimeoutExpired) as wrong:
        text = str(wrong) if isinstance(wrong, tf.Failure) else f"{type(wrong).__name__}: {wrong}"
        say(f"FAIL  {name} ({time.monotonic() - began:.1f} s)\n{text}")
        with lock:
            problems.append(f"{name}: {text.splitlines()[0]}")
        return None


def every(pairs):
    """Runs (name, work, *args) with at most JOBS at once; gives the values in order."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return [f.result() for f in [pool.submit(step, *pair) for pair in pairs]]


def fmt():
    _, out = tf.run(tf.ROOT, "fmt", "-check", "-recursive", "-no-color", codes=(0, 3))
    if out.strip():
        raise tf.Failure(f"not formatted (terraform fmt -recursive terraform): {', '.join(out.split())}")
    return "every file is formatted", True


def house_rules():
    found = rules.check()
    return "{asserts} asserts in {runs} runs; {validations} validations, {refused} with a run that must fail".format(**found), found


def validate(folder):
    tf.init(folder)
    tf.run(folder, "validate", "-no-color")
    return "valid", True


def mock_test(folder):
    tf.init(folder)
    code, out = tf.run(folder, "test", "-no-color", codes=(0, 1))
    found = re.search(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", out)
    if code or not found:
        raise tf.Failure(f"terraform test in {tf.name_of(folder)} failed\n{out[-6000:]}")
    return f"{found[1]} runs passed", int(found[1])


def planned(folder):
    return f"{cloud.plan_environment(folder)} resources on an empty account", True


def area(name, book):
    found = cloud.run_area(name, book)
    drift = f"{len(found['drift'])} known differences" if found["drift"] else "clean"
    return f"applied, {found['seen']} facts seen, second plan {drift}, destroyed", found


def whole_ledger(found, book):
    """Nothing applied is called a gap, nothing is a gap without a row, and no row is left over."""
    applied = set().union(*(f["types"] for f in found))
    gaps = {row[0] for row in book["Not applied"]}
    wrong = [f"{t} is never applied; an area, or a row under Not applied" for t in sorted(rules.types_declared() - applied - gaps)]
    wrong += [f"{t} is applied; its row under Not applied is stale" for t in sorted(gaps & applied)]
    wrong += [f"{t} is in no module; its row under Not applied is stale" for t in sorted(gaps - rules.types_declared())]
    for section, key in (("Drift", "drift"), ("Secret in state", "leaks")):
        needed = set().union(*(f[key] for f in found))
        wrong += [f"{section}: {row[0]} {row[1]} did not occur; its row is stale" for row in book[section] if tuple(row) not in needed]
    if wrong:
        raise tf.Failure("\n  ".join(["exemptions.md does not say what is so:"] + wrong))
    return f"{len(applied)} resource types applied, {len(gaps)} named as gaps, nothing unexplained", True


def policy():
    skips = gates.skips_have_reasons()
    failed, passed, skipped = gates.checkov(tf.COPY)
    if failed:
        raise tf.Failure("\n  ".join([f"checkov: {len(failed)} failed"] + failed))
    return f"{passed} passed, 0 failed, {skipped} skipped by {skips} rules that each say why", passed


def planted(fault):
    return f"refused by {' and '.join(gates.plant(fault))}", True


def main():
    words = argparse.ArgumentParser(prog="plan-test")
    words.add_argument("--only", default=",".join(STAGES), help=f"stages, of {','.join(STAGES)}")
    words.add_argument("--area", default="", help="areas of the moto stage")
    words.add_argument("--module", default="", help="modules or environments of the test stage")
    chosen = words.parse_args()
    stages = chosen.only.split(",")
    if set(stages) - set(STAGES):
        words.error(f"no such stage; there are {', '.join(STAGES)}")
    some_areas, some_modules = [n for n in chosen.area.split(",") if n], [n for n in chosen.module.split(",") if n]
    tf.fresh_copy()
    copy = {folder: tf.COPY / folder.relative_to(tf.ROOT) for folder in rules.modules() + rules.roots()}
    if "fmt" in stages:
        step("fmt", fmt)
    if "rules" in stages:
        step("house rules", house_rules)
    if "validate" in stages:
        every([(f"validate {tf.name_of(f)}", validate, copy[f]) for f in rules.roots()])
    if "test" in stages:
        tested = [f for f in copy if rules.tests_of(f) and (not some_modules or f.name in some_modules)]
        passed = every([(f"test {tf.name_of(f)}", mock_test, copy[f]) for f in tested])
        say(f"      {sum(n or 0 for n in passed)} mock runs passed in {len(tested)} folders")
    if "plan" in stages:
        every([(f"plan {tf.name_of(copy[f])}", planned, copy[f]) for f in rules.environments()])
    if "moto" in stages:
        book = step("ledger", lambda: ("read", ledger.read()))
        if book:
            found = every([(f"moto {name}", area, name, book) for name in cloud.areas(some_areas)])
            if all(found) and not some_areas:
                step("ledger", whole_ledger, found, book)
            say(f"      {sum(f['seen'] for f in found if f)} facts seen through boto3")
    if "checkov" in stages:
        step("checkov", policy)
    if "faults" in stages:
        every([(f"fault '{f['name']}'", planted, f) for f in gates.faults()])
    for problem in problems:
        print(f"FAILED: {problem}")
    say("plan-test failed" if problems else f"plan-test passed: {', '.join(stages)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

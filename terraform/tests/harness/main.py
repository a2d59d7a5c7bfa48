"""The stages of `make plan-test` (../run): which steps there are, what they say, and the summary with the verdict."""
import argparse
import os
import re
import signal
import sys
import time
import unittest
from importlib.metadata import version

sys.path.insert(0, os.path.dirname(__file__))
import children  # noqa: E402
import cloud  # noqa: E402
import gates  # noqa: E402
import ledger  # noqa: E402
import provider  # noqa: E402
import rules  # noqa: E402
import stopping  # noqa: E402
import tf  # noqa: E402
from steps import AREA_JOBS, JOBS, START, Pools, problems, say, step  # noqa: E402

STAGES = ["self", "fmt", "rules", "validate", "test", "plan", "moto", "checkov", "faults", "stop"]
summary = {}


def harness():
    found = unittest.TestLoader().discover(str(tf.ROOT / "tests" / "selftest"))
    result = unittest.TextTestRunner(stream=open(os.devnull, "w"), verbosity=0).run(found)
    if result.errors or result.failures or not result.testsRun:
        raise tf.Failure("the harness does not do what it says\n" + "\n".join(text for _, text in result.errors + result.failures))
    return f"{result.testsRun} checks of the harness", result.testsRun


def fmt():
    _, out = tf.run(tf.ROOT, "fmt", "-check", "-recursive", "-no-color", codes=(0, 3))
    if out.strip():
        raise tf.Failure(f"not formatted (terraform fmt -recursive terraform): {', '.join(out.split())}")
    return "every file is formatted", True


def house_rules():
    found = rules.check()
    return "{asserts} asserts in {runs} runs; {validations} validations, {refused} with a run that must fail".format(**found), found


def validate(folder, env):
    tf.init(folder, env)
    tf.run(folder, "validate", "-no-color", env=env)
    return "valid", True


def mock_test(folder, env):
    tf.init(folder, env)
    code, out = tf.run(folder, "test", "-no-color", env=env, codes=(0, 1))
    found = re.search(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", out)
    if code or not found or int(found[3] or 0) or not int(found[1]):
        raise tf.Failure(f"terraform test in {tf.name_of(folder)} failed\n{out[-6000:]}")
    return f"{found[1]} runs passed", int(found[1])


def planned(folder, book):
    found = cloud.plan_environment(folder, book)
    return f"{found['resources']} resources on an empty account, {found['texts']} texts searched for secrets", found


def area(tree, name, book):
    found = cloud.run_area(tree, name, book)
    drift = f"{len(found['drift'])} known differences" if found["drift"] else "clean"
    if found.get("hybrid"):
        return f"applied as a whole with what moto lacks made up, {found['seen']} facts seen, destroyed", found
    return f"applied, {found['seen']} facts seen, second plan {drift}, destroyed, {found['texts']} texts searched for secrets", found


def whole_ledger(areas, plans, book):
    summary.update(ledger.judge(areas, plans, book, rules.types_declared()))
    return f"{summary['types']}; {summary['ledger']}", True


def policy(tree):
    passed, skipped = gates.policy(tree)
    return f"{passed} passed, 0 failed, {sum(skipped.values())} skipped, each with its reason", (passed, skipped)


def stopped():
    took = stopping.stop_while_applying()
    return f"stopped while it applies: nothing left running, its folder gone, {took:.1f} s after the signal", True


def nothing_left():
    left = [command for _, command in children.marked(f"TMPDIR={tf.RUN}")]
    if left:
        raise tf.Failure(f"still running at the end: {left}")
    return "no process of this run is left", True


def refused(name, work, fault, *more):
    return f"refused: {work(fault, *more)}", (fault["name"], name)


def checkov_refused(planted):
    caught, passed = gates.refused_by_checkov(planted)
    for fault in passed:
        say(f"FAIL  fault '{fault['name']}': checkov did not refuse it with {fault['gates']['checkov']}")
        problems.append(f"fault '{fault['name']}': checkov did not refuse it with {fault['gates']['checkov']}")
    said = ", ".join(f"{fault['name']} ({fault['gates']['checkov']})" for fault in caught)
    return f"{len(caught)} of {len(planted)} refused: {said}", {(fault["name"], "checkov") for fault in caught}


def main():
    words = argparse.ArgumentParser(prog="plan-test")
    words.add_argument("--only", default=",".join(STAGES), help=f"stages, of {','.join(STAGES)}")
    words.add_argument("--area", default="", help="areas of the moto stage")
    words.add_argument("--module", default="", help="modules or environments of the test stage")
    chosen = words.parse_args()
    stages = chosen.only.split(",")
    if set(stages) - set(STAGES):
        words.error(f"no such stage; there are {', '.join(STAGES)}")
    unknown = {n for n in chosen.module.split(",") if n} - {folder.name for folder in rules.modules() + rules.roots()}
    if unknown:
        words.error(f"no such module or environment: {', '.join(sorted(unknown))}")
    part = [f"--{name} {value}" for name, value in vars(chosen).items() if value != words.get_default(name)]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    tf.begin()
    code = 1
    try:
        everything(stages, [n for n in chosen.area.split(",") if n], [n for n in chosen.module.split(",") if n])
        code = verdict(part)
    except tf.Failure as wrong:
        say(f"plan-test failed: {wrong}")
    except KeyboardInterrupt as stop:
        say(f"plan-test stopped by {stop}")
        code = 130
    finally:
        children.stop_all()
        if code == 130 and stopping.can_look():
            step("processes", nothing_left)
        note = tf.leave()
        if note:
            say(note)
    return code


def interrupted(number, _frame):
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)  # the cleaning takes a second and must not be cut short
    raise KeyboardInterrupt(signal.Signals(number).name)


def everything(stages, some_areas, some_modules):
    """Starts every step in one of two pools, then gathers what they gave."""
    if "self" in stages:
        summary["harness"] = step("harness", harness)
    if "fmt" in stages:
        step("fmt", fmt)
    if "rules" in stages:
        summary["rules"] = step("house rules", house_rules)
    summary["provider"] = step("provider", lambda: (f"hashicorp/aws {provider.fetch()}", provider.fetched["version"]))
    book = step("ledger", lambda: ("read", ledger.read()))
    names = cloud.areas(some_areas)
    if not summary["provider"] or book is None:
        return
    tree = tf.fresh_copy(tf.COPY)
    copy = {folder: tree / folder.relative_to(tf.ROOT) for folder in rules.modules() + rules.roots()}
    faults = gates.faults() if "faults" in stages else []
    with provider.Shared("mocks") as shared, Pools() as pools:
        jobs = {name: [] for name in STAGES + ["caught", "checkov on faults"]}

        def start(pool, stage, *what):
            jobs[stage].append(pool.submit(step, *what))

        for name in names if "moto" in stages else []:
            start(pools.waiting, "moto", f"moto {name}", area, tree, name, book)
        for fault in [f for f in faults if "apply" in f["gates"]]:
            start(pools.waiting, "caught", f"fault '{fault['name']}': {gates.GATES['apply']}", refused, "apply", gates.refused_by_apply, fault, book)
        for folder in rules.roots() if "validate" in stages else []:
            start(pools.busy, "validate", f"validate {tf.name_of(folder)}", validate, copy[folder], shared.env)
        for folder in rules.environments() if "plan" in stages else []:
            start(pools.busy, "plan", f"plan {tf.name_of(folder)}", planned, copy[folder], book)
        for folder in copy if "test" in stages else []:
            if rules.tests_of(folder) and (not some_modules or folder.name in some_modules):
                start(pools.busy, "test", f"test {tf.name_of(folder)}", mock_test, copy[folder], shared.env)
        if "checkov" in stages:
            start(pools.busy, "checkov", "checkov", policy, tree)
        if faults:
            start(pools.busy, "checkov on faults", "faults: checkov", checkov_refused, [f for f in faults if "checkov" in f["gates"]])
        if "stop" in stages and not stopping.can_look():
            say("skipped: stop: this system has no /proc to look for what is left")
        elif "stop" in stages:
            start(pools.waiting, "stop", "stop", stopped)
        for fault in faults:
            for gate, work, more in (("test", gates.refused_by_test, [shared.env]), ("rules", gates.refused_by_rules, [])):
                if gate in fault["gates"]:
                    start(pools.busy, "caught", f"fault '{fault['name']}': {gates.GATES[gate]}", refused, gate, work, fault, *more)
        found = {stage: [job.result() for job in started] for stage, started in jobs.items()}
    if stopping.can_look():
        step("processes", nothing_left)
    gather(found, faults, book, whole=not some_areas and {"moto", "plan"} <= set(stages))


def gather(found, faults, book, whole):
    areas, plans = found["moto"], found["plan"]
    if whole and all(areas) and all(plans):
        step("ledger", whole_ledger, areas, plans, book)
    if found["test"]:
        summary["mocks"] = f"{sum(n or 0 for n in found['test'])} runs passed in {len(found['test'])} folders"
    if plans:
        summary["plans"] = f"{len(plans)} environments, {sum(p['resources'] for p in plans if p)} resources"
    if areas:
        summary["moto"] = f"{sum(1 for a in areas if a)} of {len(areas)} areas applied and destroyed, {sum(a['seen'] for a in areas if a)} facts seen"
    looked = [f for f in areas + plans if f]
    if looked:
        summary["search"] = (f"{sum(f['secrets'] for f in looked)} secrets searched for in {sum(f['texts'] for f in looked)} "
                             "states, plans and outputs")
    if found["checkov"] and found["checkov"][0]:
        summary["checkov"] = found["checkov"][0]
    if faults:
        caught = set(found["caught"]) | (found["checkov on faults"][0] or set())
        summary["faults"] = [(f, [gate for gate in f["gates"] if (f["name"], gate) in caught]) for f in faults]
        for fault, caught in summary["faults"]:
            if set(caught) != set(fault["gates"]) and not problems:
                problems.append(f"fault '{fault['name']}' was not looked at by each of its gates")


def verdict(part):
    """Prints the summary; gives the exit code."""
    lines = {"provider": f"hashicorp/aws {summary.get('provider')}, moto {version('moto')}"}
    if summary.get("harness"):
        lines["harness"] = f"{summary['harness']} checks of ledger, drift, search for secrets and processes"
    if summary.get("rules"):
        lines["asserts"] = "{asserts} in {runs} mock runs; {refused} of {validations} validations refused by a run".format(**summary["rules"])
    lines |= {key: summary[key] for key in ("mocks", "plans", "moto", "types", "ledger", "search") if summary.get(key)}
    if summary.get("checkov"):
        passed, skipped = summary["checkov"]
        lines["checkov"] = f"{passed} passed, 0 failed, {sum(skipped.values())} skipped:"
    if "faults" in summary:
        lines["faults"] = f"{sum(set(c) == set(f['gates']) for f, c in summary['faults'])} of {len(summary['faults'])} caught by all their gates:"
    print("\nplan-test: summary")
    for key, text in lines.items():
        print(f"  {key:9} {text}")
        if key == "checkov":
            for (name, reason), count in sorted(skipped.items()):
                print(f"            {name}{f' {count}' if count else ''}: {reason}")
        if key == "faults":
            for fault, caught in summary["faults"]:
                print(f"            {fault['kind']}: {fault['name']}: {', '.join(gates.GATES[g] for g in caught) or 'NOT CAUGHT'}")
    print(f"  seconds   {time.monotonic() - START:.0f} ({JOBS} commands at once, {AREA_JOBS} areas)")
    for problem in problems:
        print(f"FAILED: {problem}")
    print(f"plan-test {'failed' if problems else 'passed'}{' (a part: ' + ' '.join(part) + ')' if part else ''}", flush=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

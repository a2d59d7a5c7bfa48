"""Running Terraform: a copy of the tree to work in, time limits, clear failures."""
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import children

ROOT = Path(__file__).resolve().parents[2]  # terraform/
LIMIT = 300  # seconds for one command; the slowest known (an RDS instance on moto) takes 110
COPY = None  # the copy of the tree that stages work in; each planted fault has its own beside it
RUN = None  # the folder of this run: copies, states, plans, sockets of providers; made by begin(), removed by leave()


class Failure(Exception):
    """A check that did not hold; the text says what and where."""


def begin():
    """Makes the folder of the run. TMPDIR is in it, so that sockets of providers that had to be killed go with it."""
    global COPY, RUN
    RUN = Path(tempfile.mkdtemp(prefix="plan-test-"))
    for name in ("tmp", "faults"):
        (RUN / name).mkdir()
    COPY = RUN / "tree" / "terraform"


def leave():
    """Removes the folder of the run, or keeps it when PLAN_TEST_KEEP is set; gives what to say about it."""
    if os.environ.get("PLAN_TEST_KEEP"):
        return f"kept {RUN} (PLAN_TEST_KEEP is set)"
    shutil.rmtree(RUN, ignore_errors=True)
    return "" if not RUN.exists() else f"could not remove {RUN}; remove it"


def fresh_copy(to):
    """A copy of terraform/ without anything a run leaves behind, so that the source tree stays as it is; services.yaml beside it."""
    leave_out = shutil.ignore_patterns(".terraform", "*.tfstate*", ".terraform.lock.hcl", "harness", "selftest", "__pycache__")
    shutil.copytree(ROOT, to, ignore=leave_out)
    shutil.copy(ROOT.parent / "services.yaml", to.parent)
    return to


def environment(**more):
    env = dict(os.environ)
    for name in [n for n in env if n.startswith(("AWS_", "TF_VAR_", "TF_LOG", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR"))]:
        del env[name]  # a developer's account must never be reached, and his habits must not change the proof
    env.update(
        TF_IN_AUTOMATION="1", CHECKPOINT_DISABLE="1", AWS_EC2_METADATA_DISABLED="true",
        AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_REGION="eu-central-1",
        AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null", TMPDIR=str(RUN / "tmp"),
    )
    env.update(more)
    return env


def run(folder, *words, env=None, codes=(0,), limit=LIMIT):
    """terraform WORDS in FOLDER; gives (exit code, output), raises Failure on a code that is not expected."""
    child = children.start(["terraform", *words], cwd=folder, env=env or environment(), text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        out = children.finish(child, limit)
    except subprocess.TimeoutExpired as slow:
        tail = (slow.stdout or b"").decode(errors="replace")[-1500:]
        raise Failure(f"terraform {words[0]} in {name_of(folder)} took more than {limit} s\n{tail}") from None
    if children.stopped():
        raise children.Stopped()
    if child.returncode not in codes:
        raise Failure(f"terraform {' '.join(words)} in {name_of(folder)} exited with {child.returncode}\n{gist(out)}")
    return child.returncode, out


def gist(out):
    """From the first error on, or the end of OUT: a plan of a whole environment is long."""
    at = out.find("Error: ")
    return out[at:][:5000] if at >= 0 and len(out) > 5000 else out[-5000:]


def init(folder, env=None):
    code, out = run(folder, "init", "-backend=false", "-input=false", "-no-color", env=env, codes=(0, 1))
    if code:
        raise Failure(f"terraform init in {name_of(folder)} failed\n{out[-3000:]}")


def show_json(folder, what, env=None):
    _, out = run(folder, "show", "-json", what, env=env)
    return json.loads(out)


def name_of(folder):
    parts = Path(folder).resolve().parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("terraform"):]) if "terraform" in parts else str(folder)

"""Running Terraform: one copy of the tree to work in, the chosen provider, time limits, clear failures."""
import json
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # terraform/
WORK = ROOT.parent / "target" / "plan-test"
COPY = WORK / "terraform"
LIMIT = 300  # seconds for one command; the slowest known (an RDS instance on moto) takes 110


class Failure(Exception):
    """A check that did not hold; the text says what and where."""


def fresh_copy(to=COPY):
    """A copy of terraform/ without anything a run leaves behind, so that the source tree stays as it is."""
    shutil.rmtree(to, ignore_errors=True)
    leave = shutil.ignore_patterns(".terraform", "*.tfstate*", ".terraform.lock.hcl", "harness", "__pycache__")
    shutil.copytree(ROOT, to, ignore=leave)
    return to


def environment(**more):
    env = dict(os.environ)
    for name in [n for n in env if n.startswith(("AWS_", "TF_VAR_"))]:
        del env[name]  # a developer's account must never be reached
    env.update(
        TF_IN_AUTOMATION="1", CHECKPOINT_DISABLE="1", AWS_EC2_METADATA_DISABLED="true",
        AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_REGION="eu-central-1",
        AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null",
    )
    env.update(more)
    return env


def run(folder, *words, env=None, codes=(0,), limit=LIMIT):
    """terraform WORDS in FOLDER; gives (exit code, output), raises Failure on a code that is not expected."""
    try:
        done = subprocess.run(["terraform", *words], cwd=folder, env=env or environment(), text=True, timeout=limit,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired as slow:
        tail = (slow.stdout or b"").decode(errors="replace")[-1500:]
        raise Failure(f"terraform {words[0]} in {name_of(folder)} took more than {limit} s\n{tail}") from None
    if done.returncode not in codes:
        raise Failure(f"terraform {' '.join(words)} in {name_of(folder)} exited with {done.returncode}\n{gist(done.stdout)}")
    return done.returncode, done.stdout


def gist(out):
    """From the first error on, or the end of OUT: a plan of a whole environment is long."""
    at = out.find("Error: ")
    return out[at:][:5000] if at >= 0 and len(out) > 5000 else out[-5000:]


def init(folder, env=None):
    code, out = run(folder, "init", "-backend=false", "-input=false", "-no-color", env=env, codes=(0, 1))
    if code == 0:
        return
    if "registry" in out or "provider" in out.lower() and "quer" in out.lower():
        raise Failure("no AWS provider: no mirror has it and the public registry does not answer; name a folder that holds "
                      f"registry.terraform.io/hashicorp/aws with TF_PLUGIN_MIRROR\n{out[-1500:]}")
    raise Failure(f"terraform init in {name_of(folder)} failed\n{out[-3000:]}")


def show_json(folder, what=None, env=None):
    _, out = run(folder, "show", "-json", *([what] if what else []), env=env)
    return json.loads(out)


def name_of(folder):
    parts = Path(folder).resolve().parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("terraform"):]) if "terraform" in parts else str(folder)

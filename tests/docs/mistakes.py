"""Whether the other verbs see what they are for: each kind of mistake is made in a copy of the pages, and a verb has to name it. A
mistake that nobody can make any more (its line is gone) fails as well."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from pages import ROOT, Account

GUIDE = "docs/deploy.md"
FIRST, ROTATE = "docs/deploy/first-deploy.md", "docs/deploy/rotate-keys-and-credentials.md"
# The verb, the file, what is replaced by what, and what has to be said of it.
MISTAKES = [
    ("names", FIRST, "^make plan ", "make plans ", "there is no `make plans`"),
    ("names", FIRST, "install-addons --cluster", "install-addon --cluster", "there is no scripts/install-addon"),
    ("names", FIRST, "^rm smtp$", 'rm "smtp', "unexpected EOF"),
    ("names", FIRST, r"jq \.user_prefix", "jq .user_prefixes", "has no output redis.user_prefixes"),
    ("names", "scripts/deploy", r"postgres\.value\.address", "postgres.value.adress", "have no output postgres.adress"),
    ("names", "docs/deploy/tear-down.md", "-var=cluster_name", "-var=cluster", "has no variable cluster"),
    ("names", FIRST, "TF_VAR_broker_bootstrap_password", "TF_VAR_broker_password", "variable broker_password"),
    ("names", FIRST, "ENVIRONMENT/notification/smtp", "ENVIRONMENT/notification/mail", "nothing makes the secret notification/mail"),
    ("names", ROTATE, r"`secrets\.refreshInterval`", "`secrets.refresh`", "secrets.refresh is no value"),
    ("names", ROTATE, r"`token\.key_rotation_s`", "`token.rotation_s`", "token.rotation_s is no value"),
    ("names", "docs/deploy/lose-a-zone.md", r"--set pods\.requireZones", "--set pods.zones", "the chart has no value pods.zones"),
    ("names", FIRST, "exec deploy/notification", "exec deploy/mailer", "makes no Deployment mailer"),
    ("names", ROTATE, "provision-stores broker", "provision-stores brokers", "does not know brokers"),
    ("names", "docs/deploy/roll-back.md", "REVISION=41", "RELEASE_NUMBER=41", "reads RELEASE_NUMBER"),
    ("names", GUIDE, r"^\| `DEPLOY_RUNNER`.*\n", "", "variable DEPLOY_RUNNER is read by a workflow, and not listed"),
    ("names", ".github/workflows/release.yml", r"vars\.AWS_PUSH_ROLE", "vars.PUSH_ROLE", "variable AWS_PUSH_ROLE is listed, and no workflow reads it"),
    ("names", "terraform/addons/charts.json", r"gateway-api/releases/download/v[0-9.]+", "gateway-api/releases/download/v0.1.0", "Gateway API v0.1.0"),
    ("names", "docs/deploy/roll-back.md", "--sort-by", "--sorted-by", "has no --sorted-by"),
    ("follow", FIRST, "^kubectl -n signalbox get pods$", "kubctl -n signalbox get pods", "kubctl: command not found"),
    ("follow", "docs/deploy/lose-a-zone.md", r"^ *CLUSTER_ARN=.*\n", "", "CLUSTER_ARN: unbound variable"),
    ("follow", FIRST, r"edge\.yaml", "edges.yaml", "edges.yaml"),
    ("follow", FIRST, r"^.*> smtp\n", "", "smtp"),
    ("follow", FIRST, "deploy/cluster/telemetry", "deploy/cluster/tracing", "tracing"),
]
OF_KUBECTL = ("has no --sorted-by", "tracing")
CHANGED = ("docs", "scripts", ".github", "terraform")


def wrong(mistake):
    """What is wrong with the verb that has to find this one, or None."""
    verb, file, before, after, said = mistake
    with tempfile.TemporaryDirectory() as folder:
        desk = pathlib.Path(folder)
        for entry in ROOT.iterdir():
            if entry.name in CHANGED:
                shutil.copytree(entry, desk / entry.name, ignore=shutil.ignore_patterns(".terraform"))
            elif entry.name != ".git":
                (desk / entry.name).symlink_to(entry)
        text = (desk / file).read_text()
        planted = re.sub(before, after, text, flags=re.M)
        if planted == text:
            return f"has nothing for {before}"
        (desk / file).write_text(planted)
        flags = [] if "has no --" in said else ["--without-flags"]
        done = subprocess.run([sys.executable, pathlib.Path(__file__).parent / "check", *flags, verb], capture_output=True, text=True,
                              env={**os.environ, "ROOT": folder}, check=False)
    output = done.stdout + done.stderr
    return None if done.returncode == 1 and said in output else f'{verb} does not say "{said}" but {output.splitlines()[-3:]}'


def check():
    account, here = Account("mistakes"), [mistake for mistake in MISTAKES if shutil.which("kubectl") or mistake[4] not in OF_KUBECTL]
    if here != MISTAKES:
        print("skipped: kubectl is not installed, so no flag and no folder of it was misspelt")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for mistake, what in zip(here, pool.map(wrong, here)):
            account.hold("mistakes found", mistake[1], what, not what)
    return account.closed()

"""Runs the commands of the pages somebody follows, one by one and in order, with stand-ins for every program that needs an account, a
cluster or a network. A variable that nothing has set, a program that is misspelt, a file that no earlier step made, a quote in the
wrong place: each ends a page here as it does at somebody's desk. What programs would have answered is not known; tests/deploy is
about that."""
import pathlib
import re
import subprocess
import tempfile

from pages import GUIDES, ROOT, Account, blocks

# What a stand-in says; by default nothing. Each notes its call, and takes what is piped into it.
ANSWERS = {
    "aws": '''case "$*" in
  *describe-db-instances*LatestRestorableTime*) echo 2026-11-21T13:00:00Z ;;
  *"describe-db-instances"*"DBInstances[0]") echo '{"DBSubnetGroup":{"DBSubnetGroupName":"a"},
    "VpcSecurityGroups":[{"VpcSecurityGroupId":"sg-1"}],"DBParameterGroups":[{"DBParameterGroupName":"b"}]}' ;;
  *get-random-password*) echo made-up ;;
esac''',
    "terraform": '''case "$*" in
  *"output -json"*) echo '{}' ;;
  *"output -raw"*) echo something ;;
  *"state list"*) echo module.stack.module.postgres[0].aws_db_instance.this ;;
esac''',
    # Of what it would have fetched there is an empty file.
    "curl": '''for word in "$@"; do case $word in http*) url=$word ;; esac; done
case " $* " in *" -fsSO "*) : > "${url##*/}" ;; *jwks*) echo '{"keys":[{"kid":"a"}]}' ;; esac''',
    # Kustomize needs no cluster, so where kubectl is installed, it is the real one.
    "kubectl": '''if [ "$1" = kustomize ]; then
  real=$(PATH=/usr/local/bin:/usr/bin:/bin command -v kubectl) && exec "$real" "$@"; echo 'kind: List'; exit
fi
case "$*" in *" -f "*.yaml*) for word in "$@"; do case $word in http*) ;; *.yaml) cat "$word" > /dev/null || exit ;; esac; done ;;
  *" -f -") grep -q '^kind: ' || exit ;; *jsonpath*) printf eA== ;; esac''',
    "make": '''for word in "$@"; do case $word in -* | *=*) ;; *) grep -qE "^$word:.*##" "$MAKEFILE" || { echo "there is no make $word" >&2; exit 2; } ;; esac; done
case "$*" in *images-publish*) echo '{}' ;; esac''',
    "helm": "", "psql": "", "docker": "", "cosign": "", "git": "",
}


def follow(text, folder):
    """The first thing that goes wrong on a page, or None."""
    bin_folder, desk = folder / "bin", folder / "desk"
    bin_folder.mkdir()
    for name, answer in ANSWERS.items():
        path = bin_folder / name
        path.write_text(f"#!/usr/bin/env bash\n{answer}\n[ -t 0 ] || [ \"$(readlink /proc/$$/fd/0)\" = \"$TYPED\" ] || cat > /dev/null || true\n")
        path.chmod(0o755)
    # What lies on the desk: the repository, with scripts that only have their names.
    (desk / "scripts").mkdir(parents=True)
    for name in ("deploy", "docs", "terraform", "observability", "Makefile"):
        (desk / name).symlink_to(ROOT / name)
    for script in (ROOT / "scripts").iterdir():
        (desk / "scripts" / script.name).write_text("#!/bin/sh\n")
        (desk / "scripts" / script.name).chmod(0o755)
    # The state of bootstrap is on that disk, too.
    text = "set -euo pipefail\n" + "\n".join(f"echo '@ block {number}' >&2\n{block}" for number, block in enumerate(blocks(text), 1))
    text = text.replace("terraform/bootstrap/terraform.tfstate", "terraform.tfstate").replace("cd terraform/environments/prod", ":")
    (desk / "terraform.tfstate").write_text("{}")
    (folder / "typed").write_text("something typed\n" * 20)
    with open(folder / "typed") as typed:
        done = subprocess.run(["bash", "-c", text], cwd=desk, stdin=typed, capture_output=True, text=True, timeout=120, check=False, env={
            "PATH": f"{bin_folder}:/usr/local/bin:/usr/bin:/bin", "HOME": str(desk), "MAKEFILE": str(ROOT / "Makefile"),
            "TYPED": str(folder / "typed"), "LANG": "C.UTF-8", "TMPDIR": str(folder)})
    if done.returncode == 0:
        return None
    reached = re.findall(r"^@ block (\d+)$", done.stderr, re.M)
    said = [line for line in done.stderr.splitlines() if not line.startswith("@ ")]
    return f"block {reached[-1] if reached else '?'}: exit {done.returncode}: {said[-1] if said else 'without a word'}"


def check():
    account = Account("follow")
    for where, text in GUIDES.items():
        account.counts["blocks"] += len(list(blocks(text)))
        with tempfile.TemporaryDirectory() as folder:
            wrong = follow(text, pathlib.Path(folder))
        account.hold("pages", where, wrong, not wrong)
    return account.closed()

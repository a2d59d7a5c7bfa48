"""Passwords in files that are checked in: those this repository knows, and whatever looks like one."""
import pathlib
import re
import subprocess
import tempfile

from render import RENDERED, ROOT

# What passwords, keys and URLs with a password look like; templates of External Secrets name a password and have none.
LOOKS = re.compile(r"://[^\s/:@{]+:[^\s/@{]+@|BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|password\s*[:=]\s*[\"'][^\"'{$]+[\"']")
# Where tests write the passwords they use.
TESTS = ("terraform/tests", "terraform/modules", "crates/testkit", "crates/backends", "services/auth", "services/notification", "loadtests")
WRITTEN = re.compile(r"(?:password|secret|pass)\w*\"?\s*[:=(,]+\s*\"([^\"\s{}$/\\]{8,})\"", re.IGNORECASE)


def files():
    """Everything the chart brings into a cluster, or writes down."""
    chart = ROOT / "deploy/chart"
    return sorted(RENDERED.rglob("*.yaml")) + sorted(chart.glob("values*")) + sorted(chart.glob("templates/*")) + [chart / "README.md"]


def of_tests():
    """Passwords that tests and examples use: nobody may have copied one."""
    found = set()
    for folder in TESTS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".rs", ".hcl", ".py", ".tf", ".json") and path.is_file() and "target" not in path.parts:
                found |= set(WRITTEN.findall(path.read_text(errors="ignore")))
    return {text for text in found if re.search(r"\d|-", text) and not text.startswith("arn:")} | {"known-test-secret-"}


def of_servers():
    """Passwords that scripts/secrets makes, of a run of now, and those of this machine where it has some."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([ROOT / "scripts/secrets", folder], check=True, capture_output=True)
        made = {path.read_text().strip() for path in pathlib.Path(folder).glob("*_password")}
    mine = ROOT / ".secrets"
    return made | ({path.read_text().strip() for path in mine.glob("*_password")} if mine.is_dir() else set())


def stands_in(word, text):
    """Whether it is there as a word of its own: 12345678 is a password of a test, and part of many an account's number."""
    end = "(?![A-Za-z0-9])" if word[-1].isalnum() else ""  # one of them is the beginning of many
    return word in text and re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}{end}", text) is not None


def found_in(text, known):
    """What of the known passwords stands in a text, and what looks like one."""
    return sorted(word for word in known if stands_in(word, text)) + [match[0] for match in LOOKS.finditer(text)]

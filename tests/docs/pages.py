"""What the checks share: which pages there are, the shell in them, and the account of what was looked at and what is wrong."""
import collections
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(os.environ.get("ROOT") or pathlib.Path(__file__).resolve().parents[2])
# Name -> text: the pages somebody follows, and with them those beside what they explain.
GUIDES, PAGES = ({str(page.relative_to(ROOT)): page.read_text() for pattern in patterns for page in sorted(ROOT.glob(pattern))}
                 for patterns in (("docs/deploy.md", "docs/deploy/*.md"), ("docs/deploy.md", "docs/deploy/*.md", "deploy/*.md")))
WITH_FLAGS = "--without-flags" not in sys.argv


def read(path):
    return (ROOT / path).read_text()


def blocks(text):
    """The shell of a page; blocks may be indented below a list."""
    for indent, block in re.findall(r"^( *)```sh\n(.*?)^ *```", text, re.M | re.S):
        yield re.sub(rf"^{indent}", "", block, flags=re.M)


def shell(text):
    """The same as one text: a line for each command, without comments."""
    joined = "\n".join(blocks(text)).replace("\\\n", " ")
    return "\n".join(re.sub(r"(^|\s)#.*", "", line) for line in joined.splitlines())


class Account:
    def __init__(self, verb):
        self.verb, self.counts, self.bad = verb, collections.Counter(), []

    def hold(self, kind, where, what, good):
        """Counts one of KIND; WHAT is said of the page WHERE if it is not GOOD."""
        self.counts[kind] += 1
        if not good:
            self.bad.append(f"{where}: {what}")

    def missing(self, program):
        """A program that is not here: a line, or with STRICT a failure."""
        print(f"skipped: flags of {program}, which is not installed")
        if os.environ.get("STRICT"):
            self.bad.append(f"{program} is not installed, so its flags were not checked")

    def closed(self):
        bad = list(dict.fromkeys(self.bad))
        for line in bad:
            print(f"tests/docs/check {self.verb}: {line}", file=sys.stderr)
        print(f"tests/docs/check {self.verb}: {', '.join(f'{count} {kind}' for kind, count in sorted(self.counts.items()))}; {len(bad)} wrong")
        return not bad

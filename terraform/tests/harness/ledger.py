"""terraform/exemptions.md: what the apply stage cannot show, each with its reason. One table in each of three sections.

Drift           | area | address | attribute | why |      the second plan may show this difference and no other
Not applied     | resource type | why |                   moto cannot hold it; the mock tests cover it
Secret in state | area | address | attribute | why |      a known secret may be found here and nowhere else
A row that nothing needs is an error, so that the ledger can only shrink with what it describes; so is a line it cannot read.
"""
import re

from tf import ROOT, Failure

HEADINGS = {
    "Drift": ["Area", "Address", "Attribute", "Why"],
    "Not applied": ["Type", "Why"],
    "Secret in state": ["Area", "Address", "Attribute", "Why"],
}
SHAPES = {
    "Area": r"[a-z][a-z/]*",
    "Address": r"`[^`]+`",
    "Attribute": r"`[^`]+`",
    "Type": r"`aws_[a-z0-9_]+`",
    "Why": r"\S.{14,}",
}
MEANT = {
    "Area": "the name of an area, or environments/<name>, without backticks", "Address": "an address in backticks",
    "Attribute": "an attribute in backticks", "Type": "a resource type in backticks", "Why": "a reason of 15 characters or more",
}


def read(path=ROOT / "exemptions.md"):
    """Gives for each section its rows as tuples without the reason: (area, address, attribute) or (type,)."""
    return parse(path.read_text(), path.name)


def parse(text, name="exemptions.md"):
    lines, section, seen = {}, None, {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            section = line[3:].strip() if line.startswith("## ") else None
            if line.startswith("## ") and section not in HEADINGS:
                raise Failure(f"{name}:{number}: no section '{section}'; there are {', '.join(HEADINGS)}")
            if section in lines:
                raise Failure(f"{name}:{number}: section '{section}' is there twice; one table each")
            if section:
                lines[section] = []
        elif line.lstrip().startswith("|"):
            if not section:
                raise Failure(f"{name}:{number}: a table outside of the sections {', '.join(HEADINGS)} is read by nobody")
            lines[section].append((number, line))
        elif line.strip() and section and lines[section]:
            raise Failure(f"{name}:{number}: neither a row nor the next section: {line.strip()[:60]}")
    rows = {}
    for section, heading in HEADINGS.items():
        if section not in lines:
            raise Failure(f"{name}: section '{section}' is missing; keep it with an empty table")
        rows[section] = [row(section, number, line, seen, name) for number, line in table(section, heading, lines[section], name)]
    return rows


def cells(line):
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def table(section, heading, found, name):
    if len(found) < 2 or cells(found[0][1]) != heading or not all(set(c) <= {"-", ":"} and c for c in cells(found[1][1])):
        at = found[0][0] if found else "end"
        raise Failure(f"{name}:{at}: the table of '{section}' starts with | {' | '.join(heading)} | and a line of dashes")
    return found[2:]


def row(section, number, line, seen, name):
    found, heading = cells(line), HEADINGS[section]
    if len(found) != len(heading):
        raise Failure(f"{name}:{number}: {section} takes {len(heading)} cells, this row has {len(found)}")
    for kind, cell in zip(heading, found):
        if not re.fullmatch(SHAPES[kind], cell):
            raise Failure(f"{name}:{number}: '{cell}' is not {MEANT[kind]}")
    key = tuple(cell.strip("`") for cell in found[:-1])
    if (section, key) in seen:
        raise Failure(f"{name}:{number}: the same row as in line {seen[section, key]}; delete one")
    seen[section, key] = number
    return key


def judge(areas, plans, book, declared):
    """What AREAS and PLANS needed must be what BOOK says: nothing applied is called a gap, no type of DECLARED is neither applied nor
    a gap, no row is left over. Gives the figures; raises Failure with all that is wrong."""
    applied = set().union(*(f["types"] for f in areas))
    gaps = {row[0] for row in book["Not applied"]}
    wrong = [f"{t} is never applied; an area, or a row under Not applied" for t in sorted(declared - applied - gaps)]
    wrong += [f"{t} is applied; its row under Not applied is stale" for t in sorted(gaps & applied)]
    wrong += [f"{t} is in no module; its row under Not applied is stale" for t in sorted(gaps - declared)]
    for section, needed in (("Drift", set().union(*(f["drift"] for f in areas))),
                            ("Secret in state", set().union(*(f["leaks"] for f in areas + plans)))):
        wrong += [f"{section}: {' '.join(row)} did not occur; its row is stale" for row in book[section] if row not in needed]
    if wrong:
        raise Failure("\n  ".join(["exemptions.md does not say what is so:"] + wrong))
    return {"types": f"{len(applied & declared)} of {len(declared)} resource types applied, {len(gaps)} named as gaps with their reason",
            "ledger": f"{len(book['Drift'])} drift rows and {len(book['Secret in state'])} rows for secrets, each used; nothing unexplained"}

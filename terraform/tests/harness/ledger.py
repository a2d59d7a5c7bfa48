"""terraform/exemptions.md: what the apply stage cannot show, each with its reason. Only rows of its tables count.

Drift           | area | address | attribute | why |      the second plan may show this difference and no other
Not applied     | resource type | why |                   moto cannot hold it; the mock tests cover it
Secret in state | area | address | why |                  a known secret may be found here and nowhere else
A row that nothing needs is an error, so that the ledger can only shrink with what it describes.
"""
from tf import ROOT, Failure

WIDTH = {"Drift": 4, "Not applied": 2, "Secret in state": 3}


def read(path=ROOT / "exemptions.md"):
    rows = {name: [] for name in WIDTH}
    section = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("## "):
            section = line[3:].strip()
        elif section in WIDTH and line.startswith("|") and not set(line) <= set("|-: "):
            cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
            if len(cells) != WIDTH[section] or not all(cells):
                raise Failure(f"exemptions.md:{number}: {section} takes {WIDTH[section]} filled cells, this row has {len(cells)}")
            rows[section].append(cells)
    return {name: found[1:] for name, found in rows.items()}  # the first row is the heading

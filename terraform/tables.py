#!/usr/bin/env python3
"""Writes two tables of these pages: what it costs into README.md, from prices.json (dated, with the source of each price) and
costs.json (what each environment has), and the charts of addons/charts.json into addons/README.md. The tables of variables and
outputs are terraform-docs'. Called by `scripts/terraform docs`, with its --check.

--check writes nothing and fails when a table is old; both when a module is neither counted nor said why not, when a price has
no source, or when an environment is of another size than its lines say.
"""
import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent
SERVICES = yaml.safe_load((ROOT.parent / "services.yaml").read_text())["services"].values()


def counted(line):
    """The line with what each service of services.yaml adds to its count (`each`, by store of a service), and the count in its text."""
    uses = [[*service["stores"], *(["rabbitmq"] if "publishes" in service or "consumes" in service else [])] for service in SERVICES]
    count = line["count"] + sum(line.get("each", {}).get(store, 0) for stores in uses for store in stores)
    return line | {"count": count, "what": line["what"].format(count)}


def monthly(line, prices):
    price = prices["prices"][line["price"]]
    if price["usd"] is None:
        return 0.0
    return price["usd"] * line["count"] * (prices["hours_per_month"] if price["per"] == "hour" else 1)


def firm(price, prices):
    """Whether AWS's price list is behind it, and not a table that somebody published."""
    return prices["sources"][price["source"]]["firm"]


def cell(line, prices):
    price = prices["prices"][line["price"]]
    if price["usd"] is None:
        return f"{line['what']}: not in the sum, {price['why']}"
    if not price["usd"]:
        return line["what"]
    return f"{line['what']}: {monthly(line, prices):.2f}{'' if firm(price, prices) else ' (weak)'}"


def table(prices, costs):
    names = list(costs["environments"])
    rows, totals, weak = {}, dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for name in names:
        for line in costs["environments"][name]:
            totals[name] += monthly(line, prices)
            price = prices["prices"][line["price"]]
            if price["usd"] and not firm(price, prices):
                weak[name] += monthly(line, prices)
            rows.setdefault((line["module"], line["row"]), {})[name] = cell(line, prices)
    out = [f"US dollars a month in {prices['region']}, on demand, without tax and without free tiers, from `prices.json` (read {prices['read']}).",
           "", "| Part | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for (module, kind), row in rows.items():
        out.append(f"| {module}: {kind} | " + " | ".join(row.get(name, "") for name in names) + " |")
    out.append("| **Sum** | " + " | ".join(f"**{totals[name]:.2f}**" for name in names) + " |")
    out.append("| of it weak | " + " | ".join(f"{weak[name]:.2f}" for name in names) + " |")
    out += ["", "Weak: from tables that others published, not from AWS's price list; ask the calculator first. `prices.json` says which."]
    out += ["", "Not in it, because it depends on use or because no price could be read from a public source:", ""]
    out += [f"- {module}: {why}" for module, why in costs["not_counted"].items()]
    out += [f"- {module}: {why}" for module, why in costs["free"].items()]
    return "\n".join(out) + "\n"


def faults(prices, costs):
    wrong = []
    for name, price in prices["prices"].items():
        if price["usd"] is None and not price.get("why"):
            wrong.append(f"prices.json: {name} has no price and does not say why")
        if price["usd"] is not None and price["source"] not in prices["sources"]:
            wrong.append(f"prices.json: {name} has no source; name one of sources or take the price out")
    for name, source in prices["sources"].items():
        if not re.fullmatch(r"20\d\d-\d\d(-\d\d)?", source.get("date", "")) or "firm" not in source or not source.get("what"):
            wrong.append(f"prices.json: source {name} says not what it is, of which date (2026-11-21) and whether it is AWS's price list (firm)")
    for path in sorted(path.parent.name for path in ROOT.glob("modules/*/main.tf")):
        counted = any(line["module"] == path for lines in costs["environments"].values() for line in lines)
        if not counted and path not in costs["not_counted"] and path not in costs["free"]:
            wrong.append(f"costs.json: the module {path} is neither counted nor in not_counted or free")
    for environment, lines in costs["environments"].items():
        for line in lines:
            for path, text in line["says"]:
                file = ROOT / path
                if file.exists() and text not in " ".join(file.read_text().split()):
                    wrong.append(f"costs.json: {environment} counts '{line['what']}' because {path} says '{text}', and it no longer does")
    return wrong


def charts():
    lines = ["| Chart | Version | Where that was read | Namespace | With it |", "| --- | --- | --- | --- | --- |"]
    for chart in json.loads((ROOT / "addons" / "charts.json").read_text())["charts"]:
        more = [f"<{name}>" if name.startswith("https://") else f"`manifests/{name}`" for name in chart.get("before", []) + chart.get("after", [])]
        more += [f"only for {chart['only_for']}"] if "only_for" in chart else []
        lines.append(f"| {chart['name']} | {chart['version'] or 'not read'} | {chart['source']} | {chart['namespace']} | {'; '.join(more)} |")
    return "\n".join(lines) + "\n"


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    prices, costs = (json.loads((ROOT / name).read_text()) for name in ("prices.json", "costs.json"))
    costs["environments"] = {name: [counted(line) for line in lines] for name, lines in costs["environments"].items()}
    wrong = faults(prices, costs)
    for page, mark, rows in (("README.md", "costs", table(prices, costs)), ("addons/README.md", "charts", charts())):
        text = (ROOT / page).read_text()
        wanted, found = re.subn(rf"(<!-- {mark} -->\n).*?(<!-- end of {mark} -->)", lambda marks: marks[1] + rows + marks[2], text, flags=re.S)
        if not found:
            wrong.append(f"terraform/{page} has no marks for the table of {mark}")
        elif wanted != text and check:
            wrong.append(f"terraform/{page}: the table of {mark} is old; run `make plan-docs`")
        elif wanted != text:
            (ROOT / page).write_text(wanted)
    if wrong:
        sys.exit("terraform docs:\n  " + "\n  ".join(wrong))
    sums = {name: sum(monthly(line, prices) for line in lines) for name, lines in costs["environments"].items()}
    print("terraform docs: charts; " + ", ".join(f"{name} {total:.2f} USD a month" for name, total in sums.items()))


main()

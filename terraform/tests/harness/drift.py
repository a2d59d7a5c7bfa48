"""The second plan: every difference must be a row of the ledger."""
import tf


def explain(area, plan, rows):
    """Gives the rows (area, address, attribute) that were needed; raises Failure with every difference that has none."""
    needed, unexplained = set(), []
    for address, attribute, before, after in differences(plan):
        if (area, address, attribute) in rows:
            needed.add((area, address, attribute))
        else:
            unexplained.append(f"{address} {attribute}: {short(before)} -> {short(after)}")
    if unexplained:
        raise tf.Failure(f"{area}: the second plan is not clean and exemptions.md (Drift) has no row for:\n  " + "\n  ".join(unexplained))
    return needed


def differences(plan):
    """(address, attribute, before, after) of everything the plan wants to change; what a replacement makes anew is not counted."""
    for change in plan.get("resource_changes", []):
        what = change["change"]
        if what["actions"] in (["no-op"], ["read"]):
            continue
        before, after, unknown = what["before"] or {}, what["after"] or {}, what.get("after_unknown") or {}
        replaced = "delete" in what["actions"]
        keys = sorted(k for k in {**before, **after} if (before.get(k) or None) != (after.get(k) or None)
                      and not (replaced and unknown.get(k) is True))
        if replaced and what.get("replace_paths"):
            keys = sorted(set(keys) | {str(path[0]) for path in what["replace_paths"]})
        for key in keys or ["(whole resource)"]:
            yield change["address"], key, before.get(key), after.get(key)
    for name, change in (plan.get("output_changes") or {}).items():
        if change["actions"] != ["no-op"]:
            yield f"output.{name}", "value", change["before"], change["after"]


def short(value):
    text = repr(value)
    return text if len(text) < 300 else text[:297] + "..."

"""The values of an environment as Helm sees them: the environment's file laid over values.yaml."""
import functools

import yaml

from render import ROOT


def merged(below, above):
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {key: merged(below[key], above[key]) if key in below and key in above else above.get(key, below.get(key))
            for key in below | above}


@functools.cache
def values_of(environment):
    values = yaml.safe_load((ROOT / "deploy/chart/values.yaml").read_text())
    if environment != "default":
        values = merged(values, yaml.safe_load((ROOT / f"deploy/chart/values-{environment}.yaml").read_text()))
    return values

"""An invariant in Python: every store has room left."""

import operator_plugin
import wit_world
from operator_plugin import Check, Evidence, Finding

LEAST_FREE = 0.2


def room(snapshot):
    """The share of free space of each store, against the least that replicas may be placed on."""
    for row, (store, ratio) in enumerate(snapshot.rows("stores", "store", "available_ratio")):
        if ratio is None:
            continue
        if ratio >= LEAST_FREE:
            yield Finding(f"store/{store}")
            continue
        shown = Evidence("stores", row, "available_ratio", ratio, "1", f"at least {LEAST_FREE}")
        yield Finding(f"store/{store}", f"only {ratio:.1%} of the space is free", [shown])


class WitWorld(operator_plugin.Module, wit_world.WitWorld):
    """The module: one check."""

    name = "headroom-python"
    summary = "Every store has room left, in Python."
    checks = (Check("headroom-python", "every store has room left", room, tables=("stores",)),)

"""Every node has room left: no less than a fifth of its space is free."""

from typing import Optional

import wit_world
from operator_plugin.check import Check, CheckPlugin, Findings, Row, Snapshot, entity, evidence

LEAST_FREE = 0.2


def room(snapshot: Snapshot, state: Optional[bytes]):
    nodes = snapshot.table("nodes")
    findings = Findings()
    for row in nodes:
        evaluate_node(row, findings)
    ticks = remembered(state) + 1 if findings.violations else 0
    return findings.conclude(f"{len(nodes)} nodes, low for {ticks} ticks", str(ticks).encode())


def evaluate_node(row: Row, findings: Findings) -> None:
    name, share = row.text("node"), row.number("free_ratio")
    node = entity("node", "?" if name is None else name)
    if share is None:
        findings.unknown(node, "its free space is not known")
    elif not 0 <= share <= 1:
        findings.unknown(node, "its free ratio lies outside 0 to 1")
    elif share >= LEAST_FREE:
        findings.ok(node)
    else:
        cells = evidence(row, "free_ratio", "at least 0.2"), evidence(row, "objects")
        findings.fail(node, f"{percent(share)} of its space is free", *cells)


def percent(share: float) -> str:
    """As `12.3 %`, rounded to the nearest tenth; the share lies between 0 and 1."""
    tenths = int(share * 1000 + 0.5)
    return f"{tenths // 10}.{tenths % 10} %"


def remembered(state: Optional[bytes]) -> int:
    """The number of ticks in the state of the last call; 0 for anything else."""
    return int(state) if state and len(state) <= 9 and state.isdigit() else 0


class WitWorld(CheckPlugin, wit_world.WitWorld):
    """The plugin: one check."""

    name = "headroom"
    summary = "Every node has room left"
    checks = (Check("headroom", "every node has a fifth of its space free", room, tables=("nodes",)),)

    def migrate(self, check: str, from_version: str, state: bytes) -> Optional[bytes]:
        """Version 0.1 already counted ticks in this way."""
        return state if from_version.startswith("0.1.") else None

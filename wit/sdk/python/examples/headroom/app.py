"""Every node has room left: no less than a fifth of its space is free."""

from typing import Optional

import wit_world
from operator_plugin.invariant import Check, Findings, Module, Row, Snapshot, evidence

LEAST_FREE = 0.2


def room(snapshot: Snapshot, state: Optional[bytes]):
    nodes = snapshot.table("nodes")
    findings = Findings()
    for row in nodes:
        judge_node(row, findings)
    ticks = remembered(state) + 1 if findings.violations else 0
    return findings.conclude(f"{len(nodes)} nodes, low for {ticks} ticks", str(ticks).encode())


def judge_node(row: Row, findings: Findings) -> None:
    name, share = row.text("node"), row.number("free_ratio")
    entity = "node/" + ("?" if name is None else name)
    if share is None:
        findings.unknown(entity, "its free space is not known")
    elif not 0 <= share <= 1:
        findings.unknown(entity, "its free space is no share of a whole")
    elif share >= LEAST_FREE:
        findings.ok(entity)
    else:
        cells = evidence(row, "free_ratio", "at least 0.2"), evidence(row, "objects")
        findings.fail(entity, f"{percent(share)} of its space is free", *cells)


def percent(share: float) -> str:
    """As `12.3 %`, rounded to the nearest tenth; the share lies between 0 and 1."""
    tenths = int(share * 1000 + 0.5)
    return f"{tenths // 10}.{tenths % 10} %"


def remembered(state: Optional[bytes]) -> int:
    """The number of ticks that the last call remembered; 0 for anything else."""
    return int(state) if state and len(state) <= 9 and state.isdigit() else 0


class WitWorld(Module, wit_world.WitWorld):
    """The module: one check."""

    name = "headroom"
    summary = "Every node has room left"
    checks = (Check("headroom", "every node has a fifth of its space free", room, tables=("nodes",)),)

    def migrate(self, check: str, from_version: str, state: bytes) -> Optional[bytes]:
        """Version 0.1 already counted ticks in this way."""
        return state if from_version.startswith("0.1.") else None

"""Observes a service that has a health page.

GET /health.json -> {"service": "...", "nodes": [
    {"name": "a", "up": true, "free_bytes": 5, "total_bytes": 9, "objects": 3}]}
"""

from typing import Optional

import wit_world
from operator_plugin.subject import Observation, Subject, Table, builders, entity, gap_of_path, gap_of_table, get
from wit_world.imports import topology, vocabulary

TARGET, PATH = "health", "/health.json"


class WitWorld(Subject, wit_world.WitWorld):
    """The subject."""

    name = "health"
    summary = "Observes a service through its health page"

    def poll(self, context) -> Observation:
        try:
            page = get(TARGET, PATH).json()
            nodes = page["nodes"]
        except (ValueError, KeyError, TypeError) as error:
            reason = str(error) or "the page lists no nodes"
            return Observation(gaps=[gap_of_path(TARGET, PATH, reason), gap_of_table("nodes", reason)])
        table = (
            Table("nodes")
            .texts("node", (node.get("name") for node in nodes))
            .booleans("up", (node.get("up") for node in nodes))
            .floats("free_ratio", map(free_ratio, nodes), "1")
            .integers("objects", (node.get("objects") for node in nodes))
        )
        names = [node["name"] for node in nodes if "name" in node]
        entities = [topology.Entity(entity("node", name), name) for name in names]
        return Observation(str(page.get("service", "")), [table], entities)

    def expertise(self, knowledge: builders.KnowledgeBase) -> None:
        source = vocabulary.SignalSource_Column(vocabulary.ColumnSource("nodes", ["node"], "free_ratio"))
        signal = builders.Signal("free-ratio", "node", source)
        signal.set_title("free space")
        signal.set_unit("1")
        signal.set_bad(vocabulary.Direction.DOWN)
        signal.set_floor(0.05)
        knowledge.add_signal(signal)


def free_ratio(node: dict) -> Optional[float]:
    """Not known, rather than a wrong number, when a figure is missing."""
    free, total = node.get("free_bytes"), node.get("total_bytes")
    return free / total if free is not None and total else None

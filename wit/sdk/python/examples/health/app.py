"""Observes a service that has a health page.

GET /health.json -> {"service": "...", "nodes": [
    {"name": "a", "up": true, "free_bytes": 5, "total_bytes": 9, "objects": 3}]}
"""

from typing import Optional

import wit_world
from operator_plugin.subject import Blind, Observation, Subject, Table, get
from wit_world.imports import knowledge

TARGET, PATH = "health", "/health.json"


class WitWorld(Subject, wit_world.WitWorld):
    """The subject."""

    name = "health"
    summary = "Observes a service through its health page"

    def look(self, context) -> Observation:
        try:
            page = get(TARGET, PATH).json()
            nodes = page["nodes"]
        except (ValueError, KeyError, TypeError) as error:
            return Observation(blind=[Blind(f"http:{TARGET}{PATH}", str(error) or "the page lists no nodes")])
        table = (
            Table("nodes")
            .texts("node", (node.get("name") for node in nodes))
            .booleans("up", (node.get("up") for node in nodes))
            .floats("free_ratio", map(free_ratio, nodes), "1")
            .integers("objects", (node.get("objects") for node in nodes))
        )
        entities = [knowledge.Entity(f"node/{node['name']}", "node", node["name"]) for node in nodes if "name" in node]
        return Observation(str(page.get("service", "")), [table], entities)

    def expertise(self) -> knowledge.KnowledgeBase:
        source = knowledge.SignalSource_Column(knowledge.ColumnSource("nodes", "node", "free_ratio"))
        signal = knowledge.Signal("free-ratio", "free space", "1", "node", source, knowledge.Direction.DOWN, 0.05)
        return knowledge.KnowledgeBase(self.version, [signal], [], [], [])


def free_ratio(node: dict) -> Optional[float]:
    """Not known, rather than a wrong number, when a figure is missing."""
    free, total = node.get("free_bytes"), node.get("total_bytes")
    return free / total if free is not None and total else None

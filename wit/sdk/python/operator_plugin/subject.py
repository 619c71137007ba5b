"""Subjects: what observes a system."""

import json
from dataclasses import dataclass, field
from typing import Any, Iterable, Optional, Union

from componentize_py_types import Err, Ok
from wit_world.imports import clock, http, http_types, knowledge, log, observations, snapshots, tables, types

__all__ = ["Blind", "Observation", "Subject", "Table", "get", "get_all", "log_line", "now", "unavailable"]

Blind = snapshots.BlindSpot


@dataclass(frozen=True)
class Answer:
    """What came back: a response, or the reason why there is none."""

    response: Optional[http_types.Response]
    error: Optional[str]

    def json(self) -> Any:
        """The body as JSON. Raises ValueError, with a reason for people, for anything but a page of JSON."""
        if self.response is None:
            raise ValueError(self.error)
        if self.response.status != 200:
            raise ValueError(f"status {self.response.status}")
        try:
            return json.loads(self.response.body)
        except ValueError as error:
            raise ValueError("the page is not JSON") from error


def get_all(requests: Iterable[tuple[str, str]], timeout_ms: Optional[int] = None) -> list[Answer]:
    """Asks for all `(target, path)` at once; answers come in their order. A target is a name of the configuration."""
    method = http_types.Method.GET
    asked = [http_types.Request(target, method, path, [], timeout_ms) for target, path in requests]
    return [_answer(result) for result in http.send_all(asked)]


def get(target: str, path: str, timeout_ms: Optional[int] = None) -> Answer:
    """Asks for one page."""
    return get_all([(target, path)], timeout_ms)[0]


def _answer(result: Any) -> Answer:
    if isinstance(result, Ok):
        return Answer(result.value, None)
    error = result.value
    name = type(error).__name__.removeprefix("HttpError_")
    return Answer(None, f"{name}: {error.value}" if hasattr(error, "value") else name)


def now() -> int:
    """The time of the tick, in nanoseconds since the epoch."""
    return clock.now()


def log_line(message: str) -> None:
    """Says something in the operator's own log."""
    log.emit(types.Level.INFO, message, [])


def unavailable(reason: str) -> Err:
    """To be raised when nothing was seen at all."""
    return Err(types.PluginError_Unavailable(reason))


@dataclass
class Table:
    """The columns of a table: `Table("nodes").texts("node", names).floats("free_ratio", shares, "1")`.

    None is a null: not known.
    """

    name: str
    columns: list[tuple[tables.Field, list]] = field(default_factory=list)

    def texts(self, name: str, values: Iterable[Optional[str]]) -> "Table":
        """Adds a column of texts."""
        return self._with(name, tables.Kind.TEXT, values, None)

    def floats(self, name: str, values: Iterable[Optional[float]], unit: Optional[str] = None) -> "Table":
        """Adds a column of floats."""
        return self._with(name, tables.Kind.FLOAT, values, unit)

    def integers(self, name: str, values: Iterable[Optional[int]], unit: Optional[str] = None) -> "Table":
        """Adds a column of integers."""
        return self._with(name, tables.Kind.INTEGER, values, unit)

    def booleans(self, name: str, values: Iterable[Optional[bool]]) -> "Table":
        """Adds a column of truth values."""
        return self._with(name, tables.Kind.BOOLEAN, values, None)

    def _with(self, name: str, kind: Any, values: Iterable, unit: Optional[str]) -> "Table":
        self.columns.append((tables.Field(name, kind, unit), list(values)))
        return self

    def into_host(self) -> tables.Table:
        """Hands the table to the host."""
        builder = tables.Builder(self.name, [each for each, _ in self.columns])
        for index, (each, values) in enumerate(self.columns):
            _push(builder, index, each.kind, values)
            builder.set_validity(index, bytes(value is not None for value in values))
        return tables.Builder.finish(builder)


def _push(builder: tables.Builder, index: int, kind: Any, values: list) -> None:
    def known(empty: Any) -> list:
        return [empty if value is None else value for value in values]

    if kind == tables.Kind.TEXT:
        builder.push_texts(index, _packed(known("")))
    elif kind == tables.Kind.FLOAT:
        builder.push_floats(index, [float(value) for value in known(float("nan"))])
    elif kind == tables.Kind.INTEGER:
        builder.push_integers(index, known(0))
    else:
        builder.push_booleans(index, bytes(known(False)))


def _packed(texts: list[str]) -> tables.PackedText:
    """One string for all, and where each text ends, in bytes of UTF-8."""
    ends, end = [], 0
    for text in texts:
        end += len(text.encode())
        ends.append(end)
    return tables.PackedText("".join(texts), ends)


@dataclass
class Observation:
    """What was seen in one tick. What could not be seen belongs into `blind`."""

    system: str = ""
    tables: list[Table] = field(default_factory=list)
    entities: list[knowledge.Entity] = field(default_factory=list)
    edges: list[knowledge.Edge] = field(default_factory=list)
    blind: list[Blind] = field(default_factory=list)


Settings = Union[dict, list, str, float, bool, None]


class Subject:
    """The exports of the `subject` world. Override `look`, and `accept` and `expertise` where there is something."""

    name = ""
    version = "0.1.0"
    summary = ""

    def look(self, context: observations.ObserveContext) -> Observation:
        """Looks once."""
        raise NotImplementedError

    def accept(self, settings: Settings) -> None:
        """Takes the configuration. The default knows no settings."""
        if settings:
            raise Err(types.PluginError_InvalidConfig("this subject has no settings"))

    def expertise(self) -> knowledge.KnowledgeBase:
        """Signals, failure cards and actions."""
        return knowledge.KnowledgeBase(self.version, [], [], [], [])

    def describe(self) -> types.PluginInfo:
        """Who this is."""
        return types.PluginInfo(self.name, self.version, self.summary)

    def configure(self, config: str) -> None:
        """Called once for each instance, before anything else."""
        try:
            settings = json.loads(config or "{}")
        except ValueError as error:
            raise Err(types.PluginError_InvalidConfig(f"not JSON: {error}")) from error
        self.accept(settings)

    def observe(self, context: observations.ObserveContext) -> observations.Observation:
        """One tick."""
        try:
            seen = self.look(context)
        except Err:
            raise
        except Exception as error:  # an exception of the language is an answer too, not a trap without a word
            raise Err(types.PluginError_Internal(f"{type(error).__name__}: {error}")) from error
        topology = knowledge.Topology(seen.entities, seen.edges)
        handed = [each.into_host() for each in seen.tables]
        return observations.Observation(seen.system, handed, topology, seen.blind)

    def knowledge(self) -> knowledge.KnowledgeBase:
        """Called once for each component and configuration."""
        return self.expertise()

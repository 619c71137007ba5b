"""Subjects: plugins that observe a system."""

import json
from dataclasses import dataclass, field
from typing import Any, Iterable, Optional, Union

from componentize_py_types import Err, Ok
from wit_world.imports import builders, clock, gaps, http, http_types, log, observations, tables, topology, types

from operator_plugin.reading import entity, packed

__all__ = [
    "Gap", "Observation", "Response", "Subject", "Table", "builders", "entity", "gap_of_path", "gap_of_table", "get",
    "get_all", "log_line", "now", "unavailable",
]  # fmt: skip

Gap = gaps.ObservationGap


def gap_of_path(target: str, path: str, reason: str, concerning: Optional[types.EntityId] = None) -> Gap:
    """A path of a target that could not be read."""
    return Gap(gaps.GapSource_Path(gaps.TargetPath(target, path)), concerning, reason)


def gap_of_table(name: str, reason: str, concerning: Optional[types.EntityId] = None) -> Gap:
    """A table that could not be provided. Only this excuses a missing table after a hot swap."""
    return Gap(gaps.GapSource_Table(name), concerning, reason)


@dataclass(frozen=True)
class Response:
    """A response, or the reason why there is none."""

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


def get_all(requests: Iterable[tuple[str, str]], timeout_s: Optional[float] = None) -> list[Response]:
    """Requests all `(target, path)` concurrently; responses come in their order. A target is a name of the configuration."""
    timeout = None if timeout_s is None else int(timeout_s * 1_000_000_000)
    method = http_types.Method_Get()
    all_requests = [http_types.Request(target, method, path, [], timeout) for target, path in requests]
    return [_response_of(result) for result in http.send_all(all_requests)]


def get(target: str, path: str, timeout_s: Optional[float] = None) -> Response:
    """Requests one page."""
    return get_all([(target, path)], timeout_s)[0]


def _response_of(result: Any) -> Response:
    if isinstance(result, Ok):
        return Response(result.value, None)
    error = result.value
    name = type(error).__name__.removeprefix("HttpError_")
    return Response(None, f"{name}: {error.value}" if hasattr(error, "value") else name)


def now() -> int:
    """The time of the tick, in nanoseconds since the epoch."""
    return clock.now()


def log_line(message: str) -> None:
    """Writes to Operator's own log."""
    log.emit(types.Level.INFO, message, [])


def unavailable(reason: str) -> Err:
    """To be raised when nothing was observed at all."""
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
        """Adds a column of booleans."""
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
        builder.push_texts(index, packed(known("")))
    elif kind == tables.Kind.FLOAT:
        builder.push_floats(index, [float(value) for value in known(float("nan"))])
    elif kind == tables.Kind.INTEGER:
        builder.push_integers(index, known(0))
    else:
        builder.push_booleans(index, bytes(known(False)))


@dataclass
class Observation:
    """What was observed in one tick. What could not be observed belongs into `gaps`."""

    system: str = ""
    tables: list[Table] = field(default_factory=list)
    entities: list[topology.Entity] = field(default_factory=list)
    edges: list[topology.Edge] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


Settings = Union[dict, list, str, float, bool, None]


class Subject:
    """The exports of the `subject` world. Override `poll`, and `accept` and `expertise` where needed."""

    name = ""
    version = "0.1.0"
    summary = ""

    def poll(self, context: observations.ObserveContext) -> Observation:
        """Observes once."""
        raise NotImplementedError

    def accept(self, settings: Settings) -> None:
        """Takes the configuration. The default knows no settings."""
        if settings:
            raise Err(types.PluginError_InvalidConfig("this subject has no settings"))

    def expertise(self, knowledge: builders.KnowledgeBase) -> None:
        """Adds signals, failure modes and actions."""

    def describe(self) -> types.PluginInfo:
        """Name, version and purpose."""
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
            observed = self.poll(context)
        except Err:
            raise
        except Exception as error:  # otherwise an exception would be a trap without a message
            raise Err(types.PluginError_Internal(f"{type(error).__name__}: {error}")) from error
        parts = topology.Topology(observed.entities, observed.edges)
        handles = [each.into_host() for each in observed.tables]
        return observations.Observation(observed.system, handles, parts, observed.gaps)

    def knowledge(self) -> builders.KnowledgeBase:
        """Called once for each component and configuration."""
        knowledge = builders.KnowledgeBase(self.version)
        self.expertise(knowledge)
        return knowledge

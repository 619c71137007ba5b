"""Author SDK for Operator plugins in Python.

A check is a function from a snapshot to a list of findings; this module does the rest: it declares
the checks, opens and closes the handles that the host lends, and turns findings into an outcome.

    from operator_plugin import Check, Finding, Module, observed

    def room(snapshot):
        stores = snapshot.rows("stores", "store", "available_ratio")
        for row, (store, ratio) in enumerate(stores):
            ...

Standard library modules that read a clock, randomness, files or the network trap in the sandbox:
a check has none of them.
"""

from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Iterator, Optional

from componentize_py_types import Err
from wit_world.imports import checks, tables, types
from wit_world.imports.types import (
    PluginError_Internal,
    PluginInfo,
    Scalar_Boolean,
    Scalar_Float,
    Scalar_Integer,
    Scalar_Null,
    Scalar_Text,
    Severity,
)

__all__ = ["Check", "Evidence", "Finding", "Inconclusive", "Module", "Severity", "Snapshot"]


class Inconclusive(Exception):
    """Raised by a check that cannot tell, with the reason as its text."""


@dataclass(frozen=True)
class Evidence:
    """One value that a finding points to: `row` and `column` of a table, or a query of `metrics`."""

    table: str
    row: Optional[int]
    column: str
    value: Any
    unit: Optional[str] = None
    expected: Optional[str] = None


@dataclass(frozen=True)
class Finding:
    """An entity that was looked at. Without a summary it is in order."""

    entity: str
    summary: Optional[str] = None
    evidence: list[Evidence] = field(default_factory=list)
    confirmed: bool = False


class Snapshot:
    """Read access to one tick's frozen observations."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def rows(self, table: str, *columns: str) -> Iterator[tuple]:
        """The rows of a table as tuples of the named columns, in order. A null reads as None.

        Raises Inconclusive when the table or a column was not observed.
        """
        try:
            with self._handle.open(table) as handle:
                kinds = {each.name: each.kind for each in handle.fields()}
                count = handle.rows()
                return zip(*[_column(handle, kinds, table, name, count) for name in columns])
        except Err as error:
            raise Inconclusive(f"table {table}: {error.value}") from error


def _column(handle: Any, kinds: dict, table: str, name: str, count: int) -> list:
    if name not in kinds:
        raise Inconclusive(f"table {table} has no column {name}")
    kind = kinds[name]
    if kind == tables.Kind.TEXT:
        packed = handle.texts(name, 0, count)
        data, starts = packed.text.encode(), [0, *packed.ends][:-1]
        values: list = [data[start:end].decode() for start, end in zip(starts, packed.ends)]
    elif kind == tables.Kind.FLOAT:
        values = list(handle.floats(name, 0, count))
    elif kind == tables.Kind.INTEGER:
        values = list(handle.integers(name, 0, count))
    elif kind == tables.Kind.INSTANT:
        values = list(handle.instants(name, 0, count))
    else:
        values = [byte == 1 for byte in handle.booleans(name, 0, count)]
    present = handle.validity(name, 0, count)
    return [value if there else None for value, there in zip(values, present)]


@dataclass(frozen=True)
class Check:
    """A rule: `judge` yields one Finding for every entity that it looked at."""

    id: str
    claim: str
    judge: Callable[[Snapshot], Iterable[Finding]]
    severity: Severity = Severity.WARNING
    hold_ms: int = 0
    tables: tuple[str, ...] = ()


class Module:
    """The exports of the `invariant` world for a list of checks."""

    name = ""
    version = "0.1.0"
    summary = ""
    checks: tuple[Check, ...] = ()

    def declare(self, config: str) -> checks.Declaration:
        """What the host asks first: who are you, and what do you check."""
        return checks.Declaration(
            PluginInfo(self.name, self.version, self.summary),
            [
                checks.CheckDeclaration(each.id, each.claim, each.severity, each.hold_ms, list(each.tables))
                for each in self.checks
            ],
        )

    def evaluate(self, check: str, snapshot: Any, state: Optional[bytes]) -> checks.Outcome:
        """Judges one check on one snapshot."""
        found = next((each for each in self.checks if each.id == check), None)
        if found is None:
            raise Err(PluginError_Internal(f"no check {check}"))
        with snapshot:
            try:
                findings = list(found.judge(Snapshot(snapshot)))
            except Inconclusive as reason:
                return checks.Outcome(checks.Status.INCONCLUSIVE, str(reason), [], [], state)
        broken = [_violation(each) for each in findings if each.summary is not None]
        passed = [each.entity for each in findings if each.summary is None]
        status = checks.Status.FAIL if broken else checks.Status.PASS
        return checks.Outcome(status, f"{len(findings)} looked at", broken, passed, state)

    def migrate(self, check: str, from_version: str, state: bytes) -> Optional[bytes]:
        """Keeps no state of older versions; override to convert it."""
        return None


def _violation(finding: Finding) -> checks.Violation:
    return checks.Violation(
        finding.entity, finding.summary or "", [_evidence(each) for each in finding.evidence], None, finding.confirmed
    )


def _evidence(each: Evidence) -> checks.Evidence:
    return checks.Evidence(each.table, each.row, each.column, _scalar(each.value), each.unit, each.expected)


def _scalar(value: Any) -> Any:
    if value is None:
        return Scalar_Null()
    if isinstance(value, bool):
        return Scalar_Boolean(value)
    if isinstance(value, int):
        return Scalar_Integer(value)
    if isinstance(value, float):
        return Scalar_Float(value)
    return Scalar_Text(str(value))

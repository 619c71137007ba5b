"""Checks: what must hold, and how to tell."""

from dataclasses import dataclass
from typing import Any, Callable, Optional

from componentize_py_types import Err
from wit_world.imports import checks
from wit_world.imports.types import PluginError_Internal, PluginInfo, Severity

from operator_plugin.reading import Row, Table, table_error

__all__ = ["Check", "Findings", "Module", "Row", "Severity", "Snapshot", "Table", "evidence", "inconclusive"]


class Snapshot:
    """One tick's frozen observations."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @property
    def tick(self) -> int:
        """Number of the tick."""
        return self._handle.tick()

    @property
    def taken_at(self) -> int:
        """When it was taken, in nanoseconds since the epoch."""
        return self._handle.taken_at()

    def table(self, name: str) -> Table:
        """Opens a table. Raises when it was not observed, which makes the check inconclusive."""
        try:
            return Table(self._handle.open(name))
        except Err as error:
            raise table_error(error.value) from error


def evidence(row: Row, column: str, expected: Optional[str] = None) -> checks.Evidence:
    """Cites a cell; `expected` says what it would be if all were well."""
    field = row.table.fields.get(column)
    unit = None if field is None else field.unit
    return checks.Evidence(row.table.name, row.index, column, row.scalar(column), unit, expected)


class Findings:
    """Collects an answer for every entity. One violation fails, one entity that could not be judged leaves the
    check open, and only when all were seen in order does it pass."""

    def __init__(self) -> None:
        self.violations: list[checks.Violation] = []
        self.passed: list[str] = []
        self._unknown: list[str] = []

    def ok(self, entity: str) -> None:
        """The entity is in order."""
        self.passed.append(entity)

    def fail(
        self,
        entity: str,
        summary: str,
        *cells: checks.Evidence,
        severity: Optional[Severity] = None,
        confirmed: bool = False,
    ) -> None:
        """The entity breaks the rule; every violation needs evidence."""
        self.violations.append(checks.Violation(entity, summary, list(cells), severity, confirmed))

    def unknown(self, entity: str, because: str) -> None:
        """The entity could not be judged: `because` completes "node/4: …"."""
        self._unknown.append(f"{entity}: {because}")

    def conclude(self, looked_at: str, state: Optional[bytes] = None) -> checks.Outcome:
        """The outcome. `looked_at` says what was examined; `state` is handed back at the next tick."""
        status, reason = checks.Status.PASS, looked_at
        if self.violations:
            status = checks.Status.FAIL
        elif self._unknown:
            status, reason = checks.Status.INCONCLUSIVE, "; ".join(self._unknown)
        elif not self.passed:
            status, reason = checks.Status.INCONCLUSIVE, f"nothing to judge: {looked_at}"
        return checks.Outcome(status, reason, self.violations, self.passed, state)


def inconclusive(reason: str) -> checks.Outcome:
    """It cannot be told at all, and why."""
    return checks.Outcome(checks.Status.INCONCLUSIVE, reason, [], [], None)


@dataclass(frozen=True)
class Check:
    """A rule. `judge` gets the snapshot and the state that it returned at the last tick."""

    id: str
    claim: str
    judge: Callable[[Snapshot, Optional[bytes]], checks.Outcome]
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
        info = PluginInfo(self.name, self.version, self.summary)
        return checks.Declaration(
            info,
            [
                checks.CheckDeclaration(each.id, each.claim, each.severity, each.hold_ms, list(each.tables))
                for each in self.checks
            ],
        )

    def evaluate(self, check: str, snapshot: Any, state: Optional[bytes]) -> checks.Outcome:
        """Judges one check on one snapshot."""
        found = next((each for each in self.checks if each.id == check), None)
        if found is None:
            raise Err(PluginError_Internal(f"no check {check} in this module"))
        try:
            return found.judge(Snapshot(snapshot), state)
        except Err:
            raise
        except Exception as error:  # an exception of the language is an answer too, not a trap without a word
            raise Err(PluginError_Internal(f"{type(error).__name__}: {error}")) from error

    def migrate(self, check: str, from_version: str, state: bytes) -> Optional[bytes]:
        """Keeps no state of older versions; override to convert it."""
        return None

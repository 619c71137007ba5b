"""Checks: what must hold, and the code that evaluates it."""

from dataclasses import dataclass
from typing import Any, Callable, Iterable, Optional

from componentize_py_types import Err
from wit_world.imports import findings
from wit_world.imports.types import EntityId, PluginError_Internal, PluginInfo, Severity

from operator_plugin.reading import Row, Table, entity, packed, shown, table_error

__all__ = [
    "Check", "CheckPlugin", "Findings", "Row", "Severity", "Snapshot", "Table", "entity", "evidence", "inconclusive",
    "not_applicable",
]  # fmt: skip

NANOSECONDS = 1_000_000_000


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


def evidence(row: Row, column: str, expected: Optional[str] = None) -> findings.Evidence:
    """Cites a cell, whose value the host reads; `expected` says what it would be if all were well."""
    cell = findings.Cell(row.table.name, row.index, column)
    return findings.Evidence(findings.EvidenceSource_Cell(cell), None, None, expected)


class Findings:
    """Collects a finding for every entity. One violation fails, one entity that could not be evaluated leaves the
    check open, and it passes only when every entity does."""

    def __init__(self) -> None:
        self.violations: list[findings.Violation] = []
        self.passed: list[EntityId] = []
        self._unknown: list[str] = []

    def ok(self, entity: EntityId) -> None:
        """The entity passes."""
        self.passed.append(entity)

    def fail(
        self,
        entity: EntityId,
        summary: str,
        *cells: findings.Evidence,
        severity: Optional[Severity] = None,
        confirmed: bool = False,
    ) -> None:
        """The entity breaks the rule; every violation needs evidence."""
        self.violations.append(findings.Violation(entity, summary, list(cells), severity, confirmed))

    def unknown(self, entity: EntityId, because: str) -> None:
        """The entity could not be evaluated: `because` completes "node/4: …"."""
        self._unknown.append(f"{shown(entity)}: {because}")

    def conclude(self, evaluated: str, state: Optional[bytes] = None) -> findings.Outcome:
        """The outcome. `evaluated` says what was examined; `state` is handed back at the next tick."""
        return findings.Outcome(self._verdict(evaluated), state)

    def _verdict(self, evaluated: str) -> findings.Verdict:
        passed = _entity_sets(self.passed)
        if self.violations:
            return findings.Verdict_Fail(findings.Failure(evaluated, self.violations, passed))
        if self._unknown:
            return findings.Verdict_Inconclusive(findings.Inconclusive("; ".join(self._unknown), passed))
        if not passed:
            return findings.Verdict_Inconclusive(findings.Inconclusive(f"nothing to evaluate: {evaluated}", []))
        return findings.Verdict_Pass(findings.Pass(evaluated, passed))


def _entity_sets(entities: Iterable[EntityId]) -> list[findings.EntitySet]:
    sets: dict[tuple[str, int], list[str]] = {}
    for each in entities:
        sets.setdefault((each.kind, len(each.key)), []).extend(each.key)
    return [findings.EntitySet(kind, parts, packed(keys)) for (kind, parts), keys in sets.items()]


def inconclusive(reason: str) -> findings.Outcome:
    """The check cannot decide, and why."""
    return findings.Outcome(findings.Verdict_Inconclusive(findings.Inconclusive(reason, [])), None)


def not_applicable(reason: str) -> findings.Outcome:
    """The rule does not apply, and why."""
    return findings.Outcome(findings.Verdict_NotApplicable(reason), None)


@dataclass(frozen=True)
class Check:
    """A rule. `evaluate` gets the snapshot and the state that it returned at the last tick."""

    id: str
    claim: str
    evaluate: Callable[[Snapshot, Optional[bytes]], findings.Outcome]
    severity: Severity = Severity.WARNING
    pending_s: float = 0
    tables: tuple[str, ...] = ()


class CheckPlugin:
    """The exports of the `check` world for a list of checks."""

    name = ""
    version = "0.1.0"
    summary = ""
    checks: tuple[Check, ...] = ()

    def declare(self, config: str) -> findings.Declaration:
        """Name, version and checks."""
        info = PluginInfo(self.name, self.version, self.summary)
        return findings.Declaration(
            info,
            [
                findings.CheckDeclaration(
                    each.id, each.claim, each.severity, int(each.pending_s * NANOSECONDS), list(each.tables)
                )
                for each in self.checks
            ],
        )

    def evaluate(self, check: str, snapshot: Any, state: Optional[bytes]) -> findings.Outcome:
        """Evaluates one check on one snapshot."""
        found = next((each for each in self.checks if each.id == check), None)
        if found is None:
            raise Err(PluginError_Internal(f"no check {check} in this plugin"))
        try:
            return found.evaluate(Snapshot(snapshot), state)
        except Err:
            raise
        except Exception as error:  # otherwise an exception would be a trap without a message
            raise Err(PluginError_Internal(f"{type(error).__name__}: {error}")) from error

    def migrate(self, check: str, from_version: str, state: bytes) -> Optional[bytes]:
        """Keeps no state of older versions; override to convert it."""
        return None

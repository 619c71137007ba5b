// Author SDK for Operator checks in JavaScript (QuickJS).
//
// A check is a function `(snapshot, state) => outcome`. Say what is wrong with a question by throwing
// `failure(...)`; anything else that is thrown counts as a defect of the plugin. There is no clock, no
// randomness, no file and no network.
//
// 64-bit integers are plain numbers: beyond 2^53 a column cannot be read, and the check is inconclusive.
import { Table, asked, failure } from "./reading.js";

export { failure };

// One tick's frozen observations.
export class Snapshot {
  constructor(handle) {
    this.handle = handle;
  }

  get tick() {
    return this.handle.tick();
  }

  // Throws when the table was not observed; the check is then inconclusive.
  table(name) {
    return new Table(asked(() => this.handle.open(name)));
  }
}

// Collects an answer for every entity. One violation fails, one entity that could not be judged leaves the
// check open, and only when all were seen in order does it pass.
export class Findings {
  violations = [];
  passed = [];
  unknowns = [];

  pass(entity) {
    this.passed.push(entity);
  }

  // `evidence` is what `row.evidence` makes; every violation needs some.
  fail(entity, summary, evidence, { severity, confirmed = false } = {}) {
    this.violations.push({ entity, summary, evidence, severity, confirmed });
  }

  // `because` completes "node/4: …".
  unknown(entity, because) {
    this.unknowns.push(`${entity}: ${because}`);
  }

  // `lookedAt` says what was examined, for example "3 nodes"; `state` (a text) is handed back at the next tick.
  conclude(lookedAt, state) {
    const { violations, passed, unknowns } = this;
    const remembered = state === undefined ? undefined : encode(state);
    const outcome = (status, reason) => ({ status, reason, violations, passed, state: remembered });
    if (violations.length) return outcome("fail", lookedAt);
    if (unknowns.length) return outcome("inconclusive", unknowns.join("; "));
    if (!passed.length) return outcome("inconclusive", `nothing to judge: ${lookedAt}`);
    return outcome("pass", lookedAt);
  }
}

// It cannot be told at all, and why.
export function inconclusive(reason) {
  return { status: "inconclusive", reason, violations: [], passed: [], state: undefined };
}

// The exports of the `invariant` world:
//
//     export const { declare, evaluate, migrate } = invariants({
//       name, version, summary, checks: [{ id, claim, severity, holdMs, tables, judge }],
//     });
//
// `migrate(check, fromVersion, state)` converts the state of an older version: bytes, which need not be a text, into
// bytes, a text, or undefined to start without.
export function invariants({ name, version, summary, checks, migrate }) {
  return {
    declare: () => ({ info: { name, version, summary }, checks: checks.map(declaration) }),
    evaluate: (id, snapshot, state) => {
      const check = checks.find((candidate) => candidate.id === id);
      if (!check) throw failure("internal", `no check ${id} in this module`);
      return guarded(() => check.judge(new Snapshot(snapshot), state ? decode(state) : null));
    },
    migrate: (id, fromVersion, state) => {
      const kept = migrate?.(id, fromVersion, state);
      return kept === undefined || kept === null ? undefined : encode(kept);
    },
  };
}

function declaration({ id, claim, severity = "warning", holdMs = 0, tables = [] }) {
  return { id, claim, severity, hold: holdMs, tables };
}

// An exception of the language is an answer too: without this it would be a trap without a word.
export function guarded(call) {
  try {
    return call();
  } catch (error) {
    throw error?.payload ? error : failure("internal", String(error));
  }
}

// States are kept as text, one byte a character: UTF-8 by hand, because QuickJS has no TextEncoder.
function encode(text) {
  if (typeof text !== "string") return text;
  return Uint8Array.from(unescape(encodeURIComponent(text)), (character) => character.charCodeAt(0));
}

function decode(bytes) {
  const raw = String.fromCharCode(...bytes);
  try {
    return decodeURIComponent(escape(raw));
  } catch {
    return raw; // not UTF-8: one character for each byte, so that nothing is lost
  }
}

// Author SDK for Operator checks in JavaScript (QuickJS).
//
// A check is a function `(snapshot, state) => outcome`. Report a failed call by throwing `failure(...)`; anything else
// that is thrown is a defect of the plugin. There is no clock, no randomness, no file and no network.
//
// 64-bit integers are plain numbers: beyond 2^53 a column cannot be read, and the check is inconclusive.
import { Table, asked, entity, failure, packed, shown } from "./reading.js";

export { entity };
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

// Collects a finding for every entity. One violation fails, one entity that could not be evaluated leaves the check
// open, and it passes only when every entity does.
export class Findings {
  violations = [];
  passed = [];
  unknowns = [];

  // `entity` is what `entity("node", name)` makes.
  pass(entity) {
    this.passed.push(entity);
  }

  // `evidence` is what `row.evidence` makes; every violation needs some.
  fail(entity, summary, evidence, { severity, confirmed = false } = {}) {
    this.violations.push({ entity, summary, evidence, severity, confirmed });
  }

  // `because` completes "node/4: …".
  unknown(entity, because) {
    this.unknowns.push(`${shown(entity)}: ${because}`);
  }

  // `evaluated` says what was examined, for example "3 nodes"; `state` (a text) is handed back at the next tick.
  conclude(evaluated, state) {
    return { verdict: this.verdict(evaluated), state: state === undefined ? undefined : encode(state) };
  }

  verdict(evaluated) {
    const { violations, unknowns } = this;
    const passed = entitySets(this.passed);
    const open = (reason) => ({ tag: "inconclusive", val: { reason, passed } });
    if (violations.length) return { tag: "fail", val: { summary: evaluated, violations, passed } };
    if (unknowns.length) return open(unknowns.join("; "));
    if (!passed.length) return open(`nothing to evaluate: ${evaluated}`);
    return { tag: "pass", val: { summary: evaluated, passed } };
  }
}

// One set for each kind and number of key parts.
function entitySets(entities) {
  const sets = new Map();
  for (const { kind, key } of entities) {
    const name = `${key.length} ${kind}`;
    if (!sets.has(name)) sets.set(name, { kind, keyParts: key.length, keys: [] });
    sets.get(name).keys.push(...key);
  }
  return [...sets.values()].map(({ kind, keyParts, keys }) => ({ kind, keyParts, keys: packed(keys) }));
}

// The check cannot decide, and why.
export function inconclusive(reason) {
  return { verdict: { tag: "inconclusive", val: { reason, passed: [] } }, state: undefined };
}

// The rule does not apply, and why.
export function notApplicable(reason) {
  return { verdict: { tag: "not-applicable", val: reason }, state: undefined };
}

// The exports of the `check` world:
//
//     export const { declare, evaluate, migrate } = checkPlugin({
//       name, version, summary, checks: [{ id, claim, severity, pendingS, tables, evaluate }],
//     });
//
// `migrate(check, fromVersion, state)` converts the state of an older version: bytes, which need not be a text, into
// bytes, a text, or undefined to start without.
export function checkPlugin({ name, version, summary, checks, migrate }) {
  return {
    declare: () => ({ info: { name, version, summary }, checks: checks.map(declaration) }),
    evaluate: (id, snapshot, state) => {
      const check = checks.find((candidate) => candidate.id === id);
      if (!check) throw failure("internal", `no check ${id} in this plugin`);
      return guarded(() => check.evaluate(new Snapshot(snapshot), state ? decode(state) : null));
    },
    migrate: (id, fromVersion, state) => {
      const kept = migrate?.(id, fromVersion, state);
      return kept === undefined || kept === null ? undefined : encode(kept);
    },
  };
}

function declaration({ id, claim, severity = "warning", pendingS = 0, tables = [] }) {
  return { id, claim, severity, pending: Math.round(pendingS * 1e9), tables };
}

// Without this an exception of the language would be a trap without a message.
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
    return raw; // not UTF-8: one character for each byte, and nothing is lost
  }
}

// Author SDK for Operator subjects in JavaScript (QuickJS): plugins that observe a system.
//
// `observe(world, context)` reads through `world` and returns `{ system, tables, topology, gaps }`. A request that fails
// is an observation gap, never an exception; throw `failure("unavailable", …)` only when nothing was observed at all.
import clock from "operator:telemetry/clock@0.2.0";
import http from "operator:telemetry/http@0.2.0";
import log from "operator:telemetry/log@0.2.0";
import scraping from "operator:telemetry/scraping@0.2.0";
import { KnowledgeBase, Signal } from "operator:knowledge/builders@0.2.0";
import { Builder } from "operator:tables/tables@0.2.0";
import { asked, entity, failure, packed } from "./reading.js";

export { entity, KnowledgeBase, Signal };
export { failure };

// Everything that a subject can reach.
export const world = {
  // Milliseconds since the epoch; constant during one call.
  nowMs: () => Math.floor(clock.now() / 1e6),

  // Sends all concurrently. Each response is `{ status, headers, body (text), elapsed (ns) }` or `{ error }`, in the
  // order of the requests `{ target, path, headers, timeoutS }`.
  getAll: (requests) => http.sendAll(requests.map(request)).map(response),

  get: (target, path) => world.getAll([{ target, path }])[0],

  // Adds a target that the observed system named; false when the configuration does not grant it.
  discover: (name, origin) => {
    try {
      http.discover(name, origin);
      return true;
    } catch {
      return false;
    }
  },

  // Has the host collect metrics: `{ target, path, metrics, labels }`.
  scrapeAll: (requests) => scraping.scrapeAll(requests),

  log: (level, message) => log.emit(level, message, []),
};

function request({ target, path, headers = [], timeoutS }) {
  const timeout = timeoutS === undefined ? undefined : Math.round(timeoutS * 1e9);
  return { target, method: { tag: "get" }, pathAndQuery: path, headers, timeout };
}

function response({ tag, val }) {
  if (tag !== "ok") return { error: described(val) };
  return { ...val, body: utf8(val.body) };
}

function described({ tag, val }) {
  return val === undefined ? tag : `${tag}: ${val}`;
}

function utf8(bytes) {
  let raw = "";
  for (const byte of bytes) raw += String.fromCharCode(byte);
  try {
    return decodeURIComponent(escape(raw));
  } catch {
    return raw; // not UTF-8: one character for each byte
  }
}

// Collects the columns of a table: `table("nodes").texts("node", names).floats("free_ratio", "1", shares)`.
// A null or undefined is a null: not known.
export function table(name) {
  return new TableData(name);
}

class TableData {
  columns = [];

  constructor(name) {
    this.name = name;
  }

  texts(name, values) {
    return this.with(name, "text", undefined, values);
  }

  floats(name, unit, values) {
    return this.with(name, "float", unit || undefined, values);
  }

  integers(name, unit, values) {
    return this.with(name, "integer", unit || undefined, values);
  }

  booleans(name, values) {
    return this.with(name, "boolean", undefined, values);
  }

  with(name, kind, unit, values) {
    this.columns.push({ field: { name, kind, unit }, values: [...values] });
    return this;
  }

  intoHost() {
    return asked(() => {
      const builder = new Builder(this.name, this.columns.map(({ field }) => field));
      this.columns.forEach(({ field, values }, column) => push(builder, column, field.kind, values));
      return Builder.finish(builder);
    });
  }
}

function push(builder, column, kind, values) {
  const known = (empty) => values.map((value) => value ?? empty);
  if (kind === "text") builder.pushTexts(column, packed(known("")));
  if (kind === "float") builder.pushFloats(column, Float64Array.from(known(NaN)));
  if (kind === "integer") builder.pushIntegers(column, BigInt64Array.from(known(0), BigInt));
  if (kind === "boolean") builder.pushBooleans(column, Uint8Array.from(known(false), Number));
  builder.setValidity(column, Uint8Array.from(values, (value) => (value === null || value === undefined ? 0 : 1)));
}

// A path of a target that could not be read.
export function gapOfPath(target, path, reason, entity) {
  return { source: { tag: "path", val: { target, path } }, entity, reason };
}

// A table that could not be provided. Only this excuses a missing table after a hot swap.
export function gapOfTable(name, reason, entity) {
  return { source: { tag: "table", val: name }, entity, reason };
}

// The exports of the `subject` world:
//
//     export const { describe, configure, observe, knowledge } = subject({
//       name, version, summary, observe, configure, knowledge,
//     });
//
// `configure(object)` gets the parsed configuration; `knowledge(base)` adds signals, failure modes and actions.
export function subject({ name, version, summary, observe, configure = refuseSettings, knowledge = () => {} }) {
  return {
    describe: () => ({ name, version, summary }),
    configure: (config) => guarded(() => configure(config.trim() ? JSON.parse(config) : {})),
    observe: (context) =>
      guarded(() => {
        const { system = "", tables = [], topology = { entities: [], edges: [] }, gaps = [] } = observe(world, context);
        return { system, tables: tables.map((each) => each.intoHost()), topology, gaps };
      }),
    knowledge: () =>
      guarded(() => {
        const base = new KnowledgeBase(version);
        knowledge(base);
        return base;
      }),
  };
}

function refuseSettings(settings) {
  const unknown = Object.keys(settings ?? {});
  if (unknown.length) throw failure("invalid-config", `this subject has no setting ${unknown.join(", ")}`);
}

// Without this an exception of the language would be a trap without a message.
function guarded(call) {
  try {
    return call();
  } catch (error) {
    throw error?.payload ? error : failure("internal", String(error));
  }
}

// Author SDK for Operator subjects in JavaScript (QuickJS): what observes a system.
//
// `observe(world, context)` asks through `world` and returns `{ system, tables, topology, blind }`. A request that
// fails is a blind spot, never an exception; throw `failure("unavailable", …)` only when nothing was seen at all.
import clock from "operator:plugin/clock@0.1.0";
import http from "operator:plugin/http@0.1.0";
import log from "operator:plugin/log@0.1.0";
import scraping from "operator:plugin/scraping@0.1.0";
import { Builder } from "operator:plugin/tables@0.1.0";
import { asked, failure } from "./reading.js";

export { failure };

// Everything that a subject can reach.
export const world = {
  // Milliseconds since the epoch; constant during one call.
  nowMs: () => Math.floor(clock.now() / 1e6),

  // Sends all at once. Each answer is `{ status, headers, body (text), elapsed }` or `{ error }`, in the order of
  // the requests `{ target, path, headers, timeoutMs }`.
  getAll: (requests) => http.sendAll(requests.map(request)).map(answer),

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

function request({ target, path, headers = [], timeoutMs }) {
  return { target, method: "get", pathAndQuery: path, headers, timeout: timeoutMs };
}

function answer({ tag, val }) {
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

// One string for all, and where each text ends, in bytes of UTF-8.
function packed(texts) {
  let end = 0;
  const ends = texts.map((text) => (end += bytes(text)));
  return { text: texts.join(""), ends };
}

function bytes(text) {
  let count = 0;
  for (const character of text) {
    const point = character.codePointAt(0);
    count += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return count;
}

export const NO_KNOWLEDGE = { version: "0", signals: [], cards: [], actions: [], attributes: [] };

// The exports of the `subject` world:
//
//     export const { describe, configure, observe, knowledge } = subject({
//       name, version, summary, observe, configure, knowledge,
//     });
//
// `configure(object)` gets the parsed configuration; `knowledge()` answers as `NO_KNOWLEDGE` is built.
export function subject({ name, version, summary, observe, configure = refuseSettings, knowledge = () => NO_KNOWLEDGE }) {
  return {
    describe: () => ({ name, version, summary }),
    configure: (config) => guarded(() => configure(config.trim() ? JSON.parse(config) : {})),
    observe: (context) =>
      guarded(() => {
        const { system = "", tables = [], topology = { entities: [], edges: [] }, blind = [] } = observe(world, context);
        return { system, tables: tables.map((each) => each.intoHost()), topology, blind };
      }),
    knowledge: () => guarded(knowledge),
  };
}

function refuseSettings(settings) {
  const unknown = Object.keys(settings ?? {});
  if (unknown.length) throw failure("invalid-config", `this subject has no setting ${unknown.join(", ")}`);
}

// An exception of the language is an answer too: without this it would be a trap without a word.
function guarded(call) {
  try {
    return call();
  } catch (error) {
    throw error?.payload ? error : failure("internal", String(error));
  }
}

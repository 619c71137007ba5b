// Entities, and reading of tables, for checks and subjects.

// What 64-bit integers are here: QuickJS hands them over as numbers, so above 2^53 they are not exact.
const EXACT_MAX = Number.MAX_SAFE_INTEGER;

// An error of the contract: `throw failure("unavailable", "no response")`.
export function failure(tag, text) {
  return Object.assign(new Error(text), { payload: { tag, val: text } });
}

const TABLE_ERRORS = {
  "no-such-table": (name) => failure("unavailable", `no table ${name} in this snapshot`),
  "no-such-column": (name) => failure("protocol", `no column ${name} in the table`),
  "wrong-kind": (kind) => failure("protocol", `the column is of kind ${kind}`),
  "out-of-range": () => failure("internal", "a window lies outside its table"),
  "too-large": (limit) => failure("limit", `a table is larger than ${limit}`),
  other: (why) => failure("other", why),
};

// An entity by kind and key; a key of several parts takes one argument for each.
export function entity(kind, ...key) {
  return { kind, key };
}

// As Operator shows it, for example `node/a`.
export function shown({ kind, key }) {
  const part = (text) => text.replaceAll("%", "%25").replaceAll("/", "%2F");
  return [kind, ...(key.length === 1 ? key : key.map(part))].join("/");
}

// One string for all, and where each text ends, in bytes of UTF-8.
export function packed(texts) {
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

// Calls the host; what it refuses becomes an error of this plugin.
export function asked(call) {
  try {
    return call();
  } catch (error) {
    const known = TABLE_ERRORS[error?.payload?.tag];
    throw known ? known(error.payload.val) : error;
  }
}

// A frozen table. A null, a missing column and one of another kind all read as null: not known.
export class Table {
  constructor(handle) {
    this.handle = handle;
    this.name = handle.name();
    this.length = handle.rows();
    this.fields = new Map(handle.fields().map((field) => [field.name, field]));
    this.columns = new Map();
  }

  *rows() {
    for (let index = 0; index < this.length; index++) yield new Row(this, index);
  }

  // The values of a column, copied from the host once; null where there is none.
  column(name) {
    if (!this.columns.has(name)) this.columns.set(name, this.fields.has(name) ? load(this, name) : null);
    return this.columns.get(name);
  }
}

const WINDOWS = { text: "texts", float: "floats", integer: "integers", instant: "instants", boolean: "booleans" };

function load({ handle, fields, length }, name) {
  const { kind } = fields.get(name);
  const present = asked(() => handle.validity(name, 0, length));
  const raw = asked(() => handle[WINDOWS[kind]](name, 0, length));
  const values = kind === "text" ? unpack(raw) : Array.from(raw);
  if (kind === "boolean") values.forEach((value, row) => (values[row] = value !== 0));
  if (kind === "integer") refuseInexact(name, values);
  return values.map((value, row) => (present[row] ? value : null));
}

function refuseInexact(name, values) {
  if (values.some((value) => Math.abs(value) > EXACT_MAX)) {
    throw failure("limit", `column ${name} holds an integer beyond 2^53, which JavaScript cannot hold`);
  }
}

// `ends` counts bytes of UTF-8, JavaScript counts UTF-16 units: the text is walked once.
function unpack({ text, ends }) {
  const values = [];
  let [at, bytes] = [0, 0];
  for (const end of ends) {
    const start = at;
    while (bytes < end) {
      const point = text.codePointAt(at);
      bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
      at += point < 0x10000 ? 1 : 2;
    }
    values.push(text.slice(start, at));
  }
  return values;
}

export class Row {
  constructor(table, index) {
    this.table = table;
    this.index = index;
  }

  text(name) {
    return this.known(name, "text");
  }

  // A float, or an integer as one.
  number(name) {
    return this.known(name, "float") ?? this.known(name, "integer");
  }

  integer(name) {
    return this.known(name, "integer");
  }

  boolean(name) {
    return this.known(name, "boolean");
  }

  // Milliseconds since the epoch; the nanoseconds of the contract do not fit a number.
  instantMs(name) {
    const nanoseconds = this.known(name, "instant");
    return nanoseconds === null ? null : Math.floor(nanoseconds / 1e6);
  }

  // Cites this cell, whose value the host reads; `expected` says what the value would be if all were well.
  evidence(column, expected) {
    const cell = { table: this.table.name, row: this.index, column };
    return { source: { tag: "cell", val: cell }, observed: undefined, unit: undefined, expected };
  }

  known(name, kind) {
    if (this.table.fields.get(name)?.kind !== kind) return null;
    return this.table.column(name)[this.index];
  }
}

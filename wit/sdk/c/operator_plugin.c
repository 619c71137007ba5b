#include "operator_plugin.h"
#include "bindings/invariant.h"

#include <stdlib.h>
#include <string.h>

// `operator plugin build` writes the contract into the component itself, so the object file that carries it
// is not linked.
void __component_type_object_force_link_invariant(void) {}

struct op_snapshot {
  operator_plugin_snapshots_borrow_snapshot_t handle;
  bool failed;
  invariant_plugin_error_t error;
};

typedef struct {
  bool loaded, usable;
  union {
    double *floats;
    int64_t *integers;
    uint64_t *instants;
    uint8_t *booleans;
    op_string *texts;
  } values;
  uint8_t *present;
} column_t;

struct op_table {
  operator_plugin_tables_borrow_table_t handle;
  op_string name;
  operator_plugin_tables_list_field_t fields;
  size_t rows;
  column_t *columns;
};

// A list that grows; the items have one size.
typedef struct { void *items; size_t count, capacity; } list_t;

struct op_findings { list_t violations, passed, unknown; bool concluded; invariant_outcome_t outcome; };

static op_string owned(invariant_string_t text) { return (op_string){(const char *)text.ptr, text.len}; }
static invariant_string_t lent(op_string text) { return (invariant_string_t){(uint8_t *)text.ptr, text.len}; }
static invariant_string_t lent_c(const char *text) { return lent(op_text_of(text)); }

void *op_alloc(size_t bytes) {
  void *block = malloc(bytes ? bytes : 1);
  if (!block) __builtin_trap();
  return block;
}

// What an export returns, the bindings free: each text and list of it is a block of its own.
static uint8_t *copied(const void *bytes, size_t length) { return length ? memcpy(op_alloc(length), bytes, length) : NULL; }
static invariant_string_t given(op_string text) {
  return (invariant_string_t){copied(text.ptr, text.len), text.len};
}
static invariant_string_t given_c(const char *text) { return given(op_text_of(text)); }
static invariant_option_string_t optional(op_string text) {
  return (invariant_option_string_t){.is_some = text.ptr != NULL, .val = given(text)};
}

op_string op_text_of(const char *text) { return (op_string){text, strlen(text)}; }

op_string op_concat(size_t count, const op_string *parts) {
  size_t length = 0, at = 0;
  for (size_t i = 0; i < count; i++) length += parts[i].len;
  char *whole = op_alloc(length);
  for (size_t i = 0; i < count; at += parts[i++].len) memcpy(whole + at, parts[i].ptr, parts[i].len);
  return (op_string){whole, length};
}

op_string op_decimal(int64_t number) {
  enum { DIGITS_MAX = 20 };
  char *text = op_alloc(DIGITS_MAX);
  size_t at = DIGITS_MAX;
  uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do text[--at] = (char)('0' + left % 10); while ((left /= 10) > 0);
  if (number < 0) text[--at] = '-';
  return (op_string){text + at, DIGITS_MAX - at};
}

static void *append(list_t *list, size_t size) {
  if (list->count == list->capacity) {
    list->capacity = list->capacity ? 2 * list->capacity : 16;
    void *larger = op_alloc(list->capacity * size);
    if (list->count) memcpy(larger, list->items, list->count * size);
    list->items = larger;
  }
  return (char *)list->items + size * list->count++;
}

// ---- reading

static invariant_plugin_error_t error_of(operator_plugin_tables_table_error_t error) {
  switch (error.tag) {
  case OPERATOR_PLUGIN_TABLES_TABLE_ERROR_NO_SUCH_TABLE: {
    op_string text = OP_JOIN(op_text_of("no table "), owned(error.val.no_such_table), op_text_of(" in this snapshot"));
    return (invariant_plugin_error_t){OPERATOR_PLUGIN_TYPES_PLUGIN_ERROR_UNAVAILABLE, {.unavailable = given(text)}};
  }
  case OPERATOR_PLUGIN_TABLES_TABLE_ERROR_TOO_LARGE: {
    op_string text = OP_JOIN(op_text_of("a table is larger than "), op_decimal((int64_t)error.val.too_large));
    return (invariant_plugin_error_t){OPERATOR_PLUGIN_TYPES_PLUGIN_ERROR_LIMIT, {.limit = given(text)}};
  }
  default: {
    op_string text = op_text_of("a table cannot be opened");
    return (invariant_plugin_error_t){OPERATOR_PLUGIN_TYPES_PLUGIN_ERROR_INTERNAL, {.internal = given(text)}};
  }
  }
}

op_table *op_open(op_snapshot *snapshot, const char *name) {
  invariant_string_t asked = lent_c(name);
  operator_plugin_tables_own_table_t opened;
  operator_plugin_tables_table_error_t error;
  if (!operator_plugin_snapshots_method_snapshot_open(snapshot->handle, &asked, &opened, &error)) {
    snapshot->failed = true;
    snapshot->error = error_of(error);
    return NULL;
  }
  op_table *table = op_alloc(sizeof *table);
  table->handle = operator_plugin_tables_borrow_table(opened);
  invariant_string_t called;
  operator_plugin_tables_method_table_name(table->handle, &called);
  table->name = owned(called);
  operator_plugin_tables_method_table_fields(table->handle, &table->fields);
  table->rows = operator_plugin_tables_method_table_rows(table->handle);
  table->columns = op_alloc(table->fields.len * sizeof(column_t));
  memset(table->columns, 0, table->fields.len * sizeof(column_t));
  return table;
}

size_t op_rows(const op_table *table) { return table->rows; }

static op_string *unpack(operator_plugin_tables_packed_text_t packed) {
  op_string *texts = op_alloc(packed.ends.len * sizeof *texts);
  for (size_t i = 0, start = 0; i < packed.ends.len; start = packed.ends.ptr[i++])
    texts[i] = (op_string){(const char *)packed.text.ptr + start, packed.ends.ptr[i] - start};
  return texts;
}

// Copies a whole column from the host, once.
static bool load(op_table *table, const operator_plugin_tables_field_t *field, column_t *column) {
  invariant_string_t name = field->name;
  uint32_t rows = (uint32_t)table->rows;
  operator_plugin_tables_table_error_t error;
  invariant_list_u8_t bytes;
  invariant_list_f64_t floats;
  invariant_list_s64_t integers;
  invariant_list_u64_t instants;
  operator_plugin_tables_packed_text_t texts;
  if (!operator_plugin_tables_method_table_validity(table->handle, &name, 0, rows, &bytes, &error)) return false;
  column->present = bytes.ptr;
  switch (field->kind) {
  case OPERATOR_PLUGIN_TABLES_KIND_FLOAT:
    if (!operator_plugin_tables_method_table_floats(table->handle, &name, 0, rows, &floats, &error)) return false;
    column->values.floats = floats.ptr;
    return true;
  case OPERATOR_PLUGIN_TABLES_KIND_INTEGER:
    if (!operator_plugin_tables_method_table_integers(table->handle, &name, 0, rows, &integers, &error)) return false;
    column->values.integers = integers.ptr;
    return true;
  case OPERATOR_PLUGIN_TABLES_KIND_INSTANT:
    if (!operator_plugin_tables_method_table_instants(table->handle, &name, 0, rows, &instants, &error)) return false;
    column->values.instants = instants.ptr;
    return true;
  case OPERATOR_PLUGIN_TABLES_KIND_BOOLEAN:
    if (!operator_plugin_tables_method_table_booleans(table->handle, &name, 0, rows, &bytes, &error)) return false;
    column->values.booleans = bytes.ptr;
    return true;
  default:
    if (!operator_plugin_tables_method_table_texts(table->handle, &name, 0, rows, &texts, &error)) return false;
    column->values.texts = unpack(texts);
    return true;
  }
}

static const operator_plugin_tables_field_t *field_named(const op_table *table, const char *name) {
  op_string wanted = op_text_of(name);
  for (size_t i = 0; i < table->fields.len; i++) {
    op_string has = owned(table->fields.ptr[i].name);
    if (has.len == wanted.len && memcmp(has.ptr, wanted.ptr, has.len) == 0) return &table->fields.ptr[i];
  }
  return NULL;
}

// The column, when the cell has a value; `kind` says of which kind.
static const column_t *cell(op_table *table, size_t row, const char *name, uint8_t *kind) {
  const operator_plugin_tables_field_t *field = field_named(table, name);
  if (!field || row >= table->rows) return NULL;
  column_t *column = &table->columns[field - table->fields.ptr];
  if (!column->loaded) {
    column->usable = load(table, field, column);
    column->loaded = true;
  }
  *kind = field->kind;
  return column->usable && column->present[row] ? column : NULL;
}

bool op_text(op_table *table, size_t row, const char *name, op_string *value) {
  uint8_t kind;
  const column_t *column = cell(table, row, name, &kind);
  if (!column || kind != OPERATOR_PLUGIN_TABLES_KIND_TEXT) return false;
  *value = column->values.texts[row];
  return true;
}

bool op_number(op_table *table, size_t row, const char *name, double *value) {
  uint8_t kind;
  const column_t *column = cell(table, row, name, &kind);
  if (!column) return false;
  if (kind == OPERATOR_PLUGIN_TABLES_KIND_FLOAT) return *value = column->values.floats[row], true;
  if (kind == OPERATOR_PLUGIN_TABLES_KIND_INTEGER) return *value = (double)column->values.integers[row], true;
  return false;
}

bool op_integer(op_table *table, size_t row, const char *name, int64_t *value) {
  uint8_t kind;
  const column_t *column = cell(table, row, name, &kind);
  if (!column || kind != OPERATOR_PLUGIN_TABLES_KIND_INTEGER) return false;
  *value = column->values.integers[row];
  return true;
}

bool op_boolean(op_table *table, size_t row, const char *name, bool *value) {
  uint8_t kind;
  const column_t *column = cell(table, row, name, &kind);
  if (!column || kind != OPERATOR_PLUGIN_TABLES_KIND_BOOLEAN) return false;
  *value = column->values.booleans[row] != 0;
  return true;
}

bool op_instant(op_table *table, size_t row, const char *name, uint64_t *nanoseconds) {
  uint8_t kind;
  const column_t *column = cell(table, row, name, &kind);
  if (!column || kind != OPERATOR_PLUGIN_TABLES_KIND_INSTANT) return false;
  *nanoseconds = column->values.instants[row];
  return true;
}

op_evidence op_cell(op_table *table, size_t row, const char *name) {
  op_evidence evidence = {.table = table->name, .row = (uint32_t)row, .column = op_text_of(name)};
  const operator_plugin_tables_field_t *field = field_named(table, name);
  if (field && field->unit.is_some) evidence.unit = owned(field->unit.val);
  uint8_t kind;
  const column_t *column = cell(table, row, name, &kind);
  if (!column) return evidence;
  switch (kind) {
  case OPERATOR_PLUGIN_TABLES_KIND_BOOLEAN:
    evidence.kind = OPERATOR_PLUGIN_TYPES_SCALAR_BOOLEAN;
    evidence.value.boolean = column->values.booleans[row] != 0;
    break;
  case OPERATOR_PLUGIN_TABLES_KIND_FLOAT:
    evidence.kind = OPERATOR_PLUGIN_TYPES_SCALAR_FLOAT;
    evidence.value.number = column->values.floats[row];
    break;
  case OPERATOR_PLUGIN_TABLES_KIND_TEXT:
    evidence.kind = OPERATOR_PLUGIN_TYPES_SCALAR_TEXT;
    evidence.value.text = column->values.texts[row];
    break;
  default: // an integer, or an instant as one
    evidence.kind = OPERATOR_PLUGIN_TYPES_SCALAR_INTEGER;
    evidence.value.integer = column->values.integers[row];
  }
  return evidence;
}

// ---- findings

static operator_plugin_checks_evidence_t lowered(const op_evidence *evidence) {
  operator_plugin_checks_evidence_t lowered = {
      .table = given(evidence->table),
      .row = {.is_some = true, .val = evidence->row},
      .column = given(evidence->column),
      .observed = {.tag = evidence->kind},
      .unit = optional(evidence->unit),
      .expected = optional(evidence->expected),
  };
  switch (evidence->kind) {
  case OPERATOR_PLUGIN_TYPES_SCALAR_BOOLEAN: lowered.observed.val.boolean = evidence->value.boolean; break;
  case OPERATOR_PLUGIN_TYPES_SCALAR_INTEGER: lowered.observed.val.integer = evidence->value.integer; break;
  case OPERATOR_PLUGIN_TYPES_SCALAR_FLOAT: lowered.observed.val.float_ = evidence->value.number; break;
  case OPERATOR_PLUGIN_TYPES_SCALAR_TEXT: lowered.observed.val.text = given(evidence->value.text); break;
  default: break;
  }
  return lowered;
}

void op_pass(op_findings *findings, op_string entity) {
  *(invariant_string_t *)append(&findings->passed, sizeof(invariant_string_t)) = given(entity);
}

void op_fail(op_findings *findings, op_string entity, op_string summary, size_t count, const op_evidence *evidence) {
  operator_plugin_checks_violation_t *violation = append(&findings->violations, sizeof *violation);
  memset(violation, 0, sizeof *violation);
  violation->entity = given(entity);
  violation->summary = given(summary);
  violation->evidence.ptr = op_alloc(count * sizeof *violation->evidence.ptr);
  violation->evidence.len = count;
  for (size_t i = 0; i < count; i++) violation->evidence.ptr[i] = lowered(&evidence[i]);
}

void op_unknown(op_findings *findings, op_string entity, op_string because) {
  op_string separator = op_text_of(findings->unknown.count ? "; " : "");
  *(op_string *)append(&findings->unknown, sizeof(op_string)) = OP_JOIN(separator, entity, op_text_of(": "), because);
}

size_t op_violations(const op_findings *findings) { return findings->violations.count; }

static void settle(op_findings *findings, uint8_t status, op_string reason) {
  findings->concluded = true;
  findings->outcome.status = status;
  findings->outcome.reason = given(reason);
  findings->outcome.passed = (invariant_list_string_t){findings->passed.items, findings->passed.count};
  if (status == OPERATOR_PLUGIN_CHECKS_STATUS_FAIL)
    findings->outcome.violations =
        (operator_plugin_checks_list_violation_t){findings->violations.items, findings->violations.count};
}

void op_conclude(op_findings *findings, op_string looked_at) {
  if (findings->violations.count) {
    settle(findings, OPERATOR_PLUGIN_CHECKS_STATUS_FAIL, looked_at);
  } else if (findings->unknown.count) {
    op_inconclusive(findings, op_concat(findings->unknown.count, findings->unknown.items));
  } else if (!findings->passed.count) {
    op_inconclusive(findings, OP_JOIN(op_text_of("nothing to judge: "), looked_at));
  } else {
    settle(findings, OPERATOR_PLUGIN_CHECKS_STATUS_PASS, looked_at);
  }
}

void op_inconclusive(op_findings *findings, op_string reason) {
  settle(findings, OPERATOR_PLUGIN_CHECKS_STATUS_INCONCLUSIVE, reason);
}

void op_remember(op_findings *findings, op_bytes state) {
  findings->outcome.state = (invariant_option_list_u8_t){true, {copied(state.ptr, state.len), state.len}};
}

// ---- the exports of the world

static bool internal(invariant_plugin_error_t *error, op_string text) {
  *error = (invariant_plugin_error_t){OPERATOR_PLUGIN_TYPES_PLUGIN_ERROR_INTERNAL, {.internal = given(text)}};
  return false;
}

static invariant_list_string_t names(const char *const *tables) {
  size_t count = 0;
  while (tables && tables[count]) count++;
  invariant_list_string_t list = {op_alloc(count * sizeof(invariant_string_t)), count};
  for (size_t i = 0; i < count; i++) list.ptr[i] = given_c(tables[i]);
  return list;
}

bool exports_invariant_declare(invariant_string_t *config, invariant_declaration_t *declared,
                               invariant_plugin_error_t *error) {
  (void)config, (void)error;
  const op_module *module = &OP_MODULE;
  declared->info = (operator_plugin_types_plugin_info_t){
      given_c(module->name), given_c(module->version), given_c(module->summary)};
  declared->checks.ptr = op_alloc(module->check_count * sizeof *declared->checks.ptr);
  declared->checks.len = module->check_count;
  for (size_t i = 0; i < module->check_count; i++) {
    const op_check *check = &module->checks[i];
    declared->checks.ptr[i] = (operator_plugin_checks_check_declaration_t){
        given_c(check->id), given_c(check->claim), (uint8_t)check->severity, check->hold_ms, names(check->tables)};
  }
  return true;
}

bool exports_invariant_evaluate(invariant_string_t *id, invariant_own_snapshot_t handle, invariant_list_u8_t *state,
                                invariant_outcome_t *outcome, invariant_plugin_error_t *error) {
  op_snapshot snapshot = {.handle = operator_plugin_snapshots_borrow_snapshot(handle)};
  op_findings findings = {0};
  for (size_t i = 0; i < OP_MODULE.check_count; i++) {
    op_string name = op_text_of(OP_MODULE.checks[i].id);
    if (name.len != id->len || memcmp(name.ptr, id->ptr, name.len) != 0) continue;
    op_bytes kept = state ? (op_bytes){state->ptr, state->len} : (op_bytes){NULL, 0};
    OP_MODULE.checks[i].judge(&snapshot, kept, &findings);
    *outcome = findings.outcome;
    if (snapshot.failed) return *error = snapshot.error, false;
    return findings.concluded || internal(error, op_text_of("the check ended without op_conclude"));
  }
  return internal(error, OP_JOIN(op_text_of("no check "), owned(*id), op_text_of(" in this module")));
}

bool exports_invariant_migrate(invariant_string_t *check, invariant_string_t *from_version, invariant_list_u8_t *state,
                               invariant_option_list_u8_t *migrated, invariant_plugin_error_t *error) {
  (void)error;
  op_bytes old = {state->ptr, state->len}, new;
  migrated->is_some = OP_MODULE.migrate && OP_MODULE.migrate(owned(*check), owned(*from_version), old, &new);
  if (migrated->is_some) migrated->val = (invariant_list_u8_t){copied(new.ptr, new.len), new.len};
  return true;
}

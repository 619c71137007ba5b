#include "operator_plugin.h"
#include "bindings/check.h"

#include <stdlib.h>
#include <string.h>

// `operator plugin build` writes the contract into the component itself, and the object file that carries it
// is not linked.
void __component_type_object_force_link_check(void) {}

struct op_snapshot {
  operator_check_snapshots_borrow_snapshot_t handle;
  bool failed;
  check_plugin_error_t error;
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
  operator_tables_tables_borrow_table_t handle;
  op_string name;
  operator_tables_tables_list_field_t fields;
  size_t rows;
  column_t *columns;
};

// A list that grows; the items have one size.
typedef struct { void *items; size_t count, capacity; } list_t;

struct op_findings { list_t violations, passed, unknown; bool concluded; check_outcome_t outcome; };

static op_string owned(check_string_t text) { return (op_string){(const char *)text.ptr, text.len}; }
static check_string_t lent(op_string text) { return (check_string_t){(uint8_t *)text.ptr, text.len}; }
static check_string_t lent_c(const char *text) { return lent(op_text_of(text)); }

void *op_alloc(size_t bytes) {
  void *block = malloc(bytes ? bytes : 1);
  if (!block) __builtin_trap();
  return block;
}

// The bindings free what an export returns: each text and list of it is a block of its own.
static uint8_t *copied(const void *bytes, size_t length) { return length ? memcpy(op_alloc(length), bytes, length) : NULL; }
static check_string_t given(op_string text) {
  return (check_string_t){copied(text.ptr, text.len), text.len};
}
static check_string_t given_c(const char *text) { return given(op_text_of(text)); }
static check_option_string_t optional(op_string text) {
  return (check_option_string_t){.is_some = text.ptr != NULL, .val = given(text)};
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

static check_plugin_error_t error_of(operator_tables_tables_table_error_t error) {
  switch (error.tag) {
  case OPERATOR_TABLES_TABLES_TABLE_ERROR_NO_SUCH_TABLE: {
    op_string text = OP_JOIN(op_text_of("no table "), owned(error.val.no_such_table), op_text_of(" in this snapshot"));
    return (check_plugin_error_t){OPERATOR_TYPES_TYPES_PLUGIN_ERROR_UNAVAILABLE, {.unavailable = given(text)}};
  }
  case OPERATOR_TABLES_TABLES_TABLE_ERROR_TOO_LARGE: {
    op_string text = OP_JOIN(op_text_of("a table is larger than "), op_decimal((int64_t)error.val.too_large));
    return (check_plugin_error_t){OPERATOR_TYPES_TYPES_PLUGIN_ERROR_LIMIT, {.limit = given(text)}};
  }
  default: {
    op_string text = op_text_of("a table cannot be opened");
    return (check_plugin_error_t){OPERATOR_TYPES_TYPES_PLUGIN_ERROR_INTERNAL, {.internal = given(text)}};
  }
  }
}

op_table *op_open(op_snapshot *snapshot, const char *name) {
  check_string_t asked = lent_c(name);
  operator_tables_tables_own_table_t opened;
  operator_tables_tables_table_error_t error;
  if (!operator_check_snapshots_method_snapshot_open(snapshot->handle, &asked, &opened, &error)) {
    snapshot->failed = true;
    snapshot->error = error_of(error);
    return NULL;
  }
  op_table *table = op_alloc(sizeof *table);
  table->handle = operator_tables_tables_borrow_table(opened);
  check_string_t called;
  operator_tables_tables_method_table_name(table->handle, &called);
  table->name = owned(called);
  operator_tables_tables_method_table_fields(table->handle, &table->fields);
  table->rows = operator_tables_tables_method_table_rows(table->handle);
  table->columns = op_alloc(table->fields.len * sizeof(column_t));
  memset(table->columns, 0, table->fields.len * sizeof(column_t));
  return table;
}

size_t op_rows(const op_table *table) { return table->rows; }

static op_string *unpack(operator_tables_tables_packed_text_t packed) {
  op_string *texts = op_alloc(packed.ends.len * sizeof *texts);
  for (size_t i = 0, start = 0; i < packed.ends.len; start = packed.ends.ptr[i++])
    texts[i] = (op_string){(const char *)packed.text.ptr + start, packed.ends.ptr[i] - start};
  return texts;
}

// Copies a whole column from the host, once.
static bool load(op_table *table, const operator_tables_tables_field_t *field, column_t *column) {
  check_string_t name = field->name;
  uint32_t rows = (uint32_t)table->rows;
  operator_tables_tables_table_error_t error;
  check_list_u8_t bytes;
  check_list_f64_t floats;
  check_list_s64_t integers;
  check_list_u64_t instants;
  operator_tables_tables_packed_text_t texts;
  if (!operator_tables_tables_method_table_validity(table->handle, &name, 0, rows, &bytes, &error)) return false;
  column->present = bytes.ptr;
  switch (field->kind) {
  case OPERATOR_TABLES_TABLES_KIND_FLOAT:
    if (!operator_tables_tables_method_table_floats(table->handle, &name, 0, rows, &floats, &error)) return false;
    column->values.floats = floats.ptr;
    return true;
  case OPERATOR_TABLES_TABLES_KIND_INTEGER:
    if (!operator_tables_tables_method_table_integers(table->handle, &name, 0, rows, &integers, &error)) return false;
    column->values.integers = integers.ptr;
    return true;
  case OPERATOR_TABLES_TABLES_KIND_INSTANT:
    if (!operator_tables_tables_method_table_instants(table->handle, &name, 0, rows, &instants, &error)) return false;
    column->values.instants = instants.ptr;
    return true;
  case OPERATOR_TABLES_TABLES_KIND_BOOLEAN:
    if (!operator_tables_tables_method_table_booleans(table->handle, &name, 0, rows, &bytes, &error)) return false;
    column->values.booleans = bytes.ptr;
    return true;
  default:
    if (!operator_tables_tables_method_table_texts(table->handle, &name, 0, rows, &texts, &error)) return false;
    column->values.texts = unpack(texts);
    return true;
  }
}

static const operator_tables_tables_field_t *field_named(const op_table *table, const char *name) {
  op_string wanted = op_text_of(name);
  for (size_t i = 0; i < table->fields.len; i++) {
    op_string has = owned(table->fields.ptr[i].name);
    if (has.len == wanted.len && memcmp(has.ptr, wanted.ptr, has.len) == 0) return &table->fields.ptr[i];
  }
  return NULL;
}

// The column, when the cell has a value; `kind` says of which kind.
static const column_t *cell(op_table *table, size_t row, const char *name, uint8_t *kind) {
  const operator_tables_tables_field_t *field = field_named(table, name);
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
  if (!column || kind != OPERATOR_TABLES_TABLES_KIND_TEXT) return false;
  *value = column->values.texts[row];
  return true;
}

bool op_number(op_table *table, size_t row, const char *name, double *value) {
  uint8_t kind;
  const column_t *column = cell(table, row, name, &kind);
  if (!column) return false;
  if (kind == OPERATOR_TABLES_TABLES_KIND_FLOAT) return *value = column->values.floats[row], true;
  if (kind == OPERATOR_TABLES_TABLES_KIND_INTEGER) return *value = (double)column->values.integers[row], true;
  return false;
}

bool op_integer(op_table *table, size_t row, const char *name, int64_t *value) {
  uint8_t kind;
  const column_t *column = cell(table, row, name, &kind);
  if (!column || kind != OPERATOR_TABLES_TABLES_KIND_INTEGER) return false;
  *value = column->values.integers[row];
  return true;
}

bool op_boolean(op_table *table, size_t row, const char *name, bool *value) {
  uint8_t kind;
  const column_t *column = cell(table, row, name, &kind);
  if (!column || kind != OPERATOR_TABLES_TABLES_KIND_BOOLEAN) return false;
  *value = column->values.booleans[row] != 0;
  return true;
}

bool op_instant(op_table *table, size_t row, const char *name, uint64_t *nanoseconds) {
  uint8_t kind;
  const column_t *column = cell(table, row, name, &kind);
  if (!column || kind != OPERATOR_TABLES_TABLES_KIND_INSTANT) return false;
  *nanoseconds = column->values.instants[row];
  return true;
}

op_evidence op_cell(op_table *table, size_t row, const char *name) {
  return (op_evidence){.table = table->name, .row = (uint32_t)row, .column = op_text_of(name)};
}

// ---- findings

op_entity op_entity_of(const char *kind, op_string key) { return op_entity_of_parts(kind, 1, &key); }

op_entity op_entity_of_parts(const char *kind, size_t part_count, const op_string *parts) {
  size_t bytes = part_count * sizeof *parts;
  return (op_entity){op_text_of(kind), part_count, memcpy(op_alloc(bytes), parts, bytes)};
}

// As Operator shows it, for example `node/a`.
static op_string shown(op_entity entity) {
  op_string text = entity.kind;
  for (size_t i = 0; i < entity.part_count; i++) text = OP_JOIN(text, op_text_of("/"), entity.parts[i]);
  return text;
}

static operator_types_types_entity_id_t lowered_entity(op_entity entity) {
  operator_types_types_entity_id_t lowered = {
      .kind = given(entity.kind),
      .key = {op_alloc(entity.part_count * sizeof(check_string_t)), entity.part_count},
  };
  for (size_t i = 0; i < entity.part_count; i++) lowered.key.ptr[i] = given(entity.parts[i]);
  return lowered;
}

static operator_check_findings_evidence_t lowered(const op_evidence *evidence) {
  operator_check_findings_cell_t cell = {given(evidence->table), evidence->row, given(evidence->column)};
  return (operator_check_findings_evidence_t){
      .source = {.tag = OPERATOR_CHECK_FINDINGS_EVIDENCE_SOURCE_CELL, .val = {.cell = cell}},
      .expected = optional(evidence->expected),
  };
}

void op_pass(op_findings *findings, op_entity entity) {
  *(op_entity *)append(&findings->passed, sizeof entity) = entity;
}

void op_fail(op_findings *findings, op_entity entity, op_string summary, size_t count, const op_evidence *evidence) {
  operator_check_findings_violation_t *violation = append(&findings->violations, sizeof *violation);
  memset(violation, 0, sizeof *violation);
  violation->entity = lowered_entity(entity);
  violation->summary = given(summary);
  violation->evidence.ptr = op_alloc(count * sizeof *violation->evidence.ptr);
  violation->evidence.len = count;
  for (size_t i = 0; i < count; i++) violation->evidence.ptr[i] = lowered(&evidence[i]);
}

void op_unknown(op_findings *findings, op_entity entity, op_string because) {
  op_string separator = op_text_of(findings->unknown.count ? "; " : "");
  *(op_string *)append(&findings->unknown, sizeof(op_string)) =
      OP_JOIN(separator, shown(entity), op_text_of(": "), because);
}

size_t op_violations(const op_findings *findings) { return findings->violations.count; }

static bool is_like(op_entity a, op_entity b) {
  return a.part_count == b.part_count && a.kind.len == b.kind.len && memcmp(a.kind.ptr, b.kind.ptr, a.kind.len) == 0;
}

// The passing entities from `first` on that have the kind and the number of key parts of that one, packed. Entities that
// are part of a set have their kind taken away.
static operator_check_findings_entity_set_t entity_set(op_entity *entities, size_t count, size_t first) {
  op_entity like = entities[first];
  size_t bytes = 0, values = 0;
  for (size_t i = first; i < count; i++) {
    if (!entities[i].kind.ptr || !is_like(entities[i], like)) continue;
    values += like.part_count;
    for (size_t part = 0; part < like.part_count; part++) bytes += entities[i].parts[part].len;
  }
  operator_check_findings_entity_set_t set = {.kind = given(like.kind), .key_parts = (uint32_t)like.part_count};
  set.keys.text = (check_string_t){op_alloc(bytes), bytes};
  set.keys.ends.ptr = op_alloc(values * sizeof(uint32_t));
  set.keys.ends.len = values;
  for (size_t i = first, end = 0, value = 0; i < count; i++) {
    if (!entities[i].kind.ptr || !is_like(entities[i], like)) continue;
    for (size_t part = 0; part < like.part_count; part++) {
      op_string text = entities[i].parts[part];
      if (text.len) memcpy(set.keys.text.ptr + end, text.ptr, text.len);
      set.keys.ends.ptr[value++] = (uint32_t)(end += text.len);
    }
    entities[i].kind.ptr = NULL;
  }
  return set;
}

static operator_check_findings_list_entity_set_t passed(op_findings *findings) {
  op_entity *entities = findings->passed.items;
  list_t sets = {0};
  for (size_t i = 0; i < findings->passed.count; i++) {
    if (!entities[i].kind.ptr) continue;
    operator_check_findings_entity_set_t set = entity_set(entities, findings->passed.count, i);
    *(operator_check_findings_entity_set_t *)append(&sets, sizeof set) = set;
  }
  return (operator_check_findings_list_entity_set_t){sets.items, sets.count};
}

void op_conclude(op_findings *findings, op_string evaluated) {
  operator_check_findings_verdict_t *verdict = &findings->outcome.verdict;
  if (findings->violations.count) {
    verdict->tag = OPERATOR_CHECK_FINDINGS_VERDICT_FAIL;
    verdict->val.fail = (operator_check_findings_failure_t){
        given(evaluated), {findings->violations.items, findings->violations.count}, passed(findings)};
  } else if (findings->unknown.count) {
    op_inconclusive(findings, op_concat(findings->unknown.count, findings->unknown.items));
  } else if (!findings->passed.count) {
    op_inconclusive(findings, OP_JOIN(op_text_of("nothing to evaluate: "), evaluated));
  } else {
    verdict->tag = OPERATOR_CHECK_FINDINGS_VERDICT_PASS;
    verdict->val.pass = (operator_check_findings_pass_t){given(evaluated), passed(findings)};
  }
  findings->concluded = true;
}

void op_inconclusive(op_findings *findings, op_string reason) {
  findings->concluded = true;
  findings->outcome.verdict.tag = OPERATOR_CHECK_FINDINGS_VERDICT_INCONCLUSIVE;
  findings->outcome.verdict.val.inconclusive =
      (operator_check_findings_inconclusive_t){given(reason), passed(findings)};
}

void op_not_applicable(op_findings *findings, op_string reason) {
  findings->concluded = true;
  findings->outcome.verdict.tag = OPERATOR_CHECK_FINDINGS_VERDICT_NOT_APPLICABLE;
  findings->outcome.verdict.val.not_applicable = given(reason);
}

void op_remember(op_findings *findings, op_bytes state) {
  findings->outcome.state = (check_option_list_u8_t){true, {copied(state.ptr, state.len), state.len}};
}

// ---- the exports of the world

static bool internal(check_plugin_error_t *error, op_string text) {
  *error = (check_plugin_error_t){OPERATOR_TYPES_TYPES_PLUGIN_ERROR_INTERNAL, {.internal = given(text)}};
  return false;
}

static check_list_string_t names(const char *const *tables) {
  size_t count = 0;
  while (tables && tables[count]) count++;
  check_list_string_t list = {op_alloc(count * sizeof(check_string_t)), count};
  for (size_t i = 0; i < count; i++) list.ptr[i] = given_c(tables[i]);
  return list;
}

bool exports_check_declare(check_string_t *config, check_declaration_t *declared,
                               check_plugin_error_t *error) {
  (void)config, (void)error;
  const op_plugin *plugin = &OP_PLUGIN;
  declared->info = (operator_types_types_plugin_info_t){
      given_c(plugin->name), given_c(plugin->version), given_c(plugin->summary)};
  declared->checks.ptr = op_alloc(plugin->check_count * sizeof *declared->checks.ptr);
  declared->checks.len = plugin->check_count;
  for (size_t i = 0; i < plugin->check_count; i++) {
    const op_check *check = &plugin->checks[i];
    declared->checks.ptr[i] = (operator_check_findings_check_declaration_t){
        given_c(check->id), given_c(check->claim), (uint8_t)check->severity, check->pending, names(check->tables)};
  }
  return true;
}

bool exports_check_evaluate(check_string_t *id, check_own_snapshot_t handle, check_list_u8_t *state,
                                check_outcome_t *outcome, check_plugin_error_t *error) {
  op_snapshot snapshot = {.handle = operator_check_snapshots_borrow_snapshot(handle)};
  op_findings findings = {0};
  for (size_t i = 0; i < OP_PLUGIN.check_count; i++) {
    op_string name = op_text_of(OP_PLUGIN.checks[i].id);
    if (name.len != id->len || memcmp(name.ptr, id->ptr, name.len) != 0) continue;
    op_bytes kept = state ? (op_bytes){state->ptr, state->len} : (op_bytes){NULL, 0};
    OP_PLUGIN.checks[i].evaluate(&snapshot, kept, &findings);
    *outcome = findings.outcome;
    if (snapshot.failed) return *error = snapshot.error, false;
    return findings.concluded || internal(error, op_text_of("the check ended without op_conclude"));
  }
  return internal(error, OP_JOIN(op_text_of("no check "), owned(*id), op_text_of(" in this plugin")));
}

bool exports_check_migrate(check_string_t *check, check_string_t *from_version, check_list_u8_t *state,
                               check_option_list_u8_t *migrated, check_plugin_error_t *error) {
  (void)error;
  op_bytes old = {state->ptr, state->len}, new;
  migrated->is_some = OP_PLUGIN.migrate && OP_PLUGIN.migrate(owned(*check), owned(*from_version), old, &new);
  if (migrated->is_some) migrated->val = (check_list_u8_t){copied(new.ptr, new.len), new.len};
  return true;
}

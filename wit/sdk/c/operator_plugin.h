// Author SDK for Operator checks in C.
//
// A check is a function from a snapshot to findings. The instance ends with its call, and nothing has to be
// freed: allocate with op_alloc and forget. What is passed to op_... is copied where it must outlive the call.
// There is no clock, no randomness, no file, no network.
#ifndef OPERATOR_PLUGIN_H
#define OPERATOR_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Text with its length in bytes, UTF-8. It may hold a NUL: take it apart by length, never by strlen.
typedef struct { const char *ptr; size_t len; } op_string;
typedef struct { const uint8_t *ptr; size_t len; } op_bytes;

typedef enum { OP_INFO, OP_WARNING, OP_CRITICAL } op_severity;

typedef struct op_snapshot op_snapshot;
typedef struct op_table op_table;
typedef struct op_findings op_findings;

// An entity: a kind, and a key of one part or more. Made by op_entity_of and op_entity_of_parts.
typedef struct { op_string kind; size_t part_count; const op_string *parts; } op_entity;

// A cell that a violation cites; the host reads its value. Made by op_cell; `expected` is what the value would be if all
// were well.
typedef struct {
  op_string table;
  uint32_t row;
  op_string column;
  op_string expected; // none: ptr is NULL
} op_evidence;

// Durations are nanoseconds: `15 * OP_SECOND`.
#define OP_SECOND UINT64_C(1000000000)

typedef struct {
  const char *id;         // lower-case words joined by hyphens
  const char *claim;      // what must hold, one sentence
  op_severity severity;
  uint64_t pending;       // how long a violation must last before it is active, in nanoseconds
  const char *const *tables; // ends with NULL; without one of them the host reports inconclusive itself
  // Fills `findings` and ends with op_conclude. `state` is what op_remember kept at the last tick.
  void (*evaluate)(op_snapshot *snapshot, op_bytes state, op_findings *findings);
} op_check;

typedef struct {
  const char *name, *version, *summary;
  const op_check *checks;
  size_t check_count;
  // Hot swap: converts the state of an older version; NULL, or false, starts without.
  bool (*migrate)(op_string check, op_string from_version, op_bytes state, op_bytes *migrated);
} op_plugin;

// The one thing that a plugin must define.
extern const op_plugin OP_PLUGIN;

void *op_alloc(size_t bytes);
op_string op_text_of(const char *nul_terminated);
op_string op_decimal(int64_t number);
op_string op_concat(size_t count, const op_string *parts);
// OP_JOIN(op_text_of("node "), id)
#define OP_JOIN(...) \
  op_concat(sizeof((op_string[]){__VA_ARGS__}) / sizeof(op_string), (op_string[]){__VA_ARGS__})

// op_entity_of("node", name) is shown as `node/NAME`.
op_entity op_entity_of(const char *kind, op_string key);
op_entity op_entity_of_parts(const char *kind, size_t part_count, const op_string *parts);

// NULL when the table was not observed; the check then just returns, and is inconclusive.
op_table *op_open(op_snapshot *snapshot, const char *table);
size_t op_rows(const op_table *table);

// The value of a cell, if known: false for a null, for a missing column and for one of another kind.
bool op_text(op_table *table, size_t row, const char *column, op_string *value);
bool op_number(op_table *table, size_t row, const char *column, double *value); // a float, or an integer as one
bool op_integer(op_table *table, size_t row, const char *column, int64_t *value);
bool op_boolean(op_table *table, size_t row, const char *column, bool *value);
bool op_instant(op_table *table, size_t row, const char *column, uint64_t *nanoseconds);
op_evidence op_cell(op_table *table, size_t row, const char *column);

// Collects a finding for every entity. One violation fails, one entity that could not be evaluated leaves the check
// open, and it passes only when every entity does.
void op_pass(op_findings *findings, op_entity entity);
void op_fail(op_findings *findings, op_entity entity, op_string summary, size_t count, const op_evidence *evidence);
void op_unknown(op_findings *findings, op_entity entity, op_string because);
size_t op_violations(const op_findings *findings);
void op_conclude(op_findings *findings, op_string evaluated);
// The check cannot decide at all, and why.
void op_inconclusive(op_findings *findings, op_string reason);
// The rule does not apply, and why.
void op_not_applicable(op_findings *findings, op_string reason);
void op_remember(op_findings *findings, op_bytes state);

#ifdef __cplusplus
}
#endif

#endif

// Every node has room left: no less than a fifth of its space is free.
#include "operator_plugin.h"

static const double LEAST_FREE = 0.2;

// As `12.3 %`, rounded to the nearest tenth; the share lies between 0 and 1.
static op_string percent(double share) {
  int64_t tenths = (int64_t)(share * 1000.0 + 0.5);
  return OP_JOIN(op_decimal(tenths / 10), op_text_of("."), op_decimal(tenths % 10), op_text_of(" %"));
}

// The number of ticks in the state of the last call; 0 for anything else.
static int64_t remembered(op_bytes state) {
  int64_t ticks = 0;
  if (state.len > 9) return 0;
  for (size_t i = 0; i < state.len; i++) {
    if (state.ptr[i] < '0' || state.ptr[i] > '9') return 0;
    ticks = 10 * ticks + (state.ptr[i] - '0');
  }
  return ticks;
}

static void evaluate_node(op_table *nodes, size_t row, op_findings *findings) {
  op_string name = op_text_of("?");
  double share;
  op_text(nodes, row, "node", &name);
  op_entity node = op_entity_of("node", name);
  if (!op_number(nodes, row, "free_ratio", &share)) {
    op_unknown(findings, node, op_text_of("its free space is not known"));
  } else if (!(share >= 0.0 && share <= 1.0)) {
    op_unknown(findings, node, op_text_of("its free ratio lies outside 0 to 1"));
  } else if (share >= LEAST_FREE) {
    op_pass(findings, node);
  } else {
    op_evidence evidence[] = {op_cell(nodes, row, "free_ratio"), op_cell(nodes, row, "objects")};
    evidence[0].expected = op_text_of("at least 0.2");
    op_fail(findings, node, OP_JOIN(percent(share), op_text_of(" of its space is free")), 2, evidence);
  }
}

static void room(op_snapshot *snapshot, op_bytes state, op_findings *findings) {
  op_table *nodes = op_open(snapshot, "nodes");
  if (!nodes) return;
  for (size_t row = 0; row < op_rows(nodes); row++) evaluate_node(nodes, row, findings);
  int64_t low_ticks = op_violations(findings) ? remembered(state) + 1 : 0;
  op_string ticks = op_decimal(low_ticks);
  op_conclude(findings, OP_JOIN(op_decimal((int64_t)op_rows(nodes)), op_text_of(" nodes, low for "), ticks,
                                op_text_of(" ticks")));
  op_remember(findings, (op_bytes){(const uint8_t *)ticks.ptr, ticks.len});
}

// Version 0.1 already counted ticks in this way.
static bool migrate(op_string check, op_string from_version, op_bytes state, op_bytes *migrated) {
  (void)check;
  if (from_version.len < 4 || __builtin_memcmp(from_version.ptr, "0.1.", 4) != 0) return false;
  *migrated = state;
  return true;
}

static const char *const READS[] = {"nodes", NULL};
static const op_check CHECKS[] = {
    {"headroom", "every node has a fifth of its space free", OP_WARNING, 0, READS, room},
};
const op_plugin OP_PLUGIN = {"headroom", "0.1.0", "Every node has room left", CHECKS, 1, migrate};

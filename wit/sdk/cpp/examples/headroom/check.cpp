// Every node has room left: no less than a fifth of its space is free.
#include "operator_plugin.hpp"

using namespace operator_plugin;

namespace {

constexpr double least_free = 0.2;

// As `12.3 %`, rounded to the nearest tenth; the share lies between 0 and 1.
std::string percent(double share) {
  const auto tenths = static_cast<std::int64_t>(share * 1000.0 + 0.5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

// The number of ticks in the state of the last call; 0 for anything else.
std::int64_t remembered(std::string_view state) {
  std::int64_t ticks = 0;
  if (state.size() > 9) return 0;
  for (const char digit : state) {
    if (digit < '0' || digit > '9') return 0;
    ticks = 10 * ticks + (digit - '0');
  }
  return ticks;
}

void evaluate_node(const Row &row, Findings &findings) {
  const Entity node("node", row.text("node").value_or("?"));
  const std::optional<double> share = row.number("free_ratio");
  if (!share) {
    findings.unknown(node, "its free space is not known");
  } else if (!(*share >= 0.0 && *share <= 1.0)) {
    findings.unknown(node, "its free ratio lies outside 0 to 1");
  } else if (*share >= least_free) {
    findings.pass(node);
  } else {
    findings.fail(node, percent(*share) + " of its space is free",
                  {row.evidence("free_ratio").expected("at least 0.2"), row.evidence("objects")});
  }
}

void room(const Snapshot &snapshot, std::string_view state, Findings &findings) {
  const std::optional<Table> nodes = snapshot.table("nodes");
  if (!nodes) return;
  for (const Row &row : nodes->rows()) evaluate_node(row, findings);
  const std::string ticks = std::to_string(findings.violations() ? remembered(state) + 1 : 0);
  findings.conclude(std::to_string(nodes->size()) + " nodes, low for " + ticks + " ticks");
  findings.remember(ticks);
}

// Version 0.1 already counted ticks in this way.
bool migrate(op_string, op_string from_version, op_bytes state, op_bytes *migrated) {
  if (!view(from_version).starts_with("0.1.")) return false;
  *migrated = state;
  return true;
}

constexpr const char *reads[] = {"nodes", nullptr};
constexpr op_check checks[] = {
    {"headroom", "every node has a fifth of its space free", OP_WARNING, 0, reads, evaluated<room>},
};

}  // namespace

extern "C" const op_plugin OP_PLUGIN = {"headroom", "0.1.0", "Every node has room left", checks, 1, migrate};

// Author SDK for Operator checks in C++20: a thin wrapper of the C SDK, with which it is linked.
//
// Exceptions and RTTI are off. The instance ends with its call: text may be kept as a view.
#pragma once

#include "operator_plugin.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace operator_plugin {

enum class Severity { info = OP_INFO, warning = OP_WARNING, critical = OP_CRITICAL };

// Keeps text alive until the host has read it.
inline op_string kept(std::string_view text) {
  const op_string part{text.data(), text.size()};
  return op_concat(1, &part);
}

inline std::string_view view(op_string text) { return {text.ptr, text.len}; }

// An entity: a kind, and a key of one part or more.
class Entity {
 public:
  Entity(const char *kind, std::string_view key) : raw_(op_entity_of(kind, kept(key))) {}

  Entity(const char *kind, std::initializer_list<std::string_view> key) {
    std::vector<op_string> parts;
    for (std::string_view part : key) parts.push_back(kept(part));
    raw_ = op_entity_of_parts(kind, parts.size(), parts.data());
  }

  op_entity raw() const { return raw_; }

 private:
  op_entity raw_;
};

// A cell that a violation cites; the host reads its value.
class Evidence {
 public:
  explicit Evidence(op_evidence raw) : raw_(raw) {}

  // What the value would be if all were well.
  Evidence expected(std::string_view text) const {
    Evidence evidence = *this;
    evidence.raw_.expected = kept(text);
    return evidence;
  }

  const op_evidence &raw() const { return raw_; }

 private:
  op_evidence raw_;
};

// One row of a table. A null, a missing column and one of another kind all read as nothing: not known.
class Row {
 public:
  Row(op_table *table, std::size_t index) : table_(table), index_(index) {}

  std::size_t index() const { return index_; }

  std::optional<std::string_view> text(const char *column) const {
    op_string value;
    if (!op_text(table_, index_, column, &value)) return std::nullopt;
    return view(value);
  }

  // A float, or an integer as one.
  std::optional<double> number(const char *column) const { return get<double>(op_number, column); }
  std::optional<std::int64_t> integer(const char *column) const { return get<std::int64_t>(op_integer, column); }
  std::optional<bool> boolean(const char *column) const { return get<bool>(op_boolean, column); }
  // Nanoseconds since the epoch.
  std::optional<std::uint64_t> instant(const char *column) const { return get<std::uint64_t>(op_instant, column); }

  // Cites this cell.
  Evidence evidence(const char *column) const { return Evidence(op_cell(table_, index_, column)); }

 private:
  template <class Value>
  std::optional<Value> get(bool (*read)(op_table *, std::size_t, const char *, Value *), const char *column) const {
    Value value;
    if (!read(table_, index_, column, &value)) return std::nullopt;
    return value;
  }

  op_table *table_;
  std::size_t index_;
};

class Table {
 public:
  explicit Table(op_table *table) : table_(table) {}

  std::size_t size() const { return op_rows(table_); }

  std::vector<Row> rows() const {
    std::vector<Row> rows;
    rows.reserve(size());
    for (std::size_t index = 0; index < size(); index++) rows.emplace_back(table_, index);
    return rows;
  }

 private:
  op_table *table_;
};

class Snapshot {
 public:
  explicit Snapshot(op_snapshot *snapshot) : snapshot_(snapshot) {}

  // Nothing when the table was not observed; the check then returns, and is inconclusive.
  std::optional<Table> table(const char *name) const {
    op_table *table = op_open(snapshot_, name);
    return table ? std::optional<Table>(Table(table)) : std::nullopt;
  }

 private:
  op_snapshot *snapshot_;
};

// Collects a finding for every entity. One violation fails, one entity that could not be evaluated leaves the check
// open, and it passes only when every entity does.
class Findings {
 public:
  explicit Findings(op_findings *findings) : findings_(findings) {}

  void pass(const Entity &entity) { op_pass(findings_, entity.raw()); }

  void fail(const Entity &entity, std::string_view summary, std::initializer_list<Evidence> evidence) {
    std::vector<op_evidence> raw;
    for (const Evidence &each : evidence) raw.push_back(each.raw());
    op_fail(findings_, entity.raw(), kept(summary), raw.size(), raw.data());
  }

  // `because` completes "node/4: …".
  void unknown(const Entity &entity, std::string_view because) {
    op_unknown(findings_, entity.raw(), kept(because));
  }

  std::size_t violations() const { return op_violations(findings_); }

  // `evaluated` says what was examined, for example `3 nodes`.
  void conclude(std::string_view evaluated) { op_conclude(findings_, kept(evaluated)); }

  // The check cannot decide at all.
  void inconclusive(std::string_view reason) { op_inconclusive(findings_, kept(reason)); }

  // The rule does not apply.
  void not_applicable(std::string_view reason) { op_not_applicable(findings_, kept(reason)); }

  // Handed back at the next tick.
  void remember(std::string_view state) {
    const op_string text = kept(state);
    op_remember(findings_, {reinterpret_cast<const std::uint8_t *>(text.ptr), text.len});
  }

 private:
  op_findings *findings_;
};

// The function of a check as the C SDK calls it.
template <void (*evaluate)(const Snapshot &, std::string_view state, Findings &)>
void evaluated(op_snapshot *snapshot, op_bytes state, op_findings *findings) {
  Findings collected(findings);
  evaluate(Snapshot(snapshot), {reinterpret_cast<const char *>(state.ptr), state.len}, collected);
}

}  // namespace operator_plugin

#include "mapping/added_columns.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "mapping/encode/value_json.h"

namespace sluice::mapping {
namespace {

// The bytes of a key or header as the column takes them: PostgreSQL has texts in UTF-8 without U+0000 only, which is
// what the policies make of them, if any.
ValueError take_bytes(const Column& column, const ValuePolicies* policies, Value& value) {
  const std::string_view bytes = value.unread_json();
  if (column.encoding == Encoding::bytea) {
    value = Value::bytes(bytes);
    return {};
  }
  const ValuePolicies of = policies ? *policies : ValuePolicies();
  if (of.nul == NulPolicy::reject && bytes.contains('\0')) return value_error::nul;
  const bool fits = of.utf8 != Utf8Policy::reject || simdjson::validate_utf8(bytes);
  return fits ? ValueError{} : ValueError{"22021", "not UTF-8"};
}

RecordError fault_of(const AddedColumn& added, const Column& column, const Value& value, const ValueError& error) {
  RecordError fault{Stage::map, error.sqlstate,
                    fmt::format("{}: found {}, expected {} for the added column {}", added.text, excerpt_of(value),
                                column.declared.empty() ? column.cast : column.declared, column.name)};
  if (*error.detail) fault.reason += fmt::format(" ({})", error.detail);
  return fault;
}

}  // namespace

bool AddedColumns::ask_about_key(const config::Route& route) {
  return std::ranges::any_of(route.columns.add, [](const auto& added) {
    const auto source = config::parse_column_source(added.second);
    return source && source->fact == RecordFact::key && !source->path.empty();
  });
}

bool AddedColumns::find(const TableState& table, const AddedColumn& added, const Subject& subject, Value& value,
                        RecordError& fault) {
  const Column& column = table.table->columns[static_cast<std::size_t>(added.column)];
  const auto& [fact, path, header] = added.source;
  value = {};
  std::size_t depth = 0;
  if (fact == RecordFact::key && !path.empty()) {
    if (const Value* field = key_field(subject, path.front())) value = *field;
    depth = 1;
  } else {
    value = record_fact(fact, header, subject);
  }
  for (; depth < path.size() && value.kind() != ValueKind::null && value.kind() != ValueKind::absent; ++depth) {
    std::span<const Field> members;
    if (value.kind() != ValueKind::structure || !value.members(members_, names_, members)) {
      fault = fault_of(added, column, value, {"42804", "what is there is not an object"});
      return false;
    }
    const Value* inner = sluice::find(members, path[depth]);
    value = inner ? *inner : Value();
  }
  if (value.kind() == ValueKind::absent) value = {};
  if (value.kind() != ValueKind::text || (fact != RecordFact::key && fact != RecordFact::header)) return true;
  if (const ValueError error = take_bytes(column, table.policies(added.column), value)) {
    fault = fault_of(added, column, value, error);
    return false;
  }
  return true;
}

bool AddedColumns::encode(const TableState& table, const Subject& subject, bool key_only, std::string& arena,
                          std::vector<Cell>& cells, RecordError& fault) {
  if (table.added().empty()) return true;
  names_.clear();
  for (const AddedColumn& added : table.added()) {
    if (key_only && !table.is_key(added.column)) continue;
    const auto at = static_cast<std::size_t>(added.column);
    const Column& column = table.table->columns[at];
    Value value;
    if (!find(table, added, subject, value, fault)) return false;
    if (const ValueError error = rows_.encode_value(table, at, value, false, arena, cells[at])) {
      fault = fault_of(added, column, value, error);
      return false;
    }
    if (cells[at].length != Cell::null || !table.is_key(added.column)) continue;
    fault = {
        Stage::map, "23502",
        fmt::format("{}: found nothing, expected a value: the column {} is part of the key", added.text, column.name)};
    return false;
  }
  return true;
}

}  // namespace sluice::mapping

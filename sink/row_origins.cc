#include "sink/row_origins.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/table_name.h"

namespace sluice::sink {
namespace {

// As the statements that write compare versions.
std::string compared_version(const Table& table) {
  if (table.guard == Table::none) return "NULL::pg_catalog.int4";
  const auto& column = table.columns[static_cast<std::size_t>(table.guard)];
  return quoted(column.name) + (column.encoding == Encoding::text ? " COLLATE pg_catalog.\"C\"" : "");
}

}  // namespace

std::string text_array(const Table& table, const std::vector<std::uint16_t>& columns) {
  std::vector<std::string> texts;
  for (const auto column : columns) texts.push_back(quoted(table.columns[column].name) + "::pg_catalog.text");
  return fmt::format("ARRAY[{}]::pg_catalog.text[]", fmt::join(texts, ", "));
}

std::string create_origins(const std::string& name) {
  constexpr std::string_view made = "; CREATE TEMPORARY TABLE {0}_{1} AS SELECT {2}* FROM pg_temp.{0} WITH NO DATA";
  std::string text;
  for (const auto& [suffix, origin] : {std::pair("gone", ""), std::pair("all", "0 AS \"sluice origin\", "),
                                       std::pair("gone_all", "0 AS \"sluice origin\", ")})
    text += fmt::format(fmt::runtime(made), name, suffix, origin);
  return text.substr(2);
}

std::string change_origin(const std::string& name, const Table& table, int from, int to) {
  std::vector<std::string> names;
  for (const auto& column : table.columns) names.push_back(quoted(column.name));
  const auto columns = fmt::format("{}", fmt::join(names, ", "));
  std::string text = fmt::format(
      "INSERT INTO pg_temp.{0}_gone_all SELECT {1}, * FROM pg_temp.{0}_gone; TRUNCATE pg_temp.{0}_gone; "
      "INSERT INTO pg_temp.{0}_all SELECT {1}, {2} FROM pg_temp.{0}; TRUNCATE pg_temp.{0}",
      name, from, columns);
  if (to != 0)
    text += fmt::format(
        "; INSERT INTO pg_temp.{0} SELECT {1} FROM pg_temp.{0}_all WHERE \"sluice origin\" = {2}; "
        "DELETE FROM pg_temp.{0}_all WHERE \"sluice origin\" = {2}",
        name, columns, to);
  return text;
}

std::string difference_by_origin(const OriginComparison& of, std::size_t at_most) {
  const auto& table = *of.table;
  std::vector<std::string> partial;
  for (const bool one : of.partial) partial.emplace_back(one ? "true" : "false");
  const auto key = text_array(table, table.key), values = text_array(table, of.values),
             version = compared_version(table);
  // A later delete may have removed the row of this version: one of at least that version, or a tombstone.
  constexpr std::string_view outlives =
      "NOT EXISTS (SELECT FROM gone g WHERE g.owner = {0}.owner AND (g.version IS NULL OR g.version >= {0}.version))";
  const auto stays = [&](std::string_view row) { return fmt::format(fmt::runtime(outlives), row); };
  return fmt::format(
      "WITH made AS MATERIALIZED (SELECT origin, key, key[1:{9}] AS owner, vals, version, "
      "rank() OVER (PARTITION BY key ORDER BY version DESC NULLS LAST) AS place FROM "
      "(SELECT \"sluice origin\" AS origin, {0} AS key, {1} AS vals, {2} AS version FROM pg_temp.{3}_all) AS rows), "
      "gone AS MATERIALIZED (SELECT DISTINCT \"sluice origin\" AS origin, ({0})[1:{9}] AS owner, {2} AS version "
      "FROM pg_temp.{3}_gone_all), "
      "found AS MATERIALIZED (SELECT {0} AS key, {1} AS vals FROM {4}), "
      "odd AS MATERIALIZED (SELECT key, vals FROM found f WHERE NOT EXISTS ("
      "SELECT FROM made m WHERE m.key = f.key AND m.vals = f.vals AND m.place = 1)), "
      "different AS (SELECT 'extra' AS kind, key, vals FROM odd o WHERE NOT EXISTS (SELECT FROM made m WHERE m.key = o.key) "
      "UNION ALL SELECT 'changed', key, vals FROM odd o WHERE EXISTS (SELECT FROM made m WHERE m.key = o.key) "
      "AND NOT EXISTS (SELECT FROM made m WHERE m.key = o.key "
      "AND NOT EXISTS (SELECT FROM made h WHERE h.key = m.key AND h.place < m.place AND {5}) "
      "AND NOT EXISTS (SELECT FROM generate_subscripts(o.vals, 1) i WHERE o.vals[i] IS DISTINCT FROM m.vals[i] "
      "AND NOT ((m.vals[i] IS NULL OR (ARRAY[{6}]::pg_catalog.bool[])[i]) AND EXISTS ("
      "SELECT FROM made n WHERE n.key = m.key AND n.vals[i] IS NOT DISTINCT FROM o.vals[i])))) "
      "UNION ALL SELECT DISTINCT 'missing', key, NULL::pg_catalog.text[] FROM made m WHERE {7} "
      "AND NOT EXISTS (SELECT FROM found f WHERE f.key = m.key) AND NOT (EXISTS ("
      "SELECT FROM gone g WHERE g.owner = m.owner AND NOT EXISTS ("
      "SELECT FROM made n WHERE n.key = m.key AND n.origin = g.origin)) "
      "AND NOT EXISTS (SELECT FROM made h WHERE h.key = m.key AND {5}))), "
      "numbered AS (SELECT *, count(*) OVER (PARTITION BY kind) AS total, "
      "row_number() OVER (PARTITION BY kind ORDER BY key) AS place FROM different) "
      "SELECT kind, total, array_to_string(key, ', ', 'NULL') AS key, CASE WHEN kind = 'changed' THEN ("
      "SELECT string_agg(i::text, ' ' ORDER BY i) FROM (SELECT m.vals FROM made m WHERE m.key = numbered.key "
      "ORDER BY m.place, m.origin LIMIT 1) AS best, generate_subscripts(best.vals, 1) i "
      "WHERE best.vals[i] IS DISTINCT FROM numbered.vals[i]) END AS columns "
      "FROM numbered WHERE place <= {8} ORDER BY kind DESC, place",
      key, values, version, of.name, table.sql_name, stays("h"), fmt::join(partial, ", "),
      of.emptied ? "false" : "true", at_most, of.parent_key);
}

TableChanges removed_keys(Changes& changes, const TableChanges& of, const std::shared_ptr<const Table>& gone) {
  TableChanges made{.table = gone, .mode = WriteMode::insert, .steps = {Step{}}};
  auto& rows = made.steps.front().rows;
  const auto add = [&](const RowChange& row, std::size_t key_columns, bool with_version) {
    const auto& table = *of.table;
    const auto first = static_cast<std::uint32_t>(changes.cells.size());
    changes.cells.resize(first + table.columns.size());
    for (std::size_t i = 0; i < key_columns; ++i)
      changes.cells[first + table.key[i]] = changes.cells[row.cells + table.key[i]];
    if (with_version && table.guard != Table::none) {
      const auto at = static_cast<std::uint32_t>(table.guard);
      changes.cells[first + at] = changes.cells[row.cells + at];
    }
    rows.push_back({.record = row.record, .cells = first});
  };
  for (const auto& step : of.steps) {
    for (const auto& row : step.rows)
      if (row.kind == ChangeKind::remove || row.kind == ChangeKind::replace || row.check != RowCheck::none)
        add(row, of.table->key.size(), row.kind == ChangeKind::remove);
    for (const auto& parent : step.parents)
      add(parent, of.parent ? of.parent->key.size() : of.table->key.size(), false);
  }
  changes.rows += rows.size();
  return made;
}

}  // namespace sluice::sink

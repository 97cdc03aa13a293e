#include "sink/row_origins.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/table_name.h"

namespace sluice::sink {
namespace {

constexpr const char* number_of_origin = "0 AS \"sluice origin\", ";

// As the statements that write compare versions.
std::string compared_version(const Table& table) {
  if (table.guard == Table::none) return "NULL::pg_catalog.int4";
  const auto& column = table.columns[static_cast<std::size_t>(table.guard)];
  return quoted(column.name) + (column.encoding == Encoding::text ? " COLLATE pg_catalog.\"C\"" : "");
}

std::string bool_array(const std::vector<bool>& bits) {
  std::vector<std::string_view> words;
  for (const bool one : bits) words.emplace_back(one ? "true" : "false");
  return fmt::format("ARRAY[{}]::pg_catalog.bool[]", fmt::join(words, ", "));
}

// By the origin of a row, which columns it brings at all. With versions an event may bring one in vain.
std::string columns_of_origins(const OriginComparison& of) {
  const auto all = bool_array(std::vector<bool>(of.values.size(), true));
  std::string text;
  if (of.table->guard == Table::none)
    for (const auto& [origin, columns] : of.brings)
      text += fmt::format(" WHEN {} THEN {}", origin, bool_array(columns));
  return text.empty() ? all : fmt::format("CASE origin{} ELSE {} END", text, all);
}

}  // namespace

std::string text_array(const Table& table, const std::vector<std::uint16_t>& columns) {
  std::vector<std::string> texts;
  for (const auto column : columns) texts.push_back(quoted(table.columns[column].name) + "::pg_catalog.text");
  return fmt::format("ARRAY[{}]::pg_catalog.text[]", fmt::join(texts, ", "));
}

std::string create_origins(const std::string& name, const Table& table) {
  constexpr std::string_view made = "; CREATE TEMPORARY TABLE {0}_{1} AS SELECT {2}* FROM pg_temp.{0} WITH NO DATA";
  std::string text;
  for (const auto& [suffix, origin] :
       {std::pair("gone", ""), std::pair("all", number_of_origin), std::pair("gone_all", number_of_origin)})
    text += fmt::format(fmt::runtime(made), name, suffix, origin);
  if (table.is_conditional()) text += fmt::format(fmt::runtime(made), name, "merged_all", number_of_origin);
  if (table.guard != Table::none) text += fmt::format(fmt::runtime(made), name, "history", "");
  return text.substr(2);
}

std::string change_origin(const std::string& name, const Table& table, int from, int to) {
  std::vector<std::string> names;
  for (const auto& column : table.columns) names.push_back(quoted(column.name));
  const auto columns = fmt::format("{}", fmt::join(names, ", "));
  std::string text = fmt::format(
      "INSERT INTO pg_temp.{0}_gone_all SELECT {1}, * FROM pg_temp.{0}_gone; TRUNCATE pg_temp.{0}_gone", name, from);
  for (const std::string& one : {name, name + "_merged"}) {
    if (one != name && !table.is_conditional()) continue;
    text += fmt::format("; INSERT INTO pg_temp.{0}_all SELECT {1}, {2} FROM pg_temp.{0}; TRUNCATE pg_temp.{0}", one,
                        from, columns);
    if (to != 0)
      text += fmt::format(
          "; INSERT INTO pg_temp.{0} SELECT {1} FROM pg_temp.{0}_all WHERE \"sluice origin\" = {2}; "
          "DELETE FROM pg_temp.{0}_all WHERE \"sluice origin\" = {2}",
          one, columns, to);
  }
  return text;
}

std::string prepare_difference(const OriginComparison& of) {
  const auto& table = *of.table;
  const auto& name = of.name;
  const bool versions = table.guard != Table::none;
  const auto key = text_array(table, table.key), values = text_array(table, of.values),
             version = compared_version(table);
  const auto columns = fmt::format("{0} AS key, ({0})[1:{1}] AS owner, {2} AS vals, {3} AS version", key, of.parent_key,
                                   values, version);
  constexpr std::string_view rows_of = "SELECT \"sluice origin\" AS origin, {} FROM pg_temp.{}_{}";
  const auto rows = [&](std::string_view suffix) { return fmt::format(fmt::runtime(rows_of), columns, name, suffix); };
  // Kept: what each origin makes alone. Made: with the rows that only the others' values let into the table, and those
  // of older versions that a delete without a version may have let in. Pool: the values of a column.
  std::string text = fmt::format(
      "CREATE TEMPORARY TABLE {0}_left AS SELECT DISTINCT \"sluice origin\" AS origin, ({1})[1:{2}] AS owner, {3} AS version "
      "FROM pg_temp.{0}_gone_all; CREATE INDEX ON pg_temp.{0}_left (owner); ANALYZE pg_temp.{0}_left; "
      "CREATE TEMPORARY TABLE {0}_kept AS {4}",
      name, key, of.parent_key, version, rows("all"));
  text += fmt::format(
      "; CREATE TEMPORARY TABLE {0}_made AS SELECT *, rank() OVER (PARTITION BY key ORDER BY version DESC "
      "NULLS LAST) AS place, {1} AS brings FROM (SELECT * FROM pg_temp.{0}_kept{2}{3}) AS rows",
      name, columns_of_origins(of), table.is_conditional() ? " UNION " + rows("merged_all") : "",
      versions ? fmt::format(" UNION SELECT 0, {} FROM pg_temp.{}_history WHERE ({})[1:{}] IN ("
                             "SELECT owner FROM pg_temp.{}_left WHERE version IS NULL)",
                             columns, name, key, of.parent_key, name)
               : "");
  text += fmt::format("; CREATE TEMPORARY TABLE {0}_pool AS SELECT key, vals, brings FROM pg_temp.{0}_made{1}", name,
                      versions ? fmt::format(" UNION SELECT {}, {}, {} FROM pg_temp.{}_history", key, values,
                                             columns_of_origins(of), name)
                               : "");
  for (const auto* suffix : {"kept", "made", "pool"})
    text += fmt::format("; CREATE INDEX ON pg_temp.{0}_{1} (key); ANALYZE pg_temp.{0}_{1}", name, suffix);
  return text;
}

std::string difference_by_origin(const OriginComparison& of, std::size_t at_most) {
  const auto& table = *of.table;
  const auto key = text_array(table, table.key), values = text_array(table, of.values);
  const auto emptied =
      fmt::format("pg_catalog.unnest('{{{}}}'::pg_catalog.int4[]) t(origin)", fmt::join(of.emptied_by, ","));
  // A later delete may have removed the row of this version: one of at least that version, or a tombstone.
  const auto stays = fmt::format(
      "NOT EXISTS (SELECT FROM pg_temp.{}_left g WHERE g.owner = h.owner AND (g.version IS NULL OR g.version >= h.version))",
      of.name);
  auto text = fmt::format(
      "WITH found AS MATERIALIZED (SELECT {0} AS key, {1} AS vals, {2} AS stray FROM {3} AS target), "
      "odd AS MATERIALIZED (SELECT key, vals FROM found f WHERE NOT stray AND NOT EXISTS ("
      "SELECT FROM pg_temp.{4}_made m WHERE m.key = f.key AND m.vals = f.vals AND m.place = 1 AND true = ALL (m.brings))), ",
      key, values, table.is_conditional() ? fmt::format("({}) IS NOT TRUE", table.condition.sql) : "false",
      table.sql_name, of.name);
  text += fmt::format(
      "different AS (SELECT 'extra' AS kind, key, vals FROM found WHERE stray "
      "UNION ALL SELECT CASE WHEN EXISTS (SELECT FROM pg_temp.{0}_made m WHERE m.key = o.key) THEN 'changed' ELSE 'extra' END, "
      "key, vals FROM odd o WHERE NOT EXISTS (SELECT FROM pg_temp.{0}_made m WHERE m.key = o.key "
      "AND NOT EXISTS (SELECT FROM pg_temp.{0}_made h WHERE h.key = m.key AND h.place < m.place AND {1}) "
      "AND NOT EXISTS (SELECT FROM pg_catalog.generate_subscripts(o.vals, 1) i WHERE o.vals[i] IS DISTINCT FROM m.vals[i] "
      "AND NOT ((m.vals[i] IS NULL OR ({2})[i]) AND (EXISTS ("
      "SELECT FROM pg_temp.{0}_pool n WHERE n.key = m.key AND n.vals[i] IS NOT DISTINCT FROM o.vals[i] AND n.brings[i]) "
      // Another origin has removed the row, and an event that lacks the column has made it again.
      "OR o.vals[i] IS NULL AND (EXISTS (SELECT FROM pg_temp.{0}_left g WHERE g.owner = m.owner AND g.origin <> m.origin) "
      "OR EXISTS (SELECT FROM {3} WHERE t.origin <> m.origin))))) "
      // Neither event nor origin brings the column, and one that does has written it.
      "AND NOT EXISTS (SELECT FROM pg_temp.{0}_made n, pg_catalog.generate_subscripts(o.vals, 1) i WHERE n.key = m.key "
      "AND o.vals[i] IS NULL AND NOT m.brings[i] AND n.brings[i] AND n.vals[i] IS NOT NULL "
      "AND NOT EXISTS (SELECT FROM pg_temp.{0}_left g WHERE g.owner = m.owner AND g.origin <> n.origin) "
      "AND NOT EXISTS (SELECT FROM {3} WHERE t.origin <> n.origin))) "
      // The last origin to remove rows of the owner, or all rows, has made this one again, or it may be gone.
      "UNION ALL SELECT DISTINCT 'missing', key, NULL::pg_catalog.text[] FROM pg_temp.{0}_kept m "
      "WHERE NOT EXISTS (SELECT FROM found f WHERE f.key = m.key) AND NOT EXISTS (SELECT FROM {3} WHERE NOT EXISTS ("
      "SELECT FROM pg_temp.{0}_kept n WHERE n.key = m.key AND n.origin = t.origin)) "
      "AND NOT (EXISTS (SELECT FROM pg_temp.{0}_left g WHERE g.owner = m.owner AND NOT EXISTS ("
      "SELECT FROM pg_temp.{0}_kept n WHERE n.key = m.key AND n.origin = g.origin)) "
      "AND NOT EXISTS (SELECT FROM pg_temp.{0}_kept h WHERE h.key = m.key AND {1}))), ",
      of.name, stays, bool_array(of.partial), emptied);
  return text +
         fmt::format(
             "numbered AS (SELECT *, count(*) OVER (PARTITION BY kind) AS total, "
             "row_number() OVER (PARTITION BY kind ORDER BY key) AS place FROM different) "
             "SELECT kind, total, array_to_string(key, ', ', 'NULL') AS key, CASE WHEN kind = 'changed' THEN coalesce(("
             // Columns that no origin explains; else those that differ from the row that is most like it.
             "SELECT string_agg(i::text, ' ' ORDER BY i) FROM generate_subscripts(vals, 1) i WHERE NOT EXISTS ("
             "SELECT FROM pg_temp.{0}_pool m WHERE m.key = numbered.key AND m.vals[i] IS NOT DISTINCT FROM numbered.vals[i] "
             "AND m.brings[i])), ("
             "SELECT string_agg(i::text, ' ' ORDER BY i) FROM (SELECT m.vals FROM pg_temp.{0}_made m WHERE m.key = numbered.key "
             "ORDER BY m.place, (SELECT count(*) FROM generate_subscripts(m.vals, 1) i "
             "WHERE m.vals[i] IS DISTINCT FROM numbered.vals[i]), m.origin LIMIT 1) AS best, "
             "generate_subscripts(best.vals, 1) i WHERE best.vals[i] IS DISTINCT FROM numbered.vals[i])) END AS columns "
             "FROM numbered WHERE place <= {1} ORDER BY kind DESC, place",
             of.name, at_most);
}

std::shared_ptr<const Table> keyless_table(const Table& target, const std::string& name, std::uint64_t version) {
  auto gone = std::make_shared<Table>(target);
  gone->sql_name = "pg_temp." + name;
  gone->oid = gone->tree = 0;
  gone->key.clear();
  gone->guard = gone->marker = Table::none;
  gone->condition = {};
  gone->shared = gone->delete_acts = gone->other_unique = gone->circular = gone->refers_to_itself = false;
  for (auto& column : gone->columns) column.not_null = column.identity_always = false;
  gone->version = version;
  return gone;
}

std::shared_ptr<const Table> table_of_merged(const Table& stand_in, const std::string& name) {
  auto merged = std::make_shared<Table>(stand_in);
  merged->sql_name = "pg_temp." + name + "_merged";
  merged->condition = {};
  merged->version = stand_in.version | version_of_merged;
  return merged;
}

TableChanges unconditional(const TableChanges& of, const std::shared_ptr<const Table>& merged) {
  auto copy = of;
  copy.table = merged;
  for (auto& step : copy.steps)
    for (auto& row : step.rows) row.check = RowCheck::none;
  return copy;
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

TableChanges written_rows(const TableChanges& of, const std::shared_ptr<const Table>& history) {
  TableChanges made{.table = history, .mode = WriteMode::insert, .steps = {Step{}}};
  for (const auto& step : of.steps)
    for (const auto& row : step.rows)
      if (row.kind != ChangeKind::remove) made.steps.front().rows.push_back({.record = row.record, .cells = row.cells});
  return made;
}

}  // namespace sluice::sink

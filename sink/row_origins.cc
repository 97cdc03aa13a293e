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

std::string emptied(const OriginComparison& of) {
  return fmt::format("pg_catalog.unnest('{{{}}}'::pg_catalog.int4[]) t(origin)", fmt::join(of.emptied_by, ","));
}

// The number of a column in the arrays of values, or zero.
std::size_t number_among(const std::vector<std::uint16_t>& values, int column) {
  const auto found = std::ranges::find(values, column);
  return found == values.end() ? 0 : static_cast<std::size_t>(found - values.begin()) + 1;
}

// Each row of the target, and each key that an origin keeps and the target lacks, goes through the questions in the
// order in which they stand here: `odd` and `lost` are the few that the cheap ones leave over.
constexpr std::string_view judged_rows = R"(
WITH found AS MATERIALIZED (
  SELECT {key} AS key, {values} AS vals, {stray} AS stray FROM {target} AS target),

odd AS MATERIALIZED (
  SELECT key, vals FROM found f WHERE NOT stray AND NOT EXISTS (
    SELECT FROM pg_temp.{name}_made m
    WHERE m.key = f.key AND m.vals = f.vals AND m.place = 1 AND true = ALL (m.brings))),

-- What an origin has made, unless a later delete may have removed it: one of at least its version, or without one.
staying AS NOT MATERIALIZED (
  SELECT key, owner, origin, place FROM pg_temp.{name}_made h WHERE NOT EXISTS (
    SELECT FROM pg_temp.{name}_left g WHERE g.owner = h.owner AND (g.version IS NULL OR g.version >= h.version))
  AND NOT EXISTS (SELECT FROM {emptied} WHERE t.origin <> h.origin)),

staying_events AS NOT MATERIALIZED (
  SELECT key, version FROM {events} h WHERE NOT {any_emptied} AND NOT EXISTS (
    SELECT FROM pg_temp.{name}_left g WHERE g.owner = h.owner AND (g.version IS NULL OR g.version >= h.version))),

-- Rows that were written last by an origin's last event, and hold of other origins what that event lacks.
explained AS MATERIALIZED (
  SELECT o.key FROM odd o WHERE EXISTS (
    SELECT FROM pg_temp.{name}_made m WHERE m.key = o.key
    AND NOT EXISTS (SELECT FROM staying h WHERE h.key = m.key AND h.place < m.place)
    AND NOT EXISTS (
      SELECT FROM pg_catalog.generate_subscripts(o.vals, 1) i WHERE o.vals[i] IS DISTINCT FROM m.vals[i]
      AND NOT ((m.vals[i] IS NULL OR ({partial})[i]) AND (
        EXISTS (SELECT FROM pg_temp.{name}_pool n
                WHERE n.key = m.key AND n.vals[i] IS NOT DISTINCT FROM o.vals[i] AND n.brings[i])
        -- Another origin has removed the row, and an event that lacks the column has made it again.
        OR o.vals[i] IS NULL AND (
          EXISTS (SELECT FROM pg_temp.{name}_left g WHERE g.owner = m.owner AND g.origin <> m.origin)
          OR EXISTS (SELECT FROM {emptied} WHERE t.origin <> m.origin)))))
    -- Neither event nor origin brings the column, and one that does has written it.
    AND NOT EXISTS (
      SELECT FROM pg_temp.{name}_made n, pg_catalog.generate_subscripts(o.vals, 1) i WHERE n.key = m.key
      AND o.vals[i] IS NULL AND NOT m.brings[i] AND n.brings[i] AND n.vals[i] IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_temp.{name}_left g WHERE g.owner = m.owner AND g.origin <> n.origin)
      AND NOT EXISTS (SELECT FROM {emptied} WHERE t.origin <> n.origin)))),

-- Rows that an event before its origin's last one may have written last: a delete of another origin can have let its
-- older version in. Whether it did depends on an order that is not kept.
possible AS MATERIALIZED (
  SELECT o.key FROM odd o WHERE EXISTS (
    SELECT FROM {events} e JOIN pg_temp.{name}_several USING (owner) WHERE e.key = o.key
    AND ({any_emptied} OR EXISTS (SELECT FROM pg_temp.{name}_left g WHERE g.owner = e.owner))
    AND NOT EXISTS (SELECT FROM staying_events h WHERE h.key = e.key AND h.version > e.version)
    AND NOT EXISTS (
      SELECT FROM pg_catalog.generate_subscripts(o.vals, 1) i WHERE o.vals[i] IS DISTINCT FROM e.vals[i]
      AND (e.vals[i] IS NULL OR i = {marker}) IS NOT TRUE
      OR o.vals[i] IS NOT NULL AND NOT EXISTS (
        SELECT FROM {events} n WHERE n.key = e.key AND n.vals[i] IS NOT DISTINCT FROM o.vals[i])))),

lost AS MATERIALIZED (
  SELECT DISTINCT key, owner FROM pg_temp.{name}_kept m WHERE NOT EXISTS (SELECT FROM found f WHERE f.key = m.key)
  -- An origin that empties the table does not make this row again.
  AND NOT EXISTS (SELECT FROM {emptied} WHERE NOT EXISTS (
    SELECT FROM pg_temp.{name}_kept n WHERE n.key = m.key AND n.origin = t.origin))
  -- One that removes rows of the owner does not, and nothing that was made must have stayed.
  AND NOT (
    EXISTS (SELECT FROM pg_temp.{name}_left g WHERE g.owner = m.owner AND NOT EXISTS (
      SELECT FROM pg_temp.{name}_kept n WHERE n.key = m.key AND n.origin = g.origin))
    AND NOT EXISTS (SELECT FROM pg_temp.{name}_kept k JOIN staying h USING (key, origin) WHERE k.key = m.key))),

-- Keys that a delete may have removed last which removes nothing where its origin alone is looked at: the version there
-- is newer, or the values are others'.
removable AS MATERIALIZED (
  SELECT key FROM lost m JOIN pg_temp.{name}_several USING (owner) WHERE EXISTS (
    SELECT FROM pg_temp.{name}_left g WHERE g.owner = m.owner AND NOT EXISTS (
      SELECT FROM pg_temp.{name}_kept n WHERE n.key = m.key AND n.origin = g.origin
      AND (n.version <= g.version OR g.version IS NULL AND {tombstones_settle})))
  AND NOT EXISTS (SELECT FROM staying_events h WHERE h.key = m.key)),

different AS (
  SELECT 'extra' AS kind, key, vals FROM found WHERE stray
  UNION ALL SELECT CASE WHEN key IN (SELECT key FROM possible) THEN 'unprovable'
                        WHEN EXISTS (SELECT FROM pg_temp.{name}_made m WHERE m.key = o.key) THEN 'changed'
                        ELSE 'extra' END, key, vals
    FROM odd o WHERE key NOT IN (SELECT key FROM explained)
  UNION ALL SELECT CASE WHEN key IN (SELECT key FROM removable) THEN 'unprovable' ELSE 'missing' END, key, NULL FROM lost),

numbered AS (
  SELECT *, count(*) OVER (PARTITION BY kind) AS total, row_number() OVER (PARTITION BY kind ORDER BY key) AS place
  FROM different)

SELECT kind, total, array_to_string(key, ', ', 'NULL') AS key, CASE WHEN kind = 'changed' THEN coalesce(
  -- Columns that no origin explains; else those that differ from the row that is most like it.
  (SELECT string_agg(i::text, ' ' ORDER BY i) FROM generate_subscripts(vals, 1) i WHERE NOT EXISTS (
     SELECT FROM pg_temp.{name}_pool m
     WHERE m.key = numbered.key AND m.vals[i] IS NOT DISTINCT FROM numbered.vals[i] AND m.brings[i])),
  (SELECT string_agg(i::text, ' ' ORDER BY i) FROM (
     SELECT m.vals FROM pg_temp.{name}_made m WHERE m.key = numbered.key
     ORDER BY m.place, (SELECT count(*) FROM generate_subscripts(m.vals, 1) i
                        WHERE m.vals[i] IS DISTINCT FROM numbered.vals[i]), m.origin LIMIT 1) AS best,
     generate_subscripts(best.vals, 1) i WHERE best.vals[i] IS DISTINCT FROM numbered.vals[i])) END AS columns
FROM numbered WHERE place <= {at_most} ORDER BY kind DESC, place
)";

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
  if (table.guard != Table::none)
    for (const auto& [suffix, origin] : {std::pair("history", ""), std::pair("history_all", number_of_origin)})
      text += fmt::format(fmt::runtime(made), name, suffix, origin);
  return text.substr(2);
}

std::string change_origin(const std::string& name, const Table& table, int from, int to) {
  std::vector<std::string> names;
  for (const auto& column : table.columns) names.push_back(quoted(column.name));
  const auto columns = fmt::format("{}", fmt::join(names, ", "));
  std::string text;
  for (const auto* suffix : {"gone", "history"})
    if (suffix == std::string_view("gone") || table.guard != Table::none)
      text +=
          fmt::format("; INSERT INTO pg_temp.{0}_{2}_all SELECT {1}, * FROM pg_temp.{0}_{2}; TRUNCATE pg_temp.{0}_{2}",
                      name, from, suffix);
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
  return text.substr(2);
}

std::string prepare_difference(const OriginComparison& of) {
  const auto& table = *of.table;
  const auto& name = of.name;
  const bool versions = table.guard != Table::none;
  const auto key = text_array(table, table.key);
  const auto owner = fmt::format("({})[1:{}] AS owner", key, of.parent_key);
  const auto rows = [&](std::string_view suffix) {
    return fmt::format(
        "SELECT \"sluice origin\" AS origin, {} AS key, {}, {} AS vals, {} AS version FROM pg_temp.{}_{}", key, owner,
        text_array(table, of.values), compared_version(table), name, suffix);
  };
  std::string text;
  const auto make = [&](std::string_view suffix, std::string_view index, const std::string& query) {
    text += fmt::format(
        "{0}CREATE TEMPORARY TABLE {1}_{2} AS {4}; CREATE INDEX ON pg_temp.{1}_{2} ({3}); "
        "ANALYZE pg_temp.{1}_{2}",
        text.empty() ? "" : "; ", name, suffix, index, query);
  };
  make("left", "owner",
       fmt::format("SELECT DISTINCT \"sluice origin\" AS origin, {}, {} AS version FROM pg_temp.{}_gone_all", owner,
                   compared_version(table), name));
  make("kept", "key", rows("all"));
  // With the rows that only the others' values let into the table.
  make("made", "key",
       fmt::format("SELECT *, rank() OVER (PARTITION BY key ORDER BY version DESC NULLS LAST) AS place, {} AS brings "
                   "FROM (SELECT * FROM pg_temp.{}_kept{}) AS rows",
                   columns_of_origins(of), name, table.is_conditional() ? " UNION " + rows("merged_all") : ""));
  if (versions) make("events", "key", "SELECT DISTINCT * FROM (" + rows("history_all") + ") AS rows");
  make("pool", "key",
       fmt::format("SELECT key, vals, brings FROM pg_temp.{0}_made{1}", name,
                   versions
                       ? fmt::format(" UNION SELECT key, vals, {} FROM pg_temp.{}_events", columns_of_origins(of), name)
                       : ""));
  const auto places = fmt::format("SELECT origin, owner FROM pg_temp.{0}_{1}", name, versions ? "events" : "made");
  make("several", "owner",
       fmt::format("SELECT owner FROM ({0} UNION SELECT origin, owner FROM pg_temp.{1}_left "
                   "UNION SELECT t.origin, owner FROM ({0}) AS one, {2}) AS touched GROUP BY owner HAVING count(*) > 1",
                   places, name, emptied(of)));
  return text;
}

std::string difference_by_origin(const OriginComparison& of, std::size_t at_most) {
  const auto& table = *of.table;
  const auto condition = table.is_conditional() ? fmt::format("({}) IS NOT TRUE", table.condition.sql) : "false";
  // A row that events lead out of the condition, and that others' values decide on, may go by any event of any origin.
  const bool may_lead_out = table.is_conditional() && std::ranges::find(of.partial, true) != of.partial.end();
  return fmt::format(judged_rows, fmt::arg("key", text_array(table, table.key)),
                     fmt::arg("values", text_array(table, of.values)), fmt::arg("stray", condition),
                     fmt::arg("target", table.sql_name), fmt::arg("name", of.name),
                     fmt::arg("partial", bool_array(of.partial)), fmt::arg("emptied", emptied(of)),
                     fmt::arg("any_emptied", of.emptied_by.empty() ? "false" : "true"),
                     fmt::arg("tombstones_settle", may_lead_out ? "false" : "true"),
                     fmt::arg("events", table.guard == Table::none
                                            ? fmt::format("(SELECT * FROM pg_temp.{}_kept WHERE false)", of.name)
                                            : fmt::format("pg_temp.{}_events", of.name)),
                     fmt::arg("marker", number_among(of.values, table.marker)), fmt::arg("at_most", at_most));
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

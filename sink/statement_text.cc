#include "sink/statement_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/table_name.h"

namespace sluice::sink {
namespace {

constexpr int lock_class = 0x536c7569;  // "Slui", to keep out of the way of others' advisory locks

// In the order of Encoding.
constexpr auto wires = std::to_array<Wire>({
    {"smallint", oid::int2},
    {"integer", oid::int4},
    {"bigint", oid::int8},
    {"real", oid::float4},
    {"double precision", oid::float8},
    {"numeric", oid::numeric},
    {"boolean", oid::boolean},
    {"text", oid::text},
    {"bytea", oid::bytea},
    {"uuid", oid::uuid},
    {"json", oid::json},
    {"jsonb", oid::jsonb},
    {"date", oid::date},
    {"time without time zone", oid::time},
    {"timestamp without time zone", oid::timestamp},
    {"timestamp with time zone", oid::timestamptz},
    {"text", oid::text},
});
static_assert(wires.size() == static_cast<std::size_t>(Encoding::input) + 1);

const Column& written_column(const PlannedWrite& write, std::uint16_t column) {
  return write.table->columns[column];
}

bool is_key(const PlannedWrite& write, std::uint16_t column) {
  return std::ranges::find(write.table->key, column) != write.table->key.end();
}

// Items 0 … n-1 joined by a separator.
template <class Make>
std::string join(std::size_t count, std::string_view separator, Make make) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += separator;
    out += make(i);
  }
  return out;
}

// The cast has no modifier: the assignment to the column checks lengths, and an explicit cast would cut silently.
std::string cast_of(const Column& column, std::string_view suffix = "") {
  return column.cast == wire(column).sql ? std::string() : fmt::format("::{}{}", column.cast, suffix);
}

// The values of the write's i-th column.
std::string source(const PlannedWrite& write, std::size_t i, bool staged) {
  const auto& column = written_column(write, write.columns[i]);
  if (staged) return fmt::format("c{}{}", i, cast_of(column));
  return fmt::format("pg_catalog.unnest(${}::{}[]){}", i + 1, wire(column).sql, cast_of(column));
}

// In the select list itself: a set-returning function in FROM would materialise every column first.
std::string sources(const PlannedWrite& write, bool staged, bool named) {
  return join(write.columns.size(), ", ", [&](std::size_t i) {
    return source(write, i, staged) + (named ? fmt::format(" AS s{}", i) : std::string());
  });
}

std::string key_matches(const PlannedWrite& write) {
  return join(write.table->key.size(), " AND ", [&](std::size_t i) {
    const auto key = write.table->key[i];
    const auto at = std::ranges::find(write.columns, key) - write.columns.begin();
    const auto& column = written_column(write, key);
    const auto name = quoted(column.name);
    if (!write.table->null_keys) return fmt::format("target.{} {} source.s{}", name, column.equals, at);
    return fmt::format("(target.{0} {1} source.s{2} OR target.{0} IS NULL AND source.s{2} IS NULL)", name,
                       column.equals, at);
  });
}

// A comparison as the type's own order has it, as a name of its own: `version` compares texts by their bytes.
std::string version_compares(const Table& table, std::string_view one, std::string_view sign, std::string_view other) {
  const bool is_text = table.columns[static_cast<std::size_t>(table.guard)].encoding == Encoding::text;
  return fmt::format("{} OPERATOR(pg_catalog.{}) {}{}", one, sign, other, is_text ? " COLLATE pg_catalog.\"C\"" : "");
}

std::string target_version(const PlannedWrite& write) {
  return "target." + quoted(written_column(write, static_cast<std::uint16_t>(write.table->guard)).name);
}

std::string source_version(const PlannedWrite& write) {
  return fmt::format("source.s{}", std::ranges::find(write.columns, write.table->guard) - write.columns.begin());
}

// What binds rows of children to their parents, p0 … pn-1 the parent's key and pn its version: parameters behind the
// write's others.
std::string bonds(const PlannedWrite& write) {
  if (write.bound_to == nullptr) return {};
  const auto& parent = *write.bound_to;
  const auto first = write.columns.size() + (write.action == Action::remove_orphans ? write.table->key.size() : 0) + 1;
  return join(parent.key.size() + 1, "", [&](std::size_t i) {
    const auto& column = parent.columns[i < parent.key.size() ? parent.key[i] : static_cast<std::size_t>(parent.guard)];
    const bool alone = i == 0 && write.columns.empty();
    return fmt::format("{}pg_catalog.unnest(${}::{}[]){} AS p{}", alone ? "" : ", ", first + i, wire(column).sql,
                       cast_of(column), i);
  });
}

std::string parent_matches(const Table& parent) {
  return join(parent.key.size(), " AND ", [&](std::size_t i) {
    const auto& column = parent.columns[parent.key[i]];
    const auto name = quoted(column.name);
    if (!parent.null_keys) return fmt::format("parent.{} {} source.p{}", name, column.equals, i);
    return fmt::format("(parent.{0} {1} source.p{2} OR parent.{0} IS NULL AND source.p{2} IS NULL)", name,
                       column.equals, i);
  });
}

// What keeps rows of children from being changed by an event that is older than their parent, behind `before`.
std::string bound(const PlannedWrite& write, std::string_view before) {
  if (write.bound_to == nullptr) return {};
  const auto& parent = *write.bound_to;
  const auto version = "parent." + quoted(parent.columns[static_cast<std::size_t>(parent.guard)].name);
  return fmt::format("{}NOT EXISTS (SELECT FROM {} AS parent WHERE {} AND {})", before, parent.sql_name,
                     parent_matches(parent),
                     version_compares(parent, version, ">", fmt::format("source.p{}", parent.key.size())));
}

// Not as strong a lock as one for deletes: rows that refer to these may be written meanwhile.
std::string lock_parents(const PlannedWrite& write) {
  const auto& parent = *write.bound_to;
  return fmt::format(
      "SELECT pg_catalog.count(*) FROM (SELECT FROM {} AS parent, (SELECT {}) AS source WHERE {} FOR NO KEY UPDATE OF "
      "parent) AS locked",
      parent.sql_name, bonds(write), parent_matches(parent));
}

// Rows of the table, whose first key columns say who their parent is, are gone unless they are kept.
std::string remove_orphans(const PlannedWrite& write) {
  const auto& table = *write.table;
  const auto matches = [&](std::size_t count, std::string_view alias) {
    return join(count, " AND ", [&](std::size_t i) {
      const auto& column = written_column(write, table.key[i]);
      const auto name = quoted(column.name);
      if (!table.null_keys) return fmt::format("target.{} {} {}.s{}", name, column.equals, alias, i);
      return fmt::format("(target.{0} {1} {2}.s{3} OR target.{0} IS NULL AND {2}.s{3} IS NULL)", name, column.equals,
                         alias, i);
    });
  };
  const auto kept = join(table.key.size(), ", ", [&](std::size_t i) {
    const auto& column = written_column(write, table.key[i]);
    return fmt::format("pg_catalog.unnest(${}::{}[]){} AS s{}", write.columns.size() + i + 1, wire(column).sql,
                       cast_of(column), i);
  });
  return fmt::format(
      "DELETE FROM {} AS target USING (SELECT {}{}) AS source WHERE {} AND NOT EXISTS (SELECT FROM (SELECT {}) AS kept "
      "WHERE {}){}",
      table.sql_name, sources(write, false, true), bonds(write), matches(write.columns.size(), "source"), kept,
      matches(table.key.size(), "kept"), bound(write, " AND "));
}

// What a row must be for the write to change it, behind `before`; nothing where there are no versions.
std::string guard(const PlannedWrite& write, std::string_view before, std::string_view version) {
  if (!write.guarded()) return {};
  const auto target = target_version(write);
  return fmt::format("{}({} IS NULL OR {})", before, target, version_compares(*write.table, version, ">=", target));
}

std::string of_source(const PlannedWrite& write) {
  return join(write.columns.size(), ", ", [](std::size_t i) { return fmt::format("source.s{}", i); });
}

// What an insert of children selects, where their parents have versions.
std::string bound_rows(const PlannedWrite& write) {
  return fmt::format("{} FROM (SELECT {}{}) AS source{}", of_source(write), sources(write, false, true), bonds(write),
                     bound(write, " WHERE "));
}

std::string remove(const PlannedWrite& write) {
  const auto& first = written_column(write, write.columns.front());
  if (write.columns.size() == 1 && !first.array && !write.table->null_keys) {
    return fmt::format("DELETE FROM {} WHERE {} {} ANY($1::{}[]{})", write.table->sql_name, quoted(first.name),
                       first.equals, wire(first).sql, cast_of(first, "[]"));
  }
  return fmt::format("DELETE FROM {} AS target USING (SELECT {}) AS source WHERE {}{}", write.table->sql_name,
                     sources(write, false, true), key_matches(write), guard(write, " AND ", source_version(write)));
}

// Among Sluice's own writers, by the table: locks of the table itself would also stop readers' and others' work.
std::string lock(const PlannedWrite& write) {
  return fmt::format("SELECT pg_catalog.pg_advisory_xact_lock{}({}, {})",
                     write.action == Action::share ? "_shared" : "", lock_class,
                     static_cast<std::int32_t>(write.table->oid));
}

std::string names(const PlannedWrite& write) {
  return join(write.columns.size(), ", ",
              [&](std::size_t i) { return quoted(written_column(write, write.columns[i]).name); });
}

std::string insert_into(const PlannedWrite& write) {
  const bool overriding =
      std::ranges::any_of(write.columns, [&](auto column) { return written_column(write, column).identity_always; });
  // With an alias, as a table may be named excluded, which would be ambiguous in ON CONFLICT.
  return fmt::format("INSERT INTO {} AS target ({}){} ", write.table->sql_name, names(write),
                     overriding ? " OVERRIDING SYSTEM VALUE" : "");
}

// "SET a = <prefix>…": what a write changes in a row that exists.
template <class Value>
std::string assignments(const PlannedWrite& write, Value value) {
  std::string out;
  for (std::size_t i = 0; i < write.columns.size(); ++i) {
    const auto& column = written_column(write, write.columns[i]);
    if (is_key(write, write.columns[i]) || column.identity_always) continue;
    if (!out.empty()) out += ", ";
    const bool first_stays =
        write.marks && write.columns[i] == write.table->marker && column.encoding != Encoding::boolean;
    out += first_stays ? fmt::format("{0} = COALESCE(target.{0}, {1})", quoted(column.name), value(i))
                       : fmt::format("{} = {}", quoted(column.name), value(i));
  }
  return out;
}

std::string on_conflict(const PlannedWrite& write) {
  const auto set = assignments(
      write, [&](std::size_t i) { return "excluded." + quoted(written_column(write, write.columns[i]).name); });
  const auto keys = join(write.table->key.size(), ", ",
                         [&](std::size_t i) { return quoted(written_column(write, write.table->key[i]).name); });
  if (set.empty()) return fmt::format(" ON CONFLICT ({}) DO NOTHING", keys);
  const auto version =
      write.table->guard == Table::none
          ? std::string()
          : "excluded." + quoted(written_column(write, static_cast<std::uint16_t>(write.table->guard)).name);
  return fmt::format(" ON CONFLICT ({}) DO UPDATE SET {}{}", keys, set, guard(write, " WHERE ", version));
}

}  // namespace

Wire wire(const Column& column) {
  // The cast from text would cut these two; their own binary form is checked.
  if (column.encoding == Encoding::text && column.type_name == "name") return {"name", oid::name};
  if (column.encoding == Encoding::text && column.type_name == "char") return {"\"char\"", oid::single_char};
  return wires[static_cast<std::size_t>(column.encoding)];
}

std::string statement(const PlannedWrite& write, const std::string& stage) {
  const bool staged = !stage.empty();
  const auto from = staged ? " FROM " + stage : std::string();
  // No ORDER BY: the rows went into the stage sorted, and a temporary table is read from its beginning.
  const auto select =
      "SELECT " + (write.bound_to == nullptr ? sources(write, staged, false) + from : bound_rows(write));
  switch (write.action) {
    case Action::share:
    case Action::exclusive:
      return lock(write);
    case Action::defer:
      return "SET CONSTRAINTS ALL DEFERRED";
    case Action::truncate:
      return "TRUNCATE " + write.table->sql_name +
             join(write.also.size(), "", [&](std::size_t i) { return ", " + write.also[i]->sql_name; });
    case Action::remove:
      return remove(write);
    case Action::remove_orphans:
      return remove_orphans(write);
    case Action::lock_parents:
      return lock_parents(write);
    case Action::remove_unfit:
      return fmt::format("DELETE FROM {} AS target USING (SELECT {}) AS source WHERE {} AND ({}) IS NOT TRUE",
                         write.table->sql_name, sources(write, false, true), key_matches(write),
                         write.table->condition.sql);
    case Action::insert:
      if (write.columns.empty())  // every column its default
        return fmt::format("INSERT INTO {} SELECT FROM pg_catalog.generate_series(1, $1::bigint)",
                           write.table->sql_name);
      return insert_into(write) + select;
    case Action::upsert:
      return insert_into(write) + select + on_conflict(write);
    case Action::update:
      return fmt::format("UPDATE {} AS target SET {} FROM (SELECT {}{}) AS source WHERE {}{}{}", write.table->sql_name,
                         assignments(write, [](std::size_t i) { return fmt::format("source.s{}", i); }),
                         sources(write, false, true), bonds(write), key_matches(write),
                         guard(write, " AND ", source_version(write)), bound(write, " AND "));
    case Action::insert_missing:
      return fmt::format(
          "{}SELECT {} FROM (SELECT {}{}) AS source WHERE NOT EXISTS (SELECT FROM {} AS target WHERE {}){}",
          insert_into(write), of_source(write), sources(write, false, true), bonds(write), write.table->sql_name,
          key_matches(write), bound(write, " AND "));
  }
  return {};
}

void add_rows(Parameters& parameters, const Changes& changes, const PlannedWrite& write) {
  parameters.clear();
  for (const auto column : write.columns)
    parameters.add_column(changes, write.rows, column, wire(write.table->columns[column]).type);
}

void add_write(Parameters& parameters, const Changes& changes, const PlannedWrite& write) {
  add_rows(parameters, changes, write);
  if (write.action == Action::remove_orphans) {
    for (const auto column : write.table->key)
      parameters.add_column(changes, write.kept, column, wire(write.table->columns[column]).type);
  }
  if (const auto* parent = write.bound_to) {
    for (std::size_t i = 0; i < parent->key.size(); ++i)
      parameters.add_bonds(changes, write.rows, i, wire(parent->columns[parent->key[i]]).type);
    parameters.add_bonds(changes, write.rows, parent->key.size(),
                         wire(parent->columns[static_cast<std::size_t>(parent->guard)]).type);
  }
  if (write.columns.empty() && write.action == Action::insert) parameters.add_text(std::to_string(write.rows.size()));
}

std::vector<std::string> parameter_types(const PlannedWrite& write) {
  std::vector<std::string> types;
  const auto add = [&](const Table& table, std::size_t column) {
    types.push_back(fmt::format("{}[]", wire(table.columns[column]).sql));
  };
  for (const auto column : write.columns) add(*write.table, column);
  if (write.action == Action::remove_orphans)
    for (const auto column : write.table->key) add(*write.table, column);
  if (const auto* parent = write.bound_to) {
    for (const auto column : parent->key) add(*parent, column);
    add(*parent, static_cast<std::size_t>(parent->guard));
  }
  if (write.columns.empty() && write.action == Action::insert) types.emplace_back("text");
  return types;
}

std::string literals_of(const PlannedWrite& write) {
  return fmt::format("SELECT {} FROM (SELECT {}) AS source",
                     join(write.columns.size(), ", ",
                          [](std::size_t i) { return fmt::format("pg_catalog.quote_nullable(s{}::text)", i); }),
                     sources(write, false, true));
}

// One array is a sub-query for the reason that sql/table_same.sql gives.
std::string count_outdated(const PlannedWrite& write, std::string_view pointers) {
  const auto next = write.columns.size() + 1;
  return fmt::format(
      "UPDATE {0} AS p SET applied = p.applied OPERATOR(pg_catalog.-) s.outdated, skipped = p.skipped "
      "OPERATOR(pg_catalog.+) s.outdated FROM (SELECT source.topic, source.partition, pg_catalog.count(*) AS outdated "
      "FROM (SELECT {1}, pg_catalog.unnest((SELECT ${2}::text[])) AS topic, pg_catalog.unnest(${3}::integer[]) AS partition) AS "
      "source WHERE EXISTS (SELECT FROM {4} AS target WHERE {5} AND {6}) GROUP BY source.topic, source.partition) AS s "
      "WHERE p.pipeline OPERATOR(pg_catalog.=) ${7}::text AND p.topic OPERATOR(pg_catalog.=) s.topic AND p.partition "
      "OPERATOR(pg_catalog.=) s.partition",
      pointers, sources(write, false, true), next, next + 1, write.table->sql_name, key_matches(write),
      version_compares(*write.table, target_version(write), ">", source_version(write)), next + 2);
}

void add_count_outdated(Parameters& parameters, const Changes& changes, const PlannedWrite& write,
                        std::string_view pipeline) {
  add_write(parameters, changes, write);
  std::vector<std::optional<std::string_view>> topics;
  std::vector<std::int32_t> partitions;
  for (const auto* row : write.rows) {
    const auto* place = changes.places[row->record];
    topics.push_back(row->decides ? std::optional<std::string_view>(place->topic) : std::nullopt);
    partitions.push_back(place->partition);
  }
  parameters.add_bytes(topics, oid::text);
  parameters.add_int4s(partitions);
  parameters.add_text(pipeline);
}

std::string stage_columns(const PlannedWrite& write) {
  return join(write.columns.size(), ", ", [&](std::size_t i) {
    return fmt::format("c{} {}", i, wire(written_column(write, write.columns[i])).sql);
  });
}

std::string copy_into_table(const PlannedWrite& write) {
  return fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", write.table->sql_name, names(write));
}

}  // namespace sluice::sink

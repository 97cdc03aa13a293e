#include "sink/describe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <map>

#include "base/parse.h"
#include "base/printable.h"
#include "base/table_name.h"
#include "config/route_rights.h"
#include "config/table_template.h"
#include "sink/condition_text.h"
#include "sink/describe_columns.h"
#include "sink/oid.h"
#include "sink/sql.h"

namespace sluice::sink {
namespace {

const std::map<oid::Type, Encoding> encodings{
    {oid::boolean, Encoding::boolean},
    {oid::bytea, Encoding::bytea},
    {oid::single_char, Encoding::text},
    {oid::name, Encoding::text},
    {oid::int8, Encoding::int8},
    {oid::int2, Encoding::int2},
    {oid::int4, Encoding::int4},
    {oid::text, Encoding::text},
    {oid::json, Encoding::json},
    {oid::float4, Encoding::float4},
    {oid::float8, Encoding::float8},
    {oid::bpchar, Encoding::text},
    {oid::varchar, Encoding::text},
    {oid::date, Encoding::date},
    {oid::time, Encoding::time},
    {oid::timestamp, Encoding::timestamp},
    {oid::timestamptz, Encoding::timestamptz},
    {oid::numeric, Encoding::numeric},
    {oid::uuid, Encoding::uuid},
    {oid::jsonb, Encoding::jsonb},
};

Encoding encoding_of(oid::Type type) {
  const auto found = encodings.find(type);
  return found == encodings.end() ? Encoding::input : found->second;
}

// A table that an event names is its record's fault, one that the configuration names is nobody's.
auto fault_of(bool event, const char* sqlstate, std::string message) {
  return fail(event ? ErrorClass::reject : ErrorClass::stop_partition, std::move(message), event ? sqlstate : "");
}

// What no event may be written to: Sluice's own tables, also through a view, a rule or a partition, and PostgreSQL's.
Result<void> check_place(const Row& relation, const std::string& name, const config::Route& route,
                         std::string_view own_schema) {
  const bool event = config::has_placeholder(route.table);
  if (config::reserved_schema(relation.text("schema"), own_schema)) {
    return fault_of(event, "42501",
                    fmt::format("{} is in the schema {}, which no event may be written to; change [[route]].table",
                                name, relation.text("schema")));
  }
  if (relation.boolean("own")) {
    return fault_of(event, "42501",
                    fmt::format("{} leads to tables of Sluice itself, which no event may be written to; change "
                                "[[route]].table",
                                name));
  }
  return {};
}

Result<void> check_relation(const Row& relation, const std::string& name, const config::Route& route) {
  const auto kind = relation.text("kind");
  if (kind != "r" && kind != "p" && kind != "v" && kind != "f")
    return fault_of(config::names_source(route.table), "42809",
                    fmt::format("{} is not a table; change [[route]].table", name));
  for (const auto right : config::route_rights(route)) {
    std::string column = "may_";
    for (const char c : right) column += static_cast<char>(std::tolower(c));
    if (!relation.boolean(column))
      return stops(fmt::format("no permission; GRANT {} ON {} TO {}", right, TableName::parse(name).sql(),
                               quoted(relation.text("role"))));
  }
  return {};
}

struct UniqueIndex {
  std::string columns;     // their numbers, ascending: "1,3"
  bool null_keys = false;  // NULLS NOT DISTINCT
};

// The catalogue's rows of all the tables, by their object identifiers.
struct Catalogue {
  std::multimap<std::int64_t, Row> columns;  // those of composite types, too
  std::multimap<std::int64_t, UniqueIndex> unique;
};

constexpr int deepest_composite = 8;

Column column_of(const Row& row, const Catalogue& catalogue, int deepest = deepest_composite) {
  Column column;
  column.name = row.text("name");
  column.cast = row.text("cast_name");
  column.declared = row.text("declared");
  column.equals = row["equals"].value_or(column.equals);
  column.array = row.boolean("is_array");
  column.encoding = column.array ? Encoding::input : encoding_of(static_cast<oid::Type>(row.integer("type")));
  column.element = column.array ? encoding_of(static_cast<oid::Type>(row.integer("element"))) : Encoding::input;
  column.type_name = row.text("type_name");
  column.modifier = static_cast<std::int32_t>(row.integer("modifier"));
  column.not_null = row.boolean("not_null");
  column.generated = row.boolean("generated");
  column.has_default = row.boolean("has_default") && !column.generated;  // the expression is kept as a default
  column.identity_always = row.boolean("identity_always");
  column.enumeration = row.boolean("enumeration");
  column.collation = row["collation"].value_or("");
  column.loose_collation = row["loose_collation"].value_or("");
  const auto [first, last] = catalogue.columns.equal_range(row.integer("composite"));
  for (auto field = first; deepest > 0 && field != last; ++field) {
    column.fields.push_back(column_of(field->second, catalogue, deepest - 1));
  }
  return column;
}

// Finds the unique index on exactly the key, whose columns have these numbers.
Result<void> find_key_index(Table& table, std::vector<std::int64_t> numbers, const config::Route& route, bool required,
                            std::int64_t unique_indexes, const Catalogue& catalogue) {
  std::ranges::sort(numbers);
  const auto wanted = fmt::format("{}", fmt::join(numbers, ","));
  const auto [first, last] = catalogue.unique.equal_range(table.oid);
  const auto is_wanted = [&](const auto& index) { return index.second.columns == wanted; };
  table.null_keys =
      std::any_of(first, last, [&](const auto& index) { return is_wanted(index) && index.second.null_keys; });
  table.other_unique = unique_indexes > std::count_if(first, last, is_wanted);
  if (!required || std::any_of(first, last, is_wanted)) return {};
  std::string names;
  for (const auto& column : route.key) names += (names.empty() ? "" : ", ") + quoted(column);
  return stops(
      fmt::format("{} has no unique index on exactly its key; ALTER TABLE {} ADD UNIQUE ({}), or change "
                  "[[route]].key",
                  table.name, table.sql_name, names));
}

std::unexpected<Error> missing(const WantedTable& wanted) {
  if (wanted.route->evolve == config::Evolve::tables)
    return fail(ErrorClass::stop_partition,
                fmt::format("table {} does not exist; the first event makes it", wanted.name), "42P01");
  return fault_of(config::names_source(wanted.route->table), "42P01",
                  fmt::format("table {} does not exist; create it or change [[route]].table", wanted.name));
}

Result<void> check_length(const WantedTable& wanted) {
  const auto [schema, table] = TableName::parse(wanted.name);
  if (std::max(schema.size(), table.size()) <= longest_identifier) return {};
  return stops(
      fmt::format("the name of the table {} is longer than {} bytes, and PostgreSQL would cut it; change "
                  "[[route]].table",
                  wanted.name, longest_identifier));
}

void describe_links(Table& table, const Row& relation) {
  table.tree = static_cast<oid::Type>(relation.integer("tree"));
  table.depth = static_cast<int>(relation.integer("depth"));
  table.circular = relation.boolean("circular");
  table.refers_to_itself = relation.boolean("refers_to_itself");
  table.deferrable = relation.boolean("deferrable");
  const auto changed = relation.text("delete_changes");
  for (const auto tree : split(changed, ',')) {
    if (const auto number = parse_integer<oid::Type>(tree)) table.delete_changes.push_back(*number);
  }
}

DescribedTable describe_one(const WantedTable& wanted, const Row& relation, const Catalogue& catalogue,
                            std::string_view own_schema) {
  static std::atomic<std::uint64_t> versions{0};
  const auto& [name, route] = wanted;
  if (auto done = check_length(wanted); !done) return std::unexpected(done.error());
  if (!relation["oid"]) return missing(wanted);
  if (auto done = check_place(relation, name, *route, own_schema); !done) return std::unexpected(done.error());
  if (auto done = check_relation(relation, name, *route); !done) return std::unexpected(done.error());
  auto table = std::make_shared<Table>();
  table->name = name;
  table->shared = route->shares_table;
  table->oid = static_cast<oid::Type>(relation.integer("oid"));
  table->sql_name = TableName{relation.text("schema"), relation.text("relation")}.sql();
  table->signature = relation.text("signature");
  table->owned = relation.boolean("owned");
  table->delete_acts = relation.boolean("delete_acts");
  describe_links(*table, relation);
  const auto kind = relation.text("kind");
  const bool instead_of = relation.boolean("instead_of");
  table->conflict_clause = !relation.boolean("of_conflicts") && !instead_of;
  table->copy_is_insert = (kind == "r" || kind == "p") && !relation.boolean("of_writes") && !instead_of &&
                          !relation.boolean("row_security");
  std::vector<std::int64_t> numbers;
  const auto [first, last] = catalogue.columns.equal_range(table->oid);
  for (auto column = first; column != last; ++column) {
    numbers.push_back(column->second.integer("number"));
    table->columns.push_back(column_of(column->second, catalogue));
  }
  if (auto done = find_columns(*table, *route); !done) return std::unexpected(done.error());
  const bool required = route->mode == WriteMode::upsert && kind != "v" && table->conflict_clause;
  std::vector<std::int64_t> key;
  for (const auto index : table->key) key.push_back(numbers[index]);
  if (auto done =
          find_key_index(*table, std::move(key), *route, required, relation.integer("unique_indexes"), catalogue);
      !done)
    return std::unexpected(done.error());
  table->version = ++versions;
  return table;
}

// Reads the columns of these tables, and then those of the composite types that they have.
Result<void> read_columns(SqlClient& client, std::vector<std::int64_t> relations, Catalogue& catalogue,
                          Clock::time_point deadline) {
  for (int level = 0; level <= deepest_composite && !relations.empty(); ++level) {
    const auto columns =
        client.run(sql("table_columns", ""), {fmt::format("{{{}}}", fmt::join(relations, ","))}, deadline);
    if (!columns) return std::unexpected(columns.error());
    relations.clear();
    for (const auto& column : *columns) catalogue.columns.emplace(column.integer("relation"), column);
    for (const auto& column : *columns) {
      const auto composite = column.integer("composite");
      if (composite != 0 && !catalogue.columns.contains(composite) && !std::ranges::count(relations, composite))
        relations.push_back(composite);
    }
  }
  return {};
}

// A literal that PostgreSQL cannot read would otherwise fail every batch.
Result<void> try_condition(SqlClient& client, DescribedTable& table, const config::Route& route,
                           Clock::time_point deadline) {
  if (!table || !(*table)->is_conditional()) return {};
  if (auto done = client.run("SAVEPOINT condition", {}, deadline); !done) return std::unexpected(done.error());
  const auto tried = client.run(condition_probe(route.where, **table), {}, deadline);
  if (!tried && (tried.error().sqlstate.empty() || !client.connected())) return std::unexpected(tried.error());
  if (auto done = client.run("ROLLBACK TO SAVEPOINT condition", {}, deadline); !done)
    return std::unexpected(done.error());
  if (!tried)
    table = stops(fmt::format("PostgreSQL refuses the condition of {}: {}; change [[route]].where", (*table)->name,
                              tried.error().message));
  return {};
}

// The database's encoding has no such characters, so there is no such table.
bool is_of_encoding(const Error& error) {
  return error.sqlstate == "22P05" || error.sqlstate == "22021";
}

// One name that the database's encoding cannot hold would fail the question for all.
Result<std::vector<DescribedTable>> describe_apart(SqlClient& client, std::span<const WantedTable> wanted,
                                                   const std::string& own_schema, Clock::time_point deadline) {
  if (auto done = client.run("ROLLBACK", {}, deadline); !done) return std::unexpected(done.error());
  std::vector<DescribedTable> described;
  if (wanted.size() == 1) {
    described.emplace_back(missing(wanted.front()));
    return described;
  }
  for (const auto& one : wanted) {
    auto alone = describe_tables(client, {&one, 1}, own_schema, deadline);
    if (!alone) return std::unexpected(alone.error());
    described.push_back(std::move(alone->front()));
  }
  return described;
}

}  // namespace

Result<Rows> run_by_path_of_user(SqlClient& client, const std::string& statement, const Fields& parameters,
                                 Clock::time_point deadline) {
  if (auto set = client.run("SET LOCAL search_path TO DEFAULT", {}, deadline); !set) return set;
  auto rows = client.run(statement, parameters, deadline);
  if (!rows) return rows;
  if (auto set = client.run("SET LOCAL search_path = pg_catalog, pg_temp", {}, deadline); !set) return set;
  return rows;
}

Result<std::string> schema_of_new_tables(SqlClient& client, Clock::time_point deadline) {
  const auto found = run_by_path_of_user(client, "SELECT pg_catalog.current_schema() AS name", {}, deadline);
  if (!found) return std::unexpected(found.error());
  return found->empty() ? std::string() : found->front().text("name");
}

Result<Rows> relations_of(SqlClient& client, const std::vector<std::string>& oids, const std::string& own_schema,
                          Clock::time_point deadline) {
  return client.run(sql("table_relations", ""), {fmt::format("{{{}}}", fmt::join(oids, ",")), own_schema}, deadline);
}

Result<std::vector<DescribedTable>> describe_within(SqlClient& client, std::span<const WantedTable> wanted,
                                                    const std::string& own_schema, Clock::time_point deadline) {
  const auto ask = [&](std::string_view file, const std::string& array) {
    return client.run(sql(file, ""), {array}, deadline);
  };
  std::vector<std::string> names;
  for (const auto& one : wanted) names.push_back(TableName::parse(one.name).sql());
  // Where the user's path leads is asked once, here. Under ours, names of types come out with their schema.
  const auto known = run_by_path_of_user(client, sql("table_names", ""), {array_of_texts(names)}, deadline);
  if (!known) return std::unexpected(known.error());
  std::vector<std::string> oids;
  for (const auto& row : *known) oids.push_back(row["oid"].value_or("NULL"));
  const auto relations = relations_of(client, oids, own_schema, deadline);
  if (!relations) return std::unexpected(relations.error());
  std::vector<std::int64_t> found;
  for (const auto& relation : *relations) {
    if (relation["oid"]) found.push_back(relation.integer("oid"));
  }
  const auto numbers = fmt::format("{{{}}}", fmt::join(found, ","));
  Catalogue catalogue;
  if (auto done = read_columns(client, found, catalogue, deadline); !done) return std::unexpected(done.error());
  const auto indexes = ask("table_unique_indexes", numbers);
  if (!indexes) return std::unexpected(indexes.error());
  for (const auto& index : *indexes)
    catalogue.unique.emplace(index.integer("relation"), UniqueIndex{index.text("columns"), index.boolean("null_keys")});
  std::vector<DescribedTable> described;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    described.push_back(describe_one(wanted[i], (*relations)[i], catalogue, own_schema));
    if (auto done = try_condition(client, described.back(), *wanted[i].route, deadline); !done)
      return std::unexpected(done.error());
  }
  return described;
}

Result<std::vector<DescribedTable>> describe_tables(SqlClient& client, std::span<const WantedTable> wanted,
                                                    const std::string& own_schema, Clock::time_point deadline) {
  if (auto begun = client.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", {}, deadline); !begun)
    return std::unexpected(begun.error());
  auto described = describe_within(client, wanted, own_schema, deadline);
  if (!described && is_of_encoding(described.error())) return describe_apart(client, wanted, own_schema, deadline);
  if (!described) return described;
  if (auto done = client.run("COMMIT", {}, deadline); !done) return std::unexpected(done.error());
  return described;
}

}  // namespace sluice::sink

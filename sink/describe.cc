#include "sink/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <pqxx/result>

#include "sink/sql.h"

namespace sluice::sink {
namespace {

// By the type's object identifier, which is the same in every PostgreSQL.
const std::map<std::uint32_t, Encoding> encodings{
    {16, Encoding::boolean},       {17, Encoding::bytea},     {18, Encoding::text},    {19, Encoding::text},
    {20, Encoding::int8},          {21, Encoding::int2},      {23, Encoding::int4},    {25, Encoding::text},
    {114, Encoding::json},         {700, Encoding::float4},   {701, Encoding::float8}, {1042, Encoding::text},
    {1043, Encoding::text},        {1082, Encoding::date},    {1083, Encoding::time},  {1114, Encoding::timestamp},
    {1184, Encoding::timestamptz}, {1700, Encoding::numeric}, {2950, Encoding::uuid},  {3802, Encoding::jsonb},
};

Encoding encoding_of(std::uint32_t type) {
  const auto found = encodings.find(type);
  return found == encodings.end() ? Encoding::input : found->second;
}

// "schema.table" is cut at its first dot; a name without one is found by the search path.
std::string quoted_name(const std::string& name) {
  const auto dot = name.find('.');
  if (dot == name.npos) return quoted(name);
  return quoted(name.substr(0, dot)) + "." + quoted(name.substr(dot + 1));
}

auto stop(std::string message) {
  return fail(ErrorClass::stop_partition, std::move(message));
}

Result<void> check_relation(const pqxx::row& relation, const std::string& name, const config::Route& route) {
  const auto kind = relation[3].as<std::string>();
  if (kind != "r" && kind != "p" && kind != "v" && kind != "f")
    return stop(fmt::format("{} is not a table; change [[route]].table", name));
  if (kind == "v" && route.key.empty())
    return stop(fmt::format("{} is a view, which cannot be appended to without a key; route to its table", name));
  const bool writes_rows = route.mode != WriteMode::update;
  const bool reads = route.mode != WriteMode::insert || !route.key.empty();
  const struct {
    bool needed;
    int column;
    const char* right;
  } rights[] = {
      {writes_rows, 4, "INSERT"},
      {route.mode != WriteMode::insert, 5, "UPDATE"},
      {!route.key.empty() && route.on_delete == config::OnDelete::apply, 6, "DELETE"},
      {route.on_truncate == config::OnTruncate::apply, 7, "TRUNCATE"},
      {reads, 8, "SELECT"},
  };
  for (const auto& [needed, column, right] : rights) {
    if (needed && !relation[column].as<bool>())
      return stop(fmt::format("no permission; GRANT {} ON {} TO the role that sluice connects as", right, name));
  }
  return {};
}

Column column_of(const pqxx::row& row) {
  Column column;
  column.name = row[0].as<std::string>();
  column.cast = row[2].as<std::string>();
  column.declared = row[3].as<std::string>();
  column.array = row[5].as<bool>();
  column.encoding = column.array ? Encoding::input : encoding_of(row[4].as<std::uint32_t>());
  column.element = column.array ? encoding_of(row[6].as<std::uint32_t>()) : Encoding::input;
  column.type_name = row[7].as<std::string>();
  column.modifier = row[8].as<std::int32_t>();
  column.not_null = row[9].as<bool>();
  column.generated = row[11].as<bool>();
  column.has_default = row[10].as<bool>() && !column.generated;  // the catalogue keeps the expression as a default
  column.identity_always = row[12].as<bool>();
  return column;
}

Result<void> check_key(pqxx::transaction_base& transaction, const Table& table, const std::vector<int>& numbers,
                       const config::Route& route, const std::string& kind) {
  if (route.mode != WriteMode::upsert || kind == "v") return {};
  std::string columns = "{";
  for (const auto index : table.key) columns += fmt::format("{}{}", columns.size() > 1 ? "," : "", numbers[index]);
  columns += '}';
  if (transaction.exec_params1(sql("unique_index", ""), table.oid, columns)[0].as<bool>()) return {};
  std::string names;
  for (const auto& column : route.key) names += (names.empty() ? "" : ", ") + quoted(column);
  return stop(
      fmt::format("{} has no unique index on exactly its key; ALTER TABLE {} ADD UNIQUE ({}), or change "
                  "[[route]].key",
                  table.name, table.sql_name, names));
}

Result<void> find_key(Table& table, const config::Route& route) {
  for (const auto& name : route.key) {
    const auto found = std::ranges::find(table.columns, name, &Column::name);
    if (found == table.columns.end()) {
      return stop(
          fmt::format("column {} of the key does not exist in {}; add it or change [[route]].key", name, table.name));
    }
    table.key.push_back(static_cast<std::uint16_t>(found - table.columns.begin()));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Table>> describe(pqxx::transaction_base& transaction, const std::string& name,
                                              const config::Route& route) {
  static std::atomic<std::uint64_t> versions{0};
  const auto found = transaction.exec_params(sql("relation", ""), quoted_name(name));
  if (found.empty()) return stop(fmt::format("table {} does not exist; create it or change [[route]].table", name));
  const auto& relation = found[0];
  if (auto done = check_relation(relation, name, route); !done) return std::unexpected(done.error());
  auto table = std::make_shared<Table>();
  table->name = name;
  table->shared = route.shares_table;
  table->oid = relation[0].as<std::uint32_t>();
  table->sql_name = quoted(relation[1].as<std::string>()) + "." + quoted(relation[2].as<std::string>());
  // Names of types come out with their schema, so that they mean the same under any search path.
  transaction.exec("SET LOCAL search_path = pg_catalog");
  std::vector<int> numbers;
  for (const auto& row : transaction.exec_params(sql("columns", ""), table->oid)) {
    numbers.push_back(row[1].as<int>());
    table->columns.push_back(column_of(row));
  }
  if (auto done = find_key(*table, route); !done) return std::unexpected(done.error());
  if (auto done = check_key(transaction, *table, numbers, route, relation[3].as<std::string>()); !done)
    return std::unexpected(done.error());
  table->version = ++versions;
  return table;
}

}  // namespace sluice::sink

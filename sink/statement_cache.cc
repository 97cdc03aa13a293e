#include "sink/statement_cache.h"

#include <fmt/format.h>

#include <algorithm>

#include "sink/sql.h"

namespace sluice::sink {
namespace {

constexpr int lock_class = 0x536c7569;  // "Slui", to keep out of the way of others' advisory locks

const Column& column_of(const PlannedWrite& write, std::uint16_t column) {
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
  const auto& column = column_of(write, write.columns[i]);
  if (staged) return fmt::format("c{}{}", i, cast_of(column));
  return fmt::format("unnest(${}::{}[]){}", i + 1, wire(column).sql, cast_of(column));
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
    return fmt::format("target.{} = source.s{}", quoted(column_of(write, key).name), at);
  });
}

std::string remove(const PlannedWrite& write) {
  const auto& first = column_of(write, write.columns.front());
  if (write.columns.size() == 1 && !first.array) {
    return fmt::format("DELETE FROM {} WHERE {} = ANY($1::{}[]{})", write.table->sql_name, quoted(first.name),
                       wire(first).sql, cast_of(first, "[]"));
  }
  return fmt::format("DELETE FROM {} AS target USING (SELECT {}) AS source WHERE {}", write.table->sql_name,
                     sources(write, false, true), key_matches(write));
}

// Among Sluice's own writers, by the table: locks of the table itself would also stop readers' and others' work.
std::string lock(const PlannedWrite& write) {
  return fmt::format("SELECT pg_advisory_xact_lock{}({}, {})", write.action == Action::share ? "_shared" : "",
                     lock_class, static_cast<std::int32_t>(write.table->oid));
}

std::string names(const PlannedWrite& write) {
  return join(write.columns.size(), ", ",
              [&](std::size_t i) { return quoted(column_of(write, write.columns[i]).name); });
}

std::string insert_into(const PlannedWrite& write) {
  const bool overriding =
      std::ranges::any_of(write.columns, [&](auto column) { return column_of(write, column).identity_always; });
  return fmt::format("INSERT INTO {} ({}){} ", write.table->sql_name, names(write),
                     overriding ? " OVERRIDING SYSTEM VALUE" : "");
}

// "SET a = <prefix>…": what a write changes in a row that exists.
template <class Value>
std::string assignments(const PlannedWrite& write, Value value) {
  std::string out;
  for (std::size_t i = 0; i < write.columns.size(); ++i) {
    const auto& column = column_of(write, write.columns[i]);
    if (is_key(write, write.columns[i]) || column.identity_always) continue;
    if (!out.empty()) out += ", ";
    out += fmt::format("{} = {}", quoted(column.name), value(i));
  }
  return out;
}

std::string on_conflict(const PlannedWrite& write) {
  const auto set =
      assignments(write, [&](std::size_t i) { return "excluded." + quoted(column_of(write, write.columns[i]).name); });
  const auto keys = join(write.table->key.size(), ", ",
                         [&](std::size_t i) { return quoted(column_of(write, write.table->key[i]).name); });
  return fmt::format(" ON CONFLICT ({}) DO {}", keys, set.empty() ? "NOTHING" : "UPDATE SET " + set);
}

}  // namespace

Wire wire(const Column& column) {
  switch (column.encoding) {
    case Encoding::int2:
      return {"smallint", 21};
    case Encoding::int4:
      return {"integer", 23};
    case Encoding::int8:
      return {"bigint", 20};
    case Encoding::float4:
      return {"real", 700};
    case Encoding::float8:
      return {"double precision", 701};
    case Encoding::numeric:
      return {"numeric", 1700};
    case Encoding::boolean:
      return {"boolean", 16};
    case Encoding::bytea:
      return {"bytea", 17};
    case Encoding::uuid:
      return {"uuid", 2950};
    case Encoding::json:
      return {"json", 114};
    case Encoding::jsonb:
      return {"jsonb", 3802};
    case Encoding::date:
      return {"date", 1082};
    case Encoding::time:
      return {"time without time zone", 1083};
    case Encoding::timestamp:
      return {"timestamp without time zone", 1114};
    case Encoding::timestamptz:
      return {"timestamp with time zone", 1184};
    case Encoding::text:
      // The cast from text would cut these two; their own binary form is checked.
      if (column.type_name == "name") return {"name", 19};
      if (column.type_name == "char") return {"\"char\"", 18};
      return {"text", 25};
    case Encoding::input:
      break;
  }
  return {"text", 25};
}

std::string statement(const PlannedWrite& write, const std::string& stage) {
  const bool staged = !stage.empty();
  const auto from = staged ? " FROM " + stage : std::string();
  // No ORDER BY: the rows went into the stage sorted, and a temporary table is read from its beginning.
  const auto select = "SELECT " + sources(write, staged, false) + from;
  switch (write.action) {
    case Action::share:
    case Action::exclusive:
      return lock(write);
    case Action::truncate:
      return "TRUNCATE " + write.table->sql_name;
    case Action::remove:
      return remove(write);
    case Action::insert:
      if (write.columns.empty())  // every column its default
        return fmt::format("INSERT INTO {} SELECT FROM generate_series(1, $1::bigint)", write.table->sql_name);
      return insert_into(write) + select;
    case Action::upsert:
      return insert_into(write) + select + on_conflict(write);
    case Action::update:
      return fmt::format("UPDATE {} AS target SET {} FROM (SELECT {}) AS source WHERE {}", write.table->sql_name,
                         assignments(write, [](std::size_t i) { return fmt::format("source.s{}", i); }),
                         sources(write, false, true), key_matches(write));
    case Action::insert_missing:
      return fmt::format("{}SELECT {} FROM (SELECT {}) AS source WHERE NOT EXISTS (SELECT FROM {} AS target WHERE {})",
                         insert_into(write),
                         join(write.columns.size(), ", ", [](std::size_t i) { return fmt::format("source.s{}", i); }),
                         sources(write, false, true), write.table->sql_name, key_matches(write));
  }
  return {};
}

std::string literals_of(const PlannedWrite& write) {
  return fmt::format(
      "SELECT {} FROM (SELECT {}) AS source",
      join(write.columns.size(), ", ", [](std::size_t i) { return fmt::format("quote_nullable(s{}::text)", i); }),
      sources(write, false, true));
}

std::string stage_columns(const PlannedWrite& write) {
  return join(write.columns.size(), ", ",
              [&](std::size_t i) { return fmt::format("c{} {}", i, wire(column_of(write, write.columns[i])).sql); });
}

std::string copy_into_table(const PlannedWrite& write) {
  return fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", write.table->sql_name, names(write));
}

Statement& StatementCache::get(const std::string& key, const std::function<std::string()>& make) {
  if (const auto found = prepared_.find(key); found != prepared_.end()) return found->second;
  if (full()) return passing_.emplace_back(Statement{make(), {}});
  return prepared_.emplace(key, Statement{make(), fmt::format("sluice_{}", ++named_)}).first->second;
}

Statement& StatementCache::of(const PlannedWrite& write) {
  std::string key = fmt::format("{} {}", write.table->version, static_cast<int>(write.action));
  for (const auto column : write.columns) key.append(reinterpret_cast<const char*>(&column), sizeof column);
  return get(key, [&] { return statement(write); });
}

void StatementCache::clear() {
  prepared_.clear();
  passing_.clear();
}

}  // namespace sluice::sink

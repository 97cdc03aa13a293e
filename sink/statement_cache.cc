#include "sink/statement_cache.h"

#include <fmt/format.h>

#include <algorithm>

#include "sink/sql.h"

namespace sluice::sink {
namespace {

constexpr int lock_class = 0x536c7569;  // "Slui", to keep out of the way of others' advisory locks

const Column& column_of(const Piece& piece, std::uint16_t column) {
  return piece.table->columns[column];
}

bool is_key(const Piece& piece, std::uint16_t column) {
  return std::ranges::find(piece.table->key, column) != piece.table->key.end();
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

// The cast has no modifier: the assignment to the column checks lengths, and an explicit cast would cut
// silently.
std::string cast_of(const Column& column, std::string_view suffix = "") {
  return column.cast == wire(column).sql ? std::string() : fmt::format("::{}{}", column.cast, suffix);
}

// The values of the piece's i-th column.
std::string source(const Piece& piece, std::size_t i, bool staged) {
  const auto& column = column_of(piece, piece.columns[i]);
  if (staged) return fmt::format("c{}{}", i, cast_of(column));
  return fmt::format("unnest(${}::{}[]){}", i + 1, wire(column).sql, cast_of(column));
}

// In the select list itself: a set-returning function in FROM would materialise every column first.
std::string sources(const Piece& piece, bool staged, bool named) {
  return join(piece.columns.size(), ", ", [&](std::size_t i) {
    return source(piece, i, staged) + (named ? fmt::format(" AS s{}", i) : std::string());
  });
}

std::string key_matches(const Piece& piece) {
  return join(piece.table->key.size(), " AND ", [&](std::size_t i) {
    const auto key = piece.table->key[i];
    const auto at = std::ranges::find(piece.columns, key) - piece.columns.begin();
    return fmt::format("target.{} = source.s{}", quoted(column_of(piece, key).name), at);
  });
}

std::string remove(const Piece& piece) {
  const auto& first = column_of(piece, piece.columns.front());
  if (piece.columns.size() == 1 && !first.array) {
    return fmt::format("DELETE FROM {} WHERE {} = ANY($1::{}[]{})", piece.table->sql_name, quoted(first.name),
                       wire(first).sql, cast_of(first, "[]"));
  }
  return fmt::format("DELETE FROM {} AS target USING (SELECT {}) AS source WHERE {}", piece.table->sql_name,
                     sources(piece, false, true), key_matches(piece));
}

// Among Sluice's own writers, by the table: locks of the table itself would also stop readers' and others'
// work.
std::string lock(const Piece& piece) {
  return fmt::format("SELECT pg_advisory_xact_lock{}({}, {})", piece.action == Action::share ? "_shared" : "",
                     lock_class, static_cast<std::int32_t>(piece.table->oid));
}

std::string names(const Piece& piece) {
  return join(piece.columns.size(), ", ",
              [&](std::size_t i) { return quoted(column_of(piece, piece.columns[i]).name); });
}

std::string insert_into(const Piece& piece) {
  const bool overriding = std::ranges::any_of(
      piece.columns, [&](auto column) { return column_of(piece, column).identity_always; });
  return fmt::format("INSERT INTO {} ({}){} ", piece.table->sql_name, names(piece),
                     overriding ? " OVERRIDING SYSTEM VALUE" : "");
}

// "SET a = <prefix>…": what a write changes in a row that exists.
template <class Value>
std::string assignments(const Piece& piece, Value value) {
  std::string out;
  for (std::size_t i = 0; i < piece.columns.size(); ++i) {
    const auto& column = column_of(piece, piece.columns[i]);
    if (is_key(piece, piece.columns[i]) || column.identity_always) continue;
    if (!out.empty()) out += ", ";
    out += fmt::format("{} = {}", quoted(column.name), value(i));
  }
  return out;
}

std::string on_conflict(const Piece& piece) {
  const auto set = assignments(
      piece, [&](std::size_t i) { return "excluded." + quoted(column_of(piece, piece.columns[i]).name); });
  const auto keys = join(piece.table->key.size(), ", ",
                         [&](std::size_t i) { return quoted(column_of(piece, piece.table->key[i]).name); });
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

std::string statement(const Piece& piece, const std::string& stage) {
  const bool staged = !stage.empty();
  const auto from = staged ? " FROM " + stage : std::string();
  // No ORDER BY: the rows went into the stage sorted, and a temporary table is read from its beginning.
  const auto select = "SELECT " + sources(piece, staged, false) + from;
  switch (piece.action) {
    case Action::share:
    case Action::exclusive:
      return lock(piece);
    case Action::truncate:
      return "TRUNCATE " + piece.table->sql_name;
    case Action::remove:
      return remove(piece);
    case Action::insert:
      if (piece.columns.empty())  // every column its default
        return fmt::format("INSERT INTO {} SELECT FROM generate_series(1, $1::bigint)",
                           piece.table->sql_name);
      return insert_into(piece) + select;
    case Action::upsert:
      return insert_into(piece) + select + on_conflict(piece);
    case Action::update:
      return fmt::format("UPDATE {} AS target SET {} FROM (SELECT {}) AS source WHERE {}",
                         piece.table->sql_name,
                         assignments(piece, [](std::size_t i) { return fmt::format("source.s{}", i); }),
                         sources(piece, false, true), key_matches(piece));
    case Action::insert_missing:
      return fmt::format(
          "{}SELECT {} FROM (SELECT {}) AS source WHERE NOT EXISTS (SELECT FROM {} AS target WHERE {})",
          insert_into(piece),
          join(piece.columns.size(), ", ", [](std::size_t i) { return fmt::format("source.s{}", i); }),
          sources(piece, false, true), piece.table->sql_name, key_matches(piece));
  }
  return {};
}

std::string literals_of(const Piece& piece) {
  return fmt::format("SELECT {} FROM (SELECT {}) AS source",
                     join(piece.columns.size(), ", ",
                          [](std::size_t i) { return fmt::format("quote_nullable(s{}::text)", i); }),
                     sources(piece, false, true));
}

std::string stage_columns(const Piece& piece) {
  return join(piece.columns.size(), ", ", [&](std::size_t i) {
    return fmt::format("c{} {}", i, wire(column_of(piece, piece.columns[i])).sql);
  });
}

std::string copy_into_table(const Piece& piece) {
  return fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", piece.table->sql_name, names(piece));
}

Statement& Statements::get(const std::string& key, const std::function<std::string()>& make) {
  if (const auto found = prepared_.find(key); found != prepared_.end()) return found->second;
  if (full()) return passing_.emplace_back(Statement{make(), {}});
  return prepared_.emplace(key, Statement{make(), fmt::format("sluice_{}", ++named_)}).first->second;
}

Statement& Statements::of(const Piece& piece) {
  std::string key = fmt::format("{} {}", piece.table->version, static_cast<int>(piece.action));
  for (const auto column : piece.columns) key.append(reinterpret_cast<const char*>(&column), sizeof column);
  return get(key, [&] { return statement(piece); });
}

void Statements::clear() {
  prepared_.clear();
  passing_.clear();
}

}  // namespace sluice::sink

// What the mapping tests share: tables built by hand, events as records, and changes shown as text by a decoder of its
// own. Nothing here uses mapping's encoders, so that they cannot agree with themselves.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapping/mapper.h"

namespace sluice::mapping::test {

inline Column column(std::string name, std::string type) {
  static const std::map<std::string, Encoding> encodings = {
      {"int2", Encoding::int2},     {"int4", Encoding::int4},           {"int8", Encoding::int8},
      {"float4", Encoding::float4}, {"float8", Encoding::float8},       {"numeric", Encoding::numeric},
      {"bool", Encoding::boolean},  {"text", Encoding::text},           {"varchar", Encoding::text},
      {"bpchar", Encoding::text},   {"bytea", Encoding::bytea},         {"uuid", Encoding::uuid},
      {"json", Encoding::json},     {"jsonb", Encoding::jsonb},         {"date", Encoding::date},
      {"time", Encoding::time},     {"timestamp", Encoding::timestamp}, {"timestamptz", Encoding::timestamptz}};
  const auto encoding_of = [&](const std::string& of) {
    const auto found = encodings.find(of);
    return found == encodings.end() ? Encoding::input : found->second;
  };
  Column made;
  made.name = std::move(name);
  made.declared = type;
  made.cast = "pg_catalog." + type;
  made.array = type.ends_with("[]");
  made.type_name = type.substr(0, type.find('['));
  made.encoding = made.array ? Encoding::input : encoding_of(made.type_name);
  made.element = made.array ? encoding_of(made.type_name) : Encoding::input;
  return made;
}

inline std::shared_ptr<Table> table(std::vector<std::pair<std::string, std::string>> columns,
                                    std::vector<std::uint16_t> key = {0}) {
  auto made = std::make_shared<Table>();
  made->name = made->sql_name = "public.target";
  for (auto& [name, type] : columns) made->columns.push_back(column(name, type));
  made->key = std::move(key);
  return made;
}

inline std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

inline std::string numeric_text(std::string_view bytes) {
  const auto word = [&](std::size_t at) { return static_cast<std::uint16_t>(big_endian(bytes.substr(at, 2))); };
  const int groups = word(0), weight = static_cast<std::int16_t>(word(2)), scale = word(6);
  EXPECT_EQ(bytes.size(), 8 + 2 * static_cast<std::size_t>(groups));
  if (word(4) >= 0xC000) return word(4) == 0xC000 ? "NaN" : word(4) == 0xD000 ? "Infinity" : "-Infinity";
  const auto group = [&](int n) { return n >= 0 && n < groups ? word(8 + 2 * static_cast<std::size_t>(n)) : 0; };
  std::string integer = word(4) == 0x4000 ? "-" : "", fraction;
  if (weight < 0) integer += '0';
  for (int n = 0; n <= weight; ++n) integer += n == 0 ? fmt::format("{}", group(n)) : fmt::format("{:04}", group(n));
  for (int n = weight + 1; std::ssize(fraction) < scale; ++n) fraction += fmt::format("{:04}", group(n));
  fraction.resize(static_cast<std::size_t>(scale));
  return scale ? integer + "." + fraction : integer;
}

inline std::string date_text(std::int64_t days) {
  using namespace std::chrono;
  constexpr std::int64_t cycle = 146097;  // days in 400 years; <chrono> ends with the year 32767
  const std::int64_t cycles = days / cycle;
  const year_month_day date{sys_days{2000y / 1 / 1} + std::chrono::days{days % cycle}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()) + cycles * 400,
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

inline std::string time_text(std::int64_t micros) {
  return fmt::format("{:02}:{:02}:{:02}.{:06}", micros / 3'600'000'000, micros / 60'000'000 % 60,
                     micros / 1'000'000 % 60, micros % 1'000'000);
}

inline std::string timestamp_text(std::int64_t micros) {
  if (micros == INT64_MAX || micros == INT64_MIN) return micros > 0 ? "infinity" : "-infinity";
  constexpr std::int64_t day = 86'400'000'000;
  const std::int64_t days = micros / day - (micros % day < 0);
  return date_text(days) + " " + time_text(micros - days * day);
}

inline std::string cell_text(const Column& column, std::string_view bytes) {
  const auto value = static_cast<std::int64_t>(big_endian(bytes));
  switch (column.encoding) {
    case Encoding::int2:
      EXPECT_EQ(bytes.size(), 2);
      return fmt::format("{}", static_cast<std::int16_t>(value));
    case Encoding::int4:
      EXPECT_EQ(bytes.size(), 4);
      return fmt::format("{}", static_cast<std::int32_t>(value));
    case Encoding::int8:
      EXPECT_EQ(bytes.size(), 8);
      return fmt::format("{}", value);
    case Encoding::float4:
      return fmt::format("{}", std::bit_cast<float>(static_cast<std::uint32_t>(value)));
    case Encoding::float8:
      return fmt::format("{}", std::bit_cast<double>(value));
    case Encoding::numeric:
      return numeric_text(bytes);
    case Encoding::boolean:
      EXPECT_EQ(bytes.size(), 1);
      return value ? "true" : "false";
    case Encoding::jsonb:
      EXPECT_EQ(bytes[0], 1);
      return std::string(bytes.substr(1));
    case Encoding::date: {
      const auto days = static_cast<std::int32_t>(value);
      return days == INT32_MAX ? "infinity" : days == INT32_MIN ? "-infinity" : date_text(days);
    }
    case Encoding::time:
      return time_text(value);
    case Encoding::timestamp:
    case Encoding::timestamptz:
      return timestamp_text(value);
    case Encoding::uuid:
    case Encoding::bytea: {
      std::string hex;
      for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
      return hex;
    }
    default:
      return std::string(bytes);
  }
}

// `id=1 name=x`, NULL for null, absent columns left out.
inline std::string row_text(const Changes& changes, const Table& table, const RowChange& row) {
  std::string text;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Cell& cell = changes.row(row)[i];
    if (cell.length == Cell::absent) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", table.columns[i].name,
                        cell.length == Cell::null ? "NULL" : cell_text(table.columns[i], changes.bytes(cell)));
  }
  return text;
}

// One line per row: `write id=1`, and `step` and `truncate` between.
inline std::string text_of(const Changes& changes) {
  std::string text;
  for (const TableChanges& of_table : changes.tables) {
    for (std::size_t n = 0; n < of_table.steps.size(); ++n) {
      if (n > 0) text += "step\n";
      if (of_table.steps[n].truncate) text += "truncate\n";
      for (const RowChange& row : of_table.steps[n].rows) {
        const char* kind = row.kind == ChangeKind::write    ? "write"
                           : row.kind == ChangeKind::remove ? "remove"
                           : row.kind == ChangeKind::mark   ? "mark"
                                                            : "replace";
        text += fmt::format("{} {}\n", kind, row_text(changes, *of_table.table, row));
      }
    }
  }
  return text;
}

inline std::string outcomes(const Changes& changes) {  // a letter per record
  std::string letters;
  for (const Outcome outcome : changes.outcomes) letters += "afsd"[static_cast<int>(outcome)];
  return letters;
}

using Row = std::map<std::string, std::string>;
using Rows = std::map<std::string, Row>;  // by the key's text

// Does to `rows` what the sink does to a table: steps in turn, in each removals first, then writes.
inline void take_effect(const Changes& changes, const TableChanges& of_table, Rows& rows) {
  const Table& table = *of_table.table;
  const auto cells = [&](const RowChange& change, bool key_only) {
    Row row;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const Cell& cell = changes.row(change)[i];
      if (cell.length == Cell::absent || (key_only && std::ranges::find(table.key, i) == table.key.end())) continue;
      row[table.columns[i].name] =
          cell.length == Cell::null ? "NULL" : cell_text(table.columns[i], changes.bytes(cell));
    }
    return row;
  };
  const auto key_of = [&](const RowChange& change) {
    std::string text;
    for (const auto& [name, value] : cells(change, true)) text += (text.empty() ? "" : "/") + value;
    return text;
  };
  for (const Step& step : of_table.steps) {
    if (step.truncate) rows.clear();
    for (const RowChange& parent : step.parents) {
      std::set<std::string> kept;
      for (const RowChange& change : step.rows)
        if (change.kind == ChangeKind::write) kept.insert(key_of(change));
      const Row owner = cells(parent, true);
      std::erase_if(rows, [&](const auto& row) {
        const auto is_its = [&](const auto& part) { return row.second.at(part.first) == part.second; };
        return std::ranges::all_of(owner, is_its) && !kept.contains(row.first);
      });
    }
    std::map<std::string, int> seen;
    for (const RowChange& change : step.rows) {
      const std::string key = key_of(change);
      EXPECT_EQ(++seen[key], 1) << "a step holds a key once";
      if (change.kind != ChangeKind::write) rows.erase(key);
    }
    for (const RowChange& change : step.rows) {
      if (change.kind == ChangeKind::remove) continue;
      const std::string key = key_of(change);
      const bool exists = rows.contains(key);
      if (of_table.mode == WriteMode::update && !exists) continue;
      if (of_table.mode == WriteMode::insert && exists) continue;  // the server would refuse it
      for (const auto& [name, value] : cells(change, false)) rows[key][name] = value;
    }
  }
}

inline void take_effect(const Changes& changes, Rows& rows) {
  for (const TableChanges& of_table : changes.tables) take_effect(changes, of_table, rows);
}

struct Message {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};
  std::int64_t timestamp_ms = -1;
};

// The message as a record, which looks into it.
inline Record record_of(const Message& message, const TopicPartition& at, Offset offset) {
  Record record;
  record.at = &at;
  record.offset = offset;
  if (message.key) record.key = *message.key;
  if (message.value) record.value = *message.value;
  for (const auto& [name, value] : message.headers) record.headers.push_back({name, value});
  record.timestamp_ms = message.timestamp_ms;
  return record;
}

// A pipeline with one route and a table that the mapper learns when it asks.
class Fixture {
 public:
  explicit Fixture(std::shared_ptr<const Table> target, std::vector<std::string> key = {"id"})
      : target_(std::move(target)) {
    route.topics = {"events"};
    route.table = "public.target";
    route.key = std::move(key);
  }

  Mapper& mapper() {
    if (!mapper_) {
      auto pipeline = std::make_shared<config::Pipeline>();
      pipeline->routes = {route};
      pipeline->registry.url = Secret(registry);
      mapper_.emplace(pipeline);
    }
    return *mapper_;
  }

  void add(const Message& message, const std::string& topic = "events") {
    at_.topic = topic;
    const Record record = record_of(message, at_, offset_++);
    auto done = mapper().map(record, set_);
    for (int questions = 0; !done && questions < 3; ++questions) {  // a table, the schemas of key and value
      const auto* wanted = std::get_if<Wanted>(&done.error());
      ASSERT_NE(wanted, nullptr);
      if (const auto* table = std::get_if<TableWanted>(wanted)) {
        asked.push_back(table->table);
        mapper().set_table(*table, target_);
      } else {
        answer(std::get<SchemaWanted>(*wanted).schema);
      }
      done = mapper().map(record, set_);
    }
    ASSERT_TRUE(done.has_value()) << "asked twice";
  }

  Changes map(const std::vector<Message>& messages) {
    for (const Message& message : messages) add(message);
    return take();
  }

  Changes take() { return set_.take(); }

  config::Route route;
  std::vector<std::string> asked;
  std::string registry;                             // the configuration's URL
  std::map<std::string, RegisteredSchema> schemas;  // what it knows
  std::vector<std::string> asked_schemas;

 private:
  void answer(const SchemaName& name) {
    asked_schemas.push_back(name.text());
    const auto found = schemas.find(name.text());
    if (found != schemas.end()) {
      mapper().set_schema(name, found->second);
    } else {
      mapper().refuse_schema(name, fmt::format("found schema {}, expected one that the registry knows", name.text()));
    }
  }

  std::shared_ptr<const Table> target_;
  std::optional<Mapper> mapper_;
  ChangeSet set_;
  TopicPartition at_;
  Offset offset_ = 0;
};

}  // namespace sluice::mapping::test

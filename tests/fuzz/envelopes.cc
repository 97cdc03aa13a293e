// Debezium's envelopes and Connect's JSON with schemas, hostile: up to the first zero byte the record's key, behind it
// the value. What `connect-json` and `debezium` take is the same event to `auto`; what they refuse has a SQLSTATE and a
// reason. Every value is shown, and encoded for a column of each kind: its bytes or an error, never both.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapping/encode/encoder.h"
#include "mapping/encode/value_json.h"

#include "tests/fuzz/decoding.h"

namespace {

using namespace sluice;
using namespace sluice::mapping;

std::vector<Column> columns_of_each_kind() {
  std::vector<Column> columns;
  const auto add = [&](Encoding encoding, const char* type, std::int32_t modifier = -1) -> Column& {
    Column& column = columns.emplace_back();
    column.encoding = encoding;
    column.type_name = type;
    column.modifier = modifier;
    return column;
  };
  constexpr std::int32_t header = 4, numeric_5_2 = header + (5 << 16) + 2;
  for (const auto& [encoding, type] : {std::pair{Encoding::int4, "int4"},
                                       {Encoding::int8, "int8"},
                                       {Encoding::float4, "float4"},
                                       {Encoding::float8, "float8"},
                                       {Encoding::numeric, "numeric"},
                                       {Encoding::boolean, "bool"},
                                       {Encoding::bytea, "bytea"},
                                       {Encoding::json, "json"},
                                       {Encoding::jsonb, "jsonb"},
                                       {Encoding::date, "date"},
                                       {Encoding::time, "time"},
                                       {Encoding::timestamp, "timestamp"},
                                       {Encoding::timestamptz, "timestamptz"},
                                       {Encoding::uuid, "uuid"},
                                       {Encoding::text, "text"},
                                       {Encoding::text, "char"},
                                       {Encoding::input, "interval"},
                                       {Encoding::input, "hstore"},
                                       {Encoding::input, "bit"},
                                       {Encoding::input, "varbit"},
                                       {Encoding::input, "point"},
                                       {Encoding::input, "geometry"},
                                       {Encoding::input, "money"}}) {
    add(encoding, type);
    Column& array = add(Encoding::input, type);
    array.array = true;
    array.element = encoding;
  }
  add(Encoding::numeric, "numeric", numeric_5_2);
  add(Encoding::timestamp, "timestamp", 2);
  add(Encoding::text, "varchar", header + 3);
  add(Encoding::input, "pair").fields = {columns[0], columns[9]};
  columns.back().fields[0].name = "a", columns.back().fields[1].name = "b";
  return columns;
}

void encode_for_each_kind(const Value& value, bool text_is_json, std::uint8_t choice) {
  static const std::vector<Column> columns = columns_of_each_kind();
  static Encoder encoder;
  static constexpr std::array ranges = {RangePolicy::reject, RangePolicy::null, RangePolicy::clamp};
  ValuePolicies policies;
  policies.out_of_range = ranges[choice % ranges.size()];
  policies.time_unit = choice & 0x10 ? TimeUnit::automatic : TimeUnit::reject;
  policies.nul = choice & 0x20 ? NulPolicy::replace : NulPolicy::reject;
  policies.too_long = choice & 0x40 ? LengthPolicy::truncate : LengthPolicy::reject;
  for (const Column& column : columns) {
    std::string bytes;
    Cell cell;
    UsedPolicies used;
    const ValueError error = encoder.encode(column, value, text_is_json, policies, bytes, cell, used);
    if (error)
      REQUIRE(std::string_view(error.sqlstate).size() == 5);
    else
      REQUIRE(cell.length < 0 || static_cast<std::size_t>(cell.length) == bytes.size());
  }
}

// The event in the record; empty if it was refused.
std::string shown(FuzzDecoding& by, const Record& record, bool encodes) {
  if (!by.decode(record)) return {};
  std::string text = by.kind();
  for (const Image* image : {&by.event.before, &by.event.after}) {
    if (!image->present) continue;
    for (const Field& field : image->row.fields) {
      text += field.name;
      append_value_json(field.value, text);
      if (encodes)
        encode_for_each_kind(field.value, image->text_is_json, static_cast<std::uint8_t>(record.value->size()));
    }
  }
  append_value_json(by.event.source, text);
  append_value_json(by.event.transaction, text);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz_input(data, size);
  if (!input) return 0;
  Record record = fuzz_record(input->body);
  record.key = input->head;
  if (is_framed(*record.value, {}, Side::value)) return 0;  // the other fuzzers' matter
  static FuzzDecoding connect(config::Format::connect_json), debezium(config::Format::debezium),
      automatic(config::Format::automatic);
  const std::string any = shown(automatic, record, true);
  for (FuzzDecoding* one : {&connect, &debezium}) {
    const std::string strict = shown(*one, record, false);
    REQUIRE(strict.empty() || any.empty() || strict == any);
  }
  Image key;
  DecodeError error;
  if (automatic.keys.decode(record, key, error) && key.present)
    for (const Field& field : key.row.fields) encode_for_each_kind(field.value, key.text_is_json, 0);
  return 0;
}

#include "mapping/row_judge.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "mapping/encode/datetime.h"
#include "mapping/row_encoder.h"

namespace sluice::mapping {
namespace {

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

constexpr std::int64_t epoch_days = -unix_epoch_days;  // from 1970-01-01 to PostgreSQL's
constexpr std::int64_t epoch_micros = epoch_days * micros_per_day;

std::string uuid_text(std::string_view bytes) {
  std::string text;
  for (std::size_t n = 0; n < bytes.size(); ++n)
    text +=
        fmt::format("{}{:02x}", n == 4 || n == 6 || n == 8 || n == 10 ? "-" : "", static_cast<unsigned char>(bytes[n]));
  return text;
}

}  // namespace

// The digits as they were stored: sign, groups of four of them, and how many stand behind the point.
bool RowJudge::read_numeric(std::string_view bytes, Value& value) {
  const auto word = [&](std::size_t at) { return static_cast<std::uint16_t>(big_endian(bytes.substr(at, 2))); };
  const int groups = word(0), weight = static_cast<std::int16_t>(word(2)), sign = word(4);
  constexpr int negative = 0x4000, nan = 0xC000, infinity = 0xD000, negative_infinity = 0xF000;
  if (sign == nan) value = Value::real(std::numeric_limits<double>::quiet_NaN());
  if (sign == infinity) value = Value::real(std::numeric_limits<double>::infinity());
  if (sign == negative_infinity) value = Value::real(-std::numeric_limits<double>::infinity());
  if (sign >= nan) return true;
  std::string text = sign == negative ? "-" : "";
  if (groups == 0) text += '0';
  for (int n = 0; n < groups; ++n)
    text += n == 0 ? fmt::format("{}", word(8)) : fmt::format("{:04}", word(8 + 2 * static_cast<std::size_t>(n)));
  if (groups > 0) text += fmt::format("e{}", (weight - groups + 1) * 4);
  value = Value::number_text(kept_.keep(std::move(text)));
  return true;
}

bool RowJudge::read(const Column& column, std::string_view bytes, Value& value) {
  const auto number = static_cast<std::int64_t>(big_endian(bytes.substr(0, 8)));
  switch (column.encoding) {
    case Encoding::int2:
      value = Value::integer(static_cast<std::int16_t>(number));
      return true;
    case Encoding::int4:
      value = Value::integer(static_cast<std::int32_t>(number));
      return true;
    case Encoding::int8:
      value = Value::integer(number);
      return true;
    case Encoding::float4:
      value = Value::real(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(number))));
      return true;
    case Encoding::float8:
      value = Value::real(std::bit_cast<double>(number));
      return true;
    case Encoding::numeric:
      return read_numeric(bytes, value);
    case Encoding::boolean:
      value = Value::boolean(number != 0);
      return true;
    case Encoding::text:
      if (!fits_length(column, bytes)) return false;  // what the assignment changes or refuses is PostgreSQL's to judge
      // char(n) without the blanks that it is filled up with.
      if (column.type_name == "bpchar") bytes = bytes.substr(0, bytes.find_last_not_of(' ') + 1);
      value = Value::text(bytes);
      return true;
    case Encoding::uuid:
      value = Value::text(kept_.keep(uuid_text(bytes)));
      return true;
    case Encoding::date: {
      const auto days = static_cast<std::int32_t>(number);
      value = Value::temporal(days + epoch_days, TemporalUnit::date_days);
      return days != std::numeric_limits<std::int32_t>::max() && days != std::numeric_limits<std::int32_t>::min();
    }
    case Encoding::timestamp:
    case Encoding::timestamptz: {
      const bool counted = number < std::numeric_limits<std::int64_t>::max() - epoch_micros &&
                           number != std::numeric_limits<std::int64_t>::min();
      if (counted) value = Value::temporal(number + epoch_micros, TemporalUnit::timestamp_micros);
      return counted;
    }
    case Encoding::time:
      value = Value::temporal(number, TemporalUnit::time_micros);
      return true;
    default:
      value = Value::text(bytes);  // a label, or what only IS NULL asks about
      return true;
  }
}

// Fields that are left out are not known. Of a new row, `new_row`, what the event does not carry is NULL if it has no
// default.
Truth RowJudge::evaluate(const config::Route& route, const Table& table, const Subject& subject,
                         const std::vector<Cell>& cells, std::string_view arena, bool new_row) {
  fields_.clear();
  kept_.clear();
  for (const std::uint16_t index : table.condition.columns) {
    const Column& column = table.columns[index];
    const Cell& cell = cells[index];
    if (cell.length == Cell::absent) {
      if (new_row && !column.has_default && !column.generated) fields_.push_back({column.name, Value()});
    } else if (cell.length == Cell::null) {
      fields_.push_back({column.name, Value()});
    } else if (Value value; read(column, arena.substr(cell.offset, static_cast<std::size_t>(cell.length)), value)) {
      fields_.push_back({column.name, value});
    }
  }
  const Image row{.row = {fields_, no_schema}, .present = true};
  const auto truth = evaluator_.evaluate(route.where, {subject.event, row, subject.record}, true);
  return truth ? *truth : Truth::any();
}

RowVerdict RowJudge::judge(const config::Route& route, const Table& table, const Subject& subject,
                           const std::vector<Cell>& cells, std::string_view arena, bool inserts) {
  const Truth truth = evaluate(route, table, subject, cells, arena, inserts);
  if (truth.is_yes()) return RowVerdict::write;
  if (!truth.may_be_yes()) return RowVerdict::leave;
  if (inserts || evaluate(route, table, subject, cells, arena, true).may_be_yes()) return RowVerdict::check;
  return RowVerdict::check_present;
}

}  // namespace sluice::mapping

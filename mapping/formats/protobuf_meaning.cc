#include "mapping/formats/protobuf_meaning.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "mapping/formats/binary_text.h"

namespace sluice::mapping {
namespace {

constexpr std::int64_t nanos_per_second = 1'000'000'000;
constexpr std::int64_t first_second = -62'135'596'800, last_second = 253'402'300'799;  // of the years 1 to 9999
constexpr std::int64_t longest_duration = 315'576'000'000;                             // 10,000 years
constexpr std::int64_t seconds_per_day = 86'400;

// Rounds half to even, as PostgreSQL reads times, so that a column of integers has one unit.
std::int64_t micros_of(std::int64_t seconds, std::int64_t nanos) {
  const std::int64_t whole = nanos / 1000, rest = std::abs(nanos % 1000);
  const bool away = rest > 500 || (rest == 500 && whole % 2 != 0);
  return seconds * 1'000'000 + whole + (away ? (nanos < 0 ? -1 : 1) : 0);
}

// ".5" as ".500": no, three, six or nine digits, as Protobuf's JSON has them.
std::string fraction_text(std::int64_t nanos) {
  if (nanos == 0) return {};
  if (nanos % 1'000'000 == 0) return fmt::format(".{:03}", nanos / 1'000'000);
  return nanos % 1000 == 0 ? fmt::format(".{:06}", nanos / 1000) : fmt::format(".{:09}", nanos);
}

std::string clock_text(std::int64_t seconds, std::int64_t nanos) {
  return fmt::format("{:02}:{:02}:{:02}{}", seconds / 3600, seconds / 60 % 60, seconds % 60, fraction_text(nanos));
}

std::string timestamp_text(std::int64_t seconds, std::int64_t nanos) {
  using namespace std::chrono;
  const auto days = floor<std::chrono::days>(sys_seconds(std::chrono::seconds(seconds)));
  const year_month_day date{days};
  return fmt::format("{:04}-{:02}-{:02}T{}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()),
                     clock_text(seconds - days.time_since_epoch().count() * seconds_per_day, nanos));
}

bool fits_micros(std::int64_t seconds) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1'000'000 - 1;
  return seconds >= -most && seconds <= most;
}

// Beyond the years of Protobuf it is for the column to say what it holds. PostgreSQL's times end before microseconds in
// 64 bits do, but for some months, so milliseconds are enough to be out of its range.
std::optional<Value> timestamp(std::int64_t seconds, std::int64_t nanos, bool as_text, ValueArena& arena) {
  if (nanos < 0 || nanos >= nanos_per_second) return std::nullopt;
  if (!as_text) {
    if (fits_micros(seconds)) return Value::temporal(micros_of(seconds, nanos), TemporalUnit::timestamp_micros);
    std::int64_t millis = 0;
    if (__builtin_mul_overflow(seconds, 1000, &millis)) millis = std::numeric_limits<std::int64_t>::max();
    return Value::temporal(seconds < 0 ? -std::abs(millis) : millis, TemporalUnit::timestamp_millis);
  }
  if (seconds < first_second || seconds > last_second) return std::nullopt;
  return Value::text(kept(timestamp_text(seconds, nanos), arena));
}

std::optional<Value> duration(std::int64_t seconds, std::int64_t nanos, bool as_text, ValueArena& arena) {
  const bool one_sign = seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0);
  if (nanos <= -nanos_per_second || nanos >= nanos_per_second || !one_sign) return std::nullopt;
  if (!as_text && fits_micros(seconds))
    return Value::temporal(micros_of(seconds, nanos), TemporalUnit::duration_micros);
  if (seconds < -longest_duration || seconds > longest_duration) return std::nullopt;
  return Value::text(kept(
      fmt::format("{}{}{}s", seconds < 0 || nanos < 0 ? "-" : "", std::abs(seconds), fraction_text(std::abs(nanos))),
      arena));
}

std::optional<Value> date(std::int64_t year, std::int64_t month, std::int64_t day, bool as_text, ValueArena& arena) {
  using namespace std::chrono;
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  const year_month_day meant{std::chrono::year(static_cast<int>(year)),
                             std::chrono::month(static_cast<unsigned>(month)),
                             std::chrono::day(static_cast<unsigned>(day))};
  if (!meant.ok()) return std::nullopt;
  if (as_text) return Value::text(kept(fmt::format("{:04}-{:02}-{:02}", year, month, day), arena));
  return Value::temporal(sys_days(meant).time_since_epoch().count(), TemporalUnit::date_days);
}

std::optional<Value> time_of_day(std::span<const Field> fields, bool as_text, ValueArena& arena) {
  const std::int64_t hours = fields[0].value.integer(), minutes = fields[1].value.integer();
  const std::int64_t seconds = fields[2].value.integer(), nanos = fields[3].value.integer();
  const auto within = [](std::int64_t number, std::int64_t least, std::int64_t most) {
    return number >= least && number <= most;
  };
  if (!within(hours, 0, 24) || !within(minutes, 0, 59) || !within(seconds, 0, 59) ||
      !within(nanos, 0, nanos_per_second - 1))
    return std::nullopt;
  const std::int64_t count = hours * 3600 + minutes * 60 + seconds;
  if (count > seconds_per_day || (count == seconds_per_day && nanos > 0)) return std::nullopt;
  if (as_text) return Value::text(kept(clock_text(count, nanos), arena));
  return Value::temporal(micros_of(count, nanos), TemporalUnit::time_micros);
}

Value decimal(std::span<const Field> fields) {
  const std::string_view unscaled = fields[0].value.unread_json();
  constexpr std::string_view zero("\0", 1);
  return Value::decimal(unscaled.empty() ? zero : unscaled, static_cast<std::int32_t>(fields[2].value.integer()));
}

}  // namespace

Value meaningful(ProtobufMeaning meaning, std::span<Field> fields, bool as_text, ValueArena& arena) {
  std::optional<Value> made;
  switch (meaning) {
    case ProtobufMeaning::none:
    case ProtobufMeaning::envelope:
      break;
    case ProtobufMeaning::wrapper:
    case ProtobufMeaning::object:
    case ProtobufMeaning::list:
      return fields[0].value;
    case ProtobufMeaning::any_value:
      for (const Field& field : fields) {
        if (field.value.kind() != ValueKind::absent) return field.value;
      }
      return {};
    case ProtobufMeaning::decimal:
      return decimal(fields);
    case ProtobufMeaning::timestamp:
      made = timestamp(fields[0].value.integer(), fields[1].value.integer(), as_text, arena);
      break;
    case ProtobufMeaning::duration:
      made = duration(fields[0].value.integer(), fields[1].value.integer(), as_text, arena);
      break;
    case ProtobufMeaning::date:
      made = date(fields[0].value.integer(), fields[1].value.integer(), fields[2].value.integer(), as_text, arena);
      break;
    case ProtobufMeaning::time_of_day:
      made = time_of_day(fields, as_text, arena);
      break;
  }
  return made.value_or(Value::structure(fields));
}

}  // namespace sluice::mapping

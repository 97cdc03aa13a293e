#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <optional>

#include "mapping/encode/number.h"
#include "mapping/encode/structures.h"

namespace sluice::mapping {
namespace {

constexpr std::int64_t picoseconds_per_second = 1'000'000'000'000, picoseconds_per_nanosecond = 1000;

constexpr std::string_view counts[] = {
    "year",  "month", "day",    "hour", "minute", "second",  "offsetSeconds", "picoseconds",
    "nanos", "years", "months", "days", "hours",  "minutes", "seconds",
};
enum Count : unsigned {
  year,
  month,
  day,
  hour,
  minute,
  second,
  offset,
  picoseconds,
  nanos,
  years,
  months,
  days,
  hours,
  minutes,
  seconds,
};

bool whole(const Value& value, std::int64_t& number) {
  if (value.kind() == ValueKind::number_text) return !to_integer(value.digits(), number);
  if (value.kind() != ValueKind::integer) return false;
  number = value.integer();
  return true;
}

// The members by name; one that is null is not there.
class Parts {
 public:
  // False if a member is none of a time's, or not what it should be; or if nothing shows that Debezium wrote it: a
  // google.type.Date may have the same other members, and there the year 0 is none.
  bool read(std::span<const Field> members) {
    constexpr std::string_view marks[] = {"picoseconds", "precision", "specialValue"};
    bool marked = false;
    for (const Field& member : members) {
      marked = marked || std::ranges::find(marks, member.name) != std::end(marks);
      if (member.value.kind() == ValueKind::null || member.value.kind() == ValueKind::absent) continue;
      const auto* found = std::ranges::find(counts, member.name);
      if (found != std::end(counts)) {
        if (!whole(member.value, numbers_[static_cast<std::size_t>(found - counts)].emplace())) return false;
      } else if (member.name == "specialValue" || member.name == "zoneId") {
        std::string& text = member.name == "zoneId" ? zone : special;
        if (!member.value.is_text() || member.value.append_characters(text) != TextError::none) return false;
      } else if (member.name != "precision") {
        return false;
      }
    }
    return marked;
  }

  bool has(Count count) const { return numbers_[count].has_value(); }
  bool has_all(std::initializer_list<Count> of) const {
    return std::ranges::all_of(of, [&](Count count) { return has(count); });
  }
  bool has_any(std::initializer_list<Count> of) const {
    return std::ranges::any_of(of, [&](Count count) { return has(count); });
  }
  std::int64_t of(Count count) const { return numbers_[count].value_or(0); }
  bool within(std::int64_t most, std::initializer_list<Count> of_these) const {
    return std::ranges::all_of(of_these, [&](Count count) { return of(count) >= 0 && of(count) <= most; });
  }
  // Less than a second, in whichever unit it is said.
  bool fraction(std::int64_t& found) const {
    if (__builtin_mul_overflow(of(nanos), picoseconds_per_nanosecond, &found)) return false;
    if (has(picoseconds)) found = of(picoseconds);
    return found > -picoseconds_per_second && found < picoseconds_per_second;
  }

  std::string special, zone;

 private:
  std::array<std::optional<std::int64_t>, std::size(counts)> numbers_;
};

// Years beyond four digits have a sign, as ISO 8601 has it; 0 is 1 BC, but MySQL's 0000-00-00 is no day.
void append_year(const Parts& parts, std::string& out) {
  const std::int64_t number = parts.of(year);
  const bool zeros = number == 0 && parts.of(month) == 0;
  if (number > 9999 || (number < 1 && !zeros)) out.push_back(number < 0 ? '-' : '+');
  fmt::format_to(std::back_inserter(out), "{:04}", std::abs(number));
}

void append_offset(std::int64_t number, std::string& out) {
  const std::int64_t size = std::abs(number);
  fmt::format_to(std::back_inserter(out), "{}{:02}:{:02}", number < 0 ? '-' : '+', size / 3600, size / 60 % 60);
  if (size % 60 != 0) fmt::format_to(std::back_inserter(out), ":{:02}", size % 60);
}

ValueError append_infinity(const Parts& parts, std::string& out) {
  if (parts.special != "POSITIVE_INFINITY" && parts.special != "NEGATIVE_INFINITY") return value_error::datetime;
  out += parts.special == "POSITIVE_INFINITY" ? "infinity" : "-infinity";
  return {};
}

}  // namespace

ValueError append_moment_of_parts(std::span<const Field> members, std::string& out) {
  Parts parts;
  if (!parts.read(members) || parts.has_any({years, months, days, hours, minutes, seconds}))
    return value_error::datetime;
  if (!parts.special.empty()) return append_infinity(parts, out);
  const bool has_date = parts.has_any({year, month, day}), has_time = parts.has_any({hour, minute, second});
  if ((has_date && !parts.has_all({year, month, day})) || (has_time && !parts.has_all({hour, minute, second})))
    return value_error::datetime;
  if ((!has_date && !has_time) || (!has_time && parts.has_any({offset, picoseconds, nanos})))
    return value_error::datetime;
  constexpr std::int64_t two_digits = 99, longest_year = 99'999'999, day_seconds = 86400;
  std::int64_t fraction = 0;
  if (!parts.within(two_digits, {month, day, hour, minute, second}) || std::abs(parts.of(year)) > longest_year ||
      std::abs(parts.of(offset)) > day_seconds || !parts.fraction(fraction) || fraction < 0)
    return value_error::datetime_range;
  const auto to = std::back_inserter(out);
  if (has_date) {
    append_year(parts, out);
    fmt::format_to(to, "-{:02}-{:02}", parts.of(month), parts.of(day));
  }
  if (!has_time) return {};
  fmt::format_to(to, "{}{:02}:{:02}:{:02}", has_date ? " " : "", parts.of(hour), parts.of(minute), parts.of(second));
  if (fraction != 0) fmt::format_to(to, ".{:012}", fraction);
  if (parts.has(offset)) {
    append_offset(parts.of(offset), out);
  } else if (!parts.zone.empty()) {
    out += ' ' + parts.zone;
  }
  return {};
}

ValueError append_duration_of_parts(std::span<const Field> members, std::string& out) {
  Parts parts;
  if (!parts.read(members) || parts.has_any({year, month, day, hour, minute, second, offset}) || !parts.zone.empty())
    return value_error::datetime;
  if (!parts.special.empty()) return append_infinity(parts, out);
  if (!parts.has_any({years, months, days, hours, minutes, seconds, picoseconds, nanos})) return value_error::datetime;
  std::int64_t fraction = 0;
  if (!parts.fraction(fraction)) return value_error::datetime_range;
  for (const Count count : {years, months, days, hours, minutes}) {
    if (parts.of(count) != 0) fmt::format_to(std::back_inserter(out), "{} {} ", parts.of(count), counts[count]);
  }
  std::int64_t whole_seconds = parts.of(seconds);
  if (whole_seconds > 0 && fraction < 0) {  // the two may have different signs
    --whole_seconds;
    fraction += picoseconds_per_second;
  } else if (whole_seconds < 0 && fraction > 0) {
    ++whole_seconds;
    fraction -= picoseconds_per_second;
  }
  const auto bits = static_cast<std::uint64_t>(whole_seconds);
  fmt::format_to(std::back_inserter(out), "{}{}.{:012} seconds", whole_seconds < 0 || fraction < 0 ? "-" : "",
                 whole_seconds < 0 ? 0 - bits : bits, std::abs(fraction));
  return {};
}

}  // namespace sluice::mapping

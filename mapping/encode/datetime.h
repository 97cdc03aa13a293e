// Converts dates and times: ISO 8601 text and counted units to PostgreSQL's binary forms, and back to text.
//
// Units: days and microseconds since 2000-01-01, as PostgreSQL counts. A fraction finer than a microsecond is rounded
// half up. Plain functions without state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/table.h"
#include "base/value.h"
#include "mapping/value_error.h"

namespace sluice::mapping {

inline constexpr std::int64_t micros_per_day = 86'400'000'000;
inline constexpr std::int64_t unix_epoch_days = -10957;  // 1970-01-01

// A point on the calendar, a time of day, or both.
struct Moment {
  enum class Infinity : std::int8_t { none, positive, negative };

  Infinity infinity = Infinity::none;
  bool has_date = false;
  bool has_time = false;
  std::int64_t days = 0;
  std::int64_t micros = 0;           // of the day; 86400000000 for 24:00:00
  std::optional<std::int32_t> zone;  // seconds east of Greenwich, if given

  static Moment of_unix_days(std::int64_t days);
  static Moment of_unix_micros(std::int64_t micros);
  static Moment of_day_micros(std::int64_t micros);
};

// `date`, `date time` or `time`, with T or a space between, zone Z or +-hh[:mm[:ss]] (behind a date, too: Debezium's
// IsoDate; a date column ignores it), years of any length, a sign or BC, infinity and -infinity, also as Debezium
// spells them. As PostgreSQL does, it also takes 20240105, 2024/1/5, 9:05, behind a date
// 101112, zones UTC and GMT, and spaces around. 22007 if it is none of these, 22008 for a 30 February.
ValueError parse_moment(std::string_view text, Moment& moment);

// The meaning of a count of this unit. A duration is not a point in time. Of a count that is too large `moment` is far
// beyond what a column can hold.
ValueError moment_of_count(std::int64_t count, TemporalUnit unit, Moment& moment);

ValueError append_date(const Moment& moment, std::string& out);
// `precision`: the digits of a second that the column keeps, or -1; rounded half away from zero, as an assignment does.
ValueError append_time(const Moment& moment, std::string& out, int precision = -1);
// Converts to UTC, whether the column has a time zone or not; a text without a zone is UTC.
ValueError append_timestamp(const Moment& moment, std::string& out, int precision = -1);
// Moves a moment that is out of a column's range to the nearest one that the column holds. False if there is none: a 30
// February has no neighbour.
bool clamp_moment(Encoding encoding, int precision, Moment& moment);
// Applies the zone, if one is given, and removes it.
void to_utc(Moment& moment);
// ISO text that PostgreSQL's input functions read.
void append_moment_text(const Moment& moment, std::string& out);

}  // namespace sluice::mapping

// Converts dates and times: ISO 8601 text and counted units to PostgreSQL's binary forms, and back to text.
//
// Units: days and microseconds since 2000-01-01, as PostgreSQL counts. A fraction finer than a microsecond is rounded
// to the nearest, half to even, as PostgreSQL does. Plain functions without state.
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

// What a text may be: for a date or timestamp, for a time of day, or whatever it looks like.
enum class MomentShape : std::uint8_t { date_time, time, either };

// Texts as PostgreSQL reads them (datetime_reader.h), with the same SQLSTATE for what is refused; besides, the years of
// ISO 8601 with a sign, and infinities as Debezium spells them. A zone behind a date (Debezium's IsoDate) is kept; a
// date column ignores it.
ValueError parse_moment(std::string_view text, Moment& moment, MomentShape shape);

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

// Reads the fields of a date and time from a text, as PostgreSQL's input does with DateStyle ISO, MDY: the same
// texts, the same values, the same SQLSTATE for what it refuses. Only words that mean another moment each time (today),
// Julian days and zones other than UTC, GMT and numbers are not known here (22007).
//
// Plain functions without state.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "mapping/value_error.h"

namespace sluice::mapping {

struct CalendarFields {
  bool has_date = false, has_time = false;
  bool infinite = false, negative = false;  // infinity, -infinity: nothing else is said
  bool by_style = false;                    // under another DateStyle it means another day
  std::int64_t year = 0;                    // astronomical: 0 is 1 BC
  int month = 0, day = 0;                   // on the calendar; day_of_year in their place, if it is not 0
  int day_of_year = 0;
  std::int64_t micros = 0;           // of the day; more than a day's if the text says so
  std::optional<std::int32_t> zone;  // seconds east of Greenwich
};

// What a text is to be: a date, perhaps with a time; a time of day; a date behind a sign, which has a year zero and no
// BC.
enum class CalendarText : std::uint8_t { any, time_of_day, behind_sign };

ValueError read_calendar(std::string_view text, CalendarText as, CalendarFields& fields);

}  // namespace sluice::mapping

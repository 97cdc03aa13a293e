// What a period of the last day had in this instance, for the commands that tell of one.
//
// Functions of a command's thread.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "console/command.h"

namespace sluice::console {

// --since TIME, at most a day ago; `otherwise` says what holds without it.
Option since_option_of(std::string_view otherwise);
// Nothing where the option is not given; a code after fail() if it is not understood, or is too long ago.
std::expected<std::optional<WallClock::time_point>, int> since_option(Call& call, WallClock::time_point now);

Section period_result();
Section period_tables_result();
Section period_topics_result();
// What was asked for, and from when on this instance has counted.
Section period_section(const Period& period, WallClock::time_point from, WallClock::time_point to);
// `only`: the one table or topic that is shown; empty: all that had something.
Section period_tables(const Period& period, const std::string& only);
Section period_topics(const Period& period, const std::string& only);
// "2026-11-21T11:52:44Z (2h 10m)": since when, and for how long, this instance has counted what is in the period.
std::string counted_since(const Period& period, WallClock::time_point to);

}  // namespace sluice::console

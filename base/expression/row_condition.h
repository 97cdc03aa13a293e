// What an expression may be that is a condition on rows (`where`): judged by us on an event and by PostgreSQL on a row
// that is in the table, with the same answer.
//
// Pure. An expression that is refused names the character, so that it is an error when the configuration is loaded.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/expression/expression.h"

namespace sluice {

// Returns what makes it unfit: a fact of the event, a field within a column, a pattern that PostgreSQL reads otherwise.
std::optional<ExpressionError> unfit_for_rows(const Expression& expression);

// Returns the regular expression of RE2 as PostgreSQL's that matches the same texts under the collation "C", or why
// there is none that is known to.
std::expected<std::string, std::string> as_postgres_pattern(std::string_view re2);

// What a quoted literal is compared with, where that is not a text.
enum class LiteralOf : std::uint8_t { number, boolean, uuid, time_of_day, moment };

// Returns what was expected instead of a literal that is not written as both of us read it, or null.
const char* misspelt(LiteralOf kind, const std::string& literal);
// Returns true if a moment is given with its zone.
bool has_zone(const std::string& moment);

}  // namespace sluice

// Values as literals in the text of SQL. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sluice::sink {

// A text as a literal that means the same whatever standard_conforming_strings says. What a terminal does not show as
// itself is spelled out, so that what is copied from one is the text. `text` is UTF-8.
std::string quoted_literal(std::string_view text);
// A statement with literals in the place of its parameters $1, $2, …; what looks like one in a name or in a text stays.
std::string with_literals(std::string_view statement, std::span<const std::string> literals);

}  // namespace sluice::sink

// A Value as JSON text: for json columns, for nested values in text columns, and to show what was found.
//
// Lazy values are passed on as they are in the event, unchecked; others are written, times as ISO text and bytes
// as PostgreSQL's hexadecimal text. Plain functions.
#pragma once

#include <cstddef>
#include <string>

#include "base/value.h"
#include "mapping/value_error.h"

namespace sluice::mapping {

// What nested values may be as text: a short decimal may have a hundred thousand zeros.
inline constexpr std::size_t longest_nested = 256u << 20;

// Bits of a value are padded with zeros up to a length that its schema declares, if that is not longer than this.
constexpr std::int32_t longest_padded_bits = 65536;

// Returns an error only for decimals that are too large for PostgreSQL, for invalid base64, and beyond longest_nested.
ValueError append_value_json(const Value& value, std::string& out);
// Returns at most 60 bytes of it, on one line.
std::string excerpt_of(const Value& value);
// Appends the fewest digits that give the same double, or float, again; or NaN, Infinity, -Infinity.
void append_real(const Value& value, std::string& out);
// Bits as digits: `length` of them, or as few as it takes if 0.
ValueError append_bits_text(const Value& value, std::int32_t length, std::string& out);

}  // namespace sluice::mapping

// JSON text read strictly, without a copy: the one home of the service's own JSON scanner, for short and nested texts.
//
// What is read is checked to its end, except for UTF-8, which is whoever's business that received the text. Nesting
// deeper than 512 is refused. Plain functions; values are views of the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace sluice {

inline bool is_json_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// The whole of `text` is one value.
bool read_json(std::string_view text, Value& value);
// The same for an object or an array, taken apart. Names that were escaped are kept in `arena`.
bool read_json_object(std::string_view text, ValueArena& arena, std::vector<Field>& fields);
bool read_json_array(std::string_view text, std::vector<Value>& items);
// One token that is not an object or array, with nothing but white space behind it.
bool read_json_token(std::string_view token, Value& value);

// The code of an escape \uXXXX at the beginning of the text.
std::optional<unsigned> escaped_code(std::string_view text);
// The two halves of a character beyond U+FFFF, which JSON spells as two escapes.
constexpr bool is_high_surrogate(unsigned code) {
  return code >= 0xD800 && code < 0xDC00;
}
constexpr bool is_low_surrogate(unsigned code) {
  return code >= 0xDC00 && code < 0xE000;
}

// Appends the characters that the text between two quotes stands for.
TextError unescape_json(std::string_view between_quotes, std::string& out);
// True if some string in the JSON text holds \u0000.
bool json_holds_nul(std::string_view json);
// Appends `text` as a JSON string, quotes included.
void append_json_string(std::string_view text, std::string& out);

}  // namespace sluice

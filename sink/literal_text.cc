#include "sink/literal_text.h"

#include <fmt/format.h>

#include <charconv>

#include "base/printable.h"

namespace sluice::sink {
namespace {

std::size_t length_of(unsigned char first) {
  return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

std::string spelled_out(std::string_view character) {
  auto code =
      static_cast<unsigned char>(character.front()) & (character.size() == 1 ? 0x7fu : 0xffu >> (character.size() + 1));
  for (const char more : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(more) & 0x3fu);
  return code > 0xffff ? fmt::format("\\U{:08x}", code) : fmt::format("\\u{:04x}", code);
}

// Where the name or the text that begins at `at` ends. A quote in it is doubled, whatever else is escaped, so the
// second half begins another one.
std::size_t end_of_quoted(std::string_view statement, std::size_t at) {
  const auto end = statement.find(statement[at], at + 1);
  return end == statement.npos ? statement.size() : end + 1;
}

}  // namespace

std::string quoted_literal(std::string_view text) {
  const bool plain = escape(text) == text;
  std::string out = plain && text.find('\\') == text.npos ? "'" : "E'";
  for (std::size_t at = 0; at < text.size();) {
    const auto character = text.substr(at, length_of(static_cast<unsigned char>(text[at])));
    at += character.size();
    if (character == "'" || character == "\\") out += character;
    out += plain || escape(character) == character ? std::string(character) : spelled_out(character);
  }
  return out + "'";
}

std::string with_literals(std::string_view statement, std::span<const std::string> literals) {
  std::string out;
  for (std::size_t at = 0; at < statement.size();) {
    auto end = at + 1;
    if (statement[at] == '"' || statement[at] == '\'') {
      end = end_of_quoted(statement, at);
    } else if (std::size_t number = 0; statement[at] == '$') {
      const auto* digits = statement.data() + at + 1;
      const auto* last = std::from_chars(digits, statement.data() + statement.size(), number).ptr;
      if (number > 0 && number <= literals.size()) {
        out += literals[number - 1];
        at = static_cast<std::size_t>(last - statement.data());
        continue;
      }
    }
    out += statement.substr(at, end - at);
    at = end;
  }
  return out;
}

}  // namespace sluice::sink

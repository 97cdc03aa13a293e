#include "console/pasted.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "base/utf8.h"

namespace sluice::console {
namespace {

struct Range {
  char32_t first, last;
  std::string_view instead;  // what to do
};

constexpr std::string_view nothing = "delete it";
constexpr std::string_view blank = "type an ordinary blank";
constexpr std::string_view dash = "type -, before an option --";
constexpr std::string_view single_quote = "type '";
constexpr std::string_view double_quote = "type \"";

// In the order of their numbers.
constexpr Range ranges[] = {
    {0x00a0, 0x00a0, blank},        {0x00ab, 0x00ab, double_quote}, {0x00ad, 0x00ad, nothing},
    {0x00b4, 0x00b4, single_quote}, {0x00bb, 0x00bb, double_quote}, {0x1680, 0x1680, blank},
    {0x2000, 0x200a, blank},        {0x200b, 0x200f, nothing},      {0x2010, 0x2015, dash},
    {0x2018, 0x201b, single_quote}, {0x201c, 0x201f, double_quote}, {0x2028, 0x202e, nothing},
    {0x202f, 0x202f, blank},        {0x2032, 0x2032, single_quote}, {0x2033, 0x2033, double_quote},
    {0x205f, 0x205f, blank},        {0x2060, 0x2069, nothing},      {0x2212, 0x2212, dash},
    {0x3000, 0x3000, blank},        {0xfe58, 0xfe58, dash},         {0xfe63, 0xfe63, dash},
    {0xfeff, 0xfeff, nothing},
};

// A full-width form of an ASCII character.
bool is_full_width(char32_t character) {
  return character >= 0xff01 && character <= 0xff5e;
}

std::string instead_of(char32_t character) {
  if (is_full_width(character)) return fmt::format("type {}", static_cast<char>(character - 0xff01 + '!'));
  const auto found = std::ranges::find_if(
      ranges, [&](const Range& range) { return range.first <= character && character <= range.last; });
  return found == std::end(ranges) ? std::string() : std::string(found->instead);
}

}  // namespace

std::string pasted_hint(std::string_view line) {
  std::size_t number = 0;  // of the character, from 1
  for (std::string_view rest = line; !rest.empty();) {
    const Character character = first_character(rest);
    const auto one = rest.substr(0, character.bytes);
    rest.remove_prefix(character.bytes);
    ++number;
    const auto instead = character.valid ? instead_of(character.code) : std::string();
    if (instead.empty()) continue;
    const bool visible = instead != nothing && instead != blank;
    return fmt::format("; character {} of the line is {}U+{:04X}{}: {}", number,
                       visible ? fmt::format("{} (", one) : "", static_cast<std::uint32_t>(character.code),
                       visible ? ")" : "", instead);
  }
  return {};
}

}  // namespace sluice::console

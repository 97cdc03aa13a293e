#include "base/utf8.h"

#include <algorithm>
#include <array>

namespace sluice {

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  char32_t code = lead & (0x7fu >> length);
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(at) & 0x3fu);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (code < least.at(length) || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, length, true};
}

namespace {

// The bytes at the beginning of a text that could begin a character and do not; at least one.
std::size_t cut_character(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0xc2 || lead > 0xf4) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const unsigned char least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  std::size_t at = 1;
  if (at < text.size() && byte(at) >= least && byte(at) <= most) ++at;
  while (at > 1 && at < std::min(length, text.size()) && (byte(at) & 0xc0) == 0x80) ++at;
  return at;
}

}  // namespace

void append_replaced(std::string_view text, std::string& out, std::vector<std::size_t>& replaced) {
  while (!text.empty()) {
    const Character one = first_character(text);
    std::size_t bytes = one.bytes;
    if (one.valid) {
      out += text.substr(0, bytes);
    } else {
      bytes = cut_character(text);
      replaced.push_back(out.size());
      out += replacement_character;
    }
    text.remove_prefix(bytes);
  }
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace sluice

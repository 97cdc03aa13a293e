// The fuzzers' own idea of what may reach a terminal; shares no code with what they test.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

// The characters, or nothing if the text is not UTF-8.
inline std::optional<std::vector<char32_t>> decode(std::string_view text) {
  std::vector<char32_t> codes;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const int more = lead < 0x80 ? 0 : (lead >> 5) == 6 ? 1 : (lead >> 4) == 14 ? 2 : (lead >> 3) == 30 ? 3 : -1;
    if (more < 0 || at + static_cast<std::size_t>(more) >= text.size()) return std::nullopt;
    char32_t code = more == 0 ? lead : lead & (0x3fu >> more);
    for (int i = 1; i <= more; ++i) {
      const auto next = static_cast<unsigned char>(text[at + static_cast<std::size_t>(i)]);
      if ((next >> 6) != 2) return std::nullopt;
      code = code << 6 | (next & 0x3fu);
    }
    const char32_t least = more == 0 ? 0 : more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return std::nullopt;
    codes.push_back(code);
    at += static_cast<std::size_t>(more) + 1;
  }
  return codes;
}

// Control characters, bidirectional controls, and what a terminal does not show.
inline bool harmful(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff ||
         (code >= 0xe0000 && code <= 0xe007f);
}

inline bool harmless(std::string_view text, bool line_ends = false) {
  const auto codes = decode(text);
  if (!codes) return false;
  for (const char32_t code : *codes) {
    if (harmful(code) && !(line_ends && code == '\n')) return false;
  }
  return true;
}

}  // namespace sluice::fuzz

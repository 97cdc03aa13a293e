// Texts of binary formats: checked where they lie, and kept where they had to be made.
//
// Plain functions of a lane's thread; what is kept lives in the record's ValueArena.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/value.h"

namespace sluice::mapping {

// Most texts are short and ASCII: eight bytes at a time are then quicker than a call.
inline bool is_utf8(std::string_view text) {
  constexpr std::size_t short_text = 32;
  constexpr std::uint64_t high_bits = 0x8080'8080'8080'8080;
  if (text.size() > short_text) return simdjson::validate_utf8(text);
  std::uint64_t all = 0, word = 0;
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
    std::memcpy(&word, at, sizeof word);
    all |= word;
  }
  word = 0;
  std::memcpy(&word, at, left);
  return !((all | word) & high_bits) || simdjson::validate_utf8(text);
}

inline std::string_view kept(std::string_view text, ValueArena& arena) {
  const auto space = arena.allocate<char>(text.size());
  std::ranges::copy(text, space.begin());
  return {space.data(), space.size()};
}

}  // namespace sluice::mapping

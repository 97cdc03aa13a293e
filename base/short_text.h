// Looks at short texts, names of fields above all, without a call into the C library: half of what a field costs
// otherwise. Longer texts go to memcmp and memchr. Plain functions.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice {

template <class Word>
Word load_word(const char* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Two words that overlap cover every length from one word to two.
inline bool same_text(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  if (size > 16) return std::memcmp(a.data(), b.data(), size) == 0;
  if (size >= 8) {
    return load_word<std::uint64_t>(a.data()) == load_word<std::uint64_t>(b.data()) &&
           load_word<std::uint64_t>(a.data() + size - 8) == load_word<std::uint64_t>(b.data() + size - 8);
  }
  if (size >= 4) {
    return load_word<std::uint32_t>(a.data()) == load_word<std::uint32_t>(b.data()) &&
           load_word<std::uint32_t>(a.data() + size - 4) == load_word<std::uint32_t>(b.data() + size - 4);
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

// True if the text between two quotes of a JSON string holds a backslash.
inline bool holds_escape(std::string_view text) {
  const std::size_t size = text.size();
  if (size > 16) return std::memchr(text.data(), '\\', size) != nullptr;
  if (size >= 8) {
    const auto with_zero_byte = [](std::uint64_t word) {
      constexpr std::uint64_t ones = 0x0101010101010101;
      word ^= ones * '\\';
      return (word - ones) & ~word & (ones << 7);
    };
    return (with_zero_byte(load_word<std::uint64_t>(text.data())) |
            with_zero_byte(load_word<std::uint64_t>(text.data() + size - 8))) != 0;
  }
  for (const char c : text) {
    if (c == '\\') return true;
  }
  return false;
}

}  // namespace sluice

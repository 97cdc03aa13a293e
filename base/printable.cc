#include "base/printable.h"

#include <fmt/format.h>
#include <locale.h>
#include <wchar.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "base/utf8.h"

namespace sluice {
namespace {

// wcwidth() knows Unicode only under a locale of UTF-8; the thread's own is put back.
class Utf8Locale {
 public:
  Utf8Locale() : before_(uselocale(ours())) {}
  ~Utf8Locale() { uselocale(before_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  static locale_t ours() {
    static const locale_t made = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return made;  // none: the thread's locale stays, and everything beyond ASCII is spelled out
  }
  locale_t before_;
};

int columns_of(char32_t code) {
  if (code < 0x80) return code >= 0x20 && code != 0x7f ? 1 : -1;
  return wcwidth(static_cast<wchar_t>(code));
}

// What no terminal shows, although wcwidth() has a width for it: format characters, fillers, selectors, tags.
bool invisible(char32_t code) {
  struct Range {
    char32_t from, to;
  };
  static constexpr std::array ranges = {
      Range{0xad, 0xad},     Range{0x34f, 0x34f},   Range{0x600, 0x605},     Range{0x61c, 0x61c},
      Range{0x6dd, 0x6dd},   Range{0x70f, 0x70f},   Range{0x8e2, 0x8e2},     Range{0x115f, 0x1160},
      Range{0x17b4, 0x17b5}, Range{0x180b, 0x180f}, Range{0x200b, 0x200f},   Range{0x2028, 0x202e},
      Range{0x2060, 0x206f}, Range{0x3164, 0x3164}, Range{0xfe00, 0xfe0f},   Range{0xfeff, 0xfeff},
      Range{0xffa0, 0xffa0}, Range{0xfff0, 0xfffb}, Range{0x1d173, 0x1d17a}, Range{0xe0000, 0xe0fff}};
  const auto* range = std::ranges::lower_bound(ranges, code, {}, &Range::to);
  return range != ranges.end() && code >= range->from;
}

bool shown_as_itself(char32_t code) {
  if (code < 0x80) return columns_of(code) == 1;
  return columns_of(code) >= 0 && !invisible(code);
}

// Walks over the text: `put` appends its own form of a character, or leaves it to be copied.
template <class Put>
std::string transform(std::string_view text, Put put) {
  const Utf8Locale locale;
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Character one = first_character(text);
    if (!put(one, text.front(), result)) result.append(text.substr(0, one.bytes));
    text.remove_prefix(one.bytes);
  }
  return result;
}

void spell_byte(char byte, std::string& to) {
  fmt::format_to(std::back_inserter(to), "\\x{:02x}", static_cast<unsigned char>(byte));
}

void spell(const Character& one, char byte, std::string& to) {
  if (!one.valid) return spell_byte(byte, to);
  fmt::format_to(std::back_inserter(to), "\\u{{{:x}}}", static_cast<std::uint32_t>(one.code));
}

std::string escaped(std::string_view text, bool keep_lines) {
  return transform(text, [&](const Character& one, char byte, std::string& to) {
    if (one.valid && (shown_as_itself(one.code) || (keep_lines && one.code == '\n'))) return false;
    return spell(one, byte, to), true;
  });
}

}  // namespace

std::string escape(std::string_view text) {
  return escaped(text, false);
}

std::string escape_lines(std::string_view text) {
  return escaped(text, true);
}

std::string valid_utf8(std::string_view text) {
  return transform(text, [](const Character& one, char byte, std::string& to) {
    if (!one.valid) spell_byte(byte, to);
    return !one.valid;
  });
}

std::string escape_json(std::string_view document) {
  return transform(document, [](const Character& one, char byte, std::string& to) {
    if (!one.valid) return spell_byte(byte, to), true;
    if (shown_as_itself(one.code)) return false;
    const auto code = static_cast<std::uint32_t>(one.code);
    if (code < 0x10000) return fmt::format_to(std::back_inserter(to), "\\u{:04x}", code), true;
    const std::uint32_t above = code - 0x10000;
    fmt::format_to(std::back_inserter(to), "\\u{:04x}\\u{:04x}", 0xd800 + (above >> 10), 0xdc00 + (above & 0x3ff));
    return true;
  });
}

std::string ascii(std::string_view text) {
  return transform(text, [](const Character& one, char byte, std::string& to) {
    if (one.valid && one.code < 0x80) return false;
    if (one.valid && one.code == U'…') return to += '~', true;
    return spell(one, byte, to), true;
  });
}

std::string printable(std::string_view text, std::size_t longest) {
  const Utf8Locale locale;
  std::string result;
  while (!text.empty()) {
    const Character one = first_character(text);
    const std::size_t before = result.size();
    if (!one.valid || !shown_as_itself(one.code))
      spell(one, text.front(), result);
    else
      result.append(text.substr(0, one.bytes));
    if (result.size() > longest) {
      result.resize(before);
      return result += "…";
    }
    text.remove_prefix(one.bytes);
  }
  return result;
}

int width(std::string_view text) {
  const Utf8Locale locale;
  int columns = 0;
  while (!text.empty()) {
    const Character one = first_character(text);
    columns += one.valid ? std::max(0, columns_of(one.code)) : 1;
    text.remove_prefix(one.bytes);
  }
  return columns;
}

std::string cut(std::string_view text, int columns) {
  if (columns <= 0) return {};
  const Utf8Locale locale;
  // Combining characters take no column, so there is a limit for their bytes as well.
  const std::size_t most = static_cast<std::size_t>(columns) * 16;
  std::size_t at = 0, with_ellipsis = 0;
  for (int used = 0; at < text.size();) {
    const Character one = first_character(text.substr(at));
    used += one.valid ? std::max(0, columns_of(one.code)) : 1;
    if (used > columns || at + one.bytes > most) return std::string(text.substr(0, with_ellipsis)) + "…";
    at += one.bytes;
    if (used < columns) with_ellipsis = at;
  }
  return std::string(text);
}

}  // namespace sluice

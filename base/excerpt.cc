#include "base/excerpt.h"

#include <fmt/format.h>

#include <iterator>

#include "base/printable.h"

namespace sluice {

std::string excerpt(std::string_view text) {
  constexpr std::size_t most = 60;
  std::string line;
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
    } else {
      line.push_back(c);
    }
  }
  if (text.size() > most) {
    while (!line.empty() && (line.back() & 0xC0) == 0x80) line.pop_back();
    if (!line.empty() && (line.back() & 0x80)) line.pop_back();
    line += "…";
  }
  // Bytes that are not UTF-8 could not be stored with the dead letter.
  if (valid_utf8(line) != line) {
    for (char& c : line) {
      if (c & 0x80) c = '?';
    }
  }
  return text.empty() ? "nothing" : line;
}

}  // namespace sluice

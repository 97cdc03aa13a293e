// Whether a client's terminal shows UTF-8, from what the client says of it: LC_ALL, LC_CTYPE, LANG, else TERM.
//
// A value of a channel. Without a word from the client, terminals that are known to speak UTF-8 wherever they are found
// are believed, and all others are sent ASCII: to an eight-bit terminal a byte of UTF-8 can be a control character.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace sluice::console {

class Charset {
 public:
  // Returns true if the name is one of the locale's.
  bool hear(std::string_view name, std::string_view value);
  bool utf8(std::string_view term) const;

 private:
  std::array<std::optional<bool>, 3> said_{};  // of LC_ALL, LC_CTYPE, LANG; empty values say nothing
};

}  // namespace sluice::console

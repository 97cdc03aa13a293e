// Takes a connection string of key=value pairs apart as libpq does: spaces around =, values in single quotes, backslash
// escapes. For those who check it, show it, or put a reference into it. Pure, of any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

struct ConninfoPair {
  std::string_view name;   // empty if there is none
  std::string_view value;  // as it is written, quotes included
  bool assigned = false;   // there is a =
  bool quoted = false;
  bool ended = false;  // by white space or a closing quote; what ends with the text may go on in another
};

// Takes the next pair from the front of `text`; nothing if only white space is left.
std::optional<ConninfoPair> next_pair(std::string_view& text);

// Returns what a value means, without its quotes and backslashes.
std::string unquoted(std::string_view value);

}  // namespace sluice::config

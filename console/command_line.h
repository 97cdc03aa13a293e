// A line of text, taken apart into words, options and filters.
//
//   line   = [ command { "|" filter } ]          command = word { word | option }
//   option = "--" name [ ( "=" | " " ) value ]   filter  = ( match | except ) TEXT | count | head N | last N
//
// Words may be quoted: '…' takes all as it is, "…" knows \" and \\. Pure; an error is one sentence without "error:".
// Which options take a value is the command's matter (command.h).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "admin/report/filter.h"

namespace sluice::console {

inline constexpr std::size_t line_at_most = 4096;  // bytes

struct Word {
  std::string text;
  bool quoted = false;  // so it is no option and no "|", whatever it looks like
};

struct Line {
  std::vector<Word> words;
  std::vector<report::Filter> filters;
};

std::expected<Line, std::string> parse_line(std::string_view text);

}  // namespace sluice::console

// Words for messages about settings: quoted, shortened, and the one that was probably meant.
//
// Pure functions of any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// "a \"b\"" as a TOML basic string.
std::string quoted(std::string_view text);
// One line without control characters, not longer than a person reads.
std::string printable(std::string_view text, std::size_t longest = 80);
// The candidate that was probably meant, or empty.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace sluice::config

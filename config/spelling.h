// Quotes text for messages about settings, and finds the spelling that was probably meant.
//
// Pure functions of any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// "a \"b\"" as a TOML basic string.
std::string quoted(std::string_view text);
// Returns the candidate that was probably meant, or empty.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace sluice::config

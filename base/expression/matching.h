// How PostgreSQL matches texts. Plain functions of any thread.
#pragma once

#include <string_view>

namespace re2 {
class RE2;
}

namespace sluice {

// Matches LIKE with \ as its escape: % is any text, _ any character. The pattern is well-formed.
bool matches_like(std::string_view text, std::string_view pattern);

// Finds the regular expression's first match anywhere; bytes that are not UTF-8 match nothing.
bool matches_regex(std::string_view text, const re2::RE2& pattern);

}  // namespace sluice

// How PostgreSQL matches texts and reads booleans. Plain functions of any thread.
#pragma once

#include <string_view>

namespace re2 {
class RE2;
}

namespace sluice {

// Matches LIKE with \ as its escape: % is any text, _ any character. The pattern is well-formed.
bool matches_like(std::string_view text, std::string_view pattern);

// PostgreSQL's boolean input: true, yes, on, 1 and their opposites, shortened as long as they are unique, in any case,
// with white space around. Returns false for anything else.
bool parse_sql_boolean(std::string_view text, bool& truth);

// Finds the regular expression's first match anywhere; bytes that are not UTF-8 match nothing.
bool matches_regex(std::string_view text, const re2::RE2& pattern);

}  // namespace sluice

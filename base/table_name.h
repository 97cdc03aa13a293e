// The name of a table in two parts, and its spellings: in one text, `public.orders`, `orders`, `public."a.b"`, and in
// SQL, where every part is quoted.
//
// Pure. Parts are names as in the catalogue; a part that holds a dot or a quote is quoted in the text, so that the text
// can be taken apart again.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

struct TableName {
  std::string schema;  // empty: found by the search path
  std::string table;

  std::string text() const;
  std::string sql() const;
  // An unquoted first part ends at the first dot.
  static TableName parse(std::string_view text);
};

// An SQL identifier, quoted always.
std::string quoted(std::string_view name);

// PostgreSQL cuts longer names silently.
inline constexpr std::size_t longest_identifier = 63;

}  // namespace sluice

// The reason why a value does not fit its column: two static texts, so that the hot path returns it in registers.
//
// Converts to true if the value is refused. The mapper adds the path of the value and what was found there. `detail` is
// empty when "expected the column's type" says it all.
#pragma once

#include "base/value.h"

namespace sluice::mapping {

struct ValueError {
  const char* sqlstate = nullptr;
  const char* detail = "";

  explicit operator bool() const { return sqlstate != nullptr; }
};

namespace value_error {
inline constexpr ValueError text{"22P02"};
inline constexpr ValueError range{"22003", "out of range"};
inline constexpr ValueError datetime{"22007"};
inline constexpr ValueError datetime_range{"22008", "out of range"};
inline constexpr ValueError zone_range{"22009", "a time zone of 16 hours or more"};
inline constexpr ValueError no_unit{"22007", "no unit: the event carries no schema"};
inline constexpr ValueError nul{"22P05", "U+0000 cannot be stored in PostgreSQL text"};
inline constexpr ValueError not_utf8{"22021", "not UTF-8, and no policy changes a key or a version"};
inline constexpr ValueError nested{"22P02", "the nested JSON is not valid, or deeper than 512 levels"};
inline constexpr ValueError single_char{"22001", "more than the one byte of \"char\""};
inline constexpr ValueError surrogate{"22P05", "half of a surrogate pair"};
}  // namespace value_error

// Describes why a text could not be unescaped.
inline ValueError of_text(TextError error) {
  switch (error) {
    case TextError::none:
      return {};
    case TextError::nul:
      return value_error::nul;
    case TextError::surrogate:
      return value_error::surrogate;
    case TextError::malformed:
      break;
  }
  return value_error::text;
}

}  // namespace sluice::mapping

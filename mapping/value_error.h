// Why a value cannot go into its column: two static texts, so that the hot path returns it in registers.
//
// True when refused. The mapper adds the path of the value and what was found there. `detail` is empty when "expected
// the column's type" says it all.
#pragma once

#include <string_view>

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
inline constexpr ValueError no_unit{"22007", "no unit: the event carries no schema"};
inline constexpr ValueError nul{"22P05", "U+0000 cannot be stored in PostgreSQL text"};
inline constexpr ValueError surrogate{"22P05", "half of a surrogate pair"};
}  // namespace value_error

}  // namespace sluice::mapping

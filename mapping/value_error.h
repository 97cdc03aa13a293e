// Why a value cannot go into its column: two static texts, so that the hot path returns it in registers.
//
// True when refused. The mapper adds the path of the value and what was found there. `detail` is empty when
// "expected the column's type" says it all.
#pragma once

#include <string_view>

namespace sluice::mapping {

struct Refusal {
  const char* sqlstate = nullptr;
  const char* detail = "";

  explicit operator bool() const { return sqlstate != nullptr; }
};

namespace refused {
inline constexpr Refusal text{"22P02"};
inline constexpr Refusal range{"22003", "out of range"};
inline constexpr Refusal datetime{"22007"};
inline constexpr Refusal datetime_range{"22008", "out of range"};
inline constexpr Refusal no_unit{"22007", "no unit: the event carries no schema"};
inline constexpr Refusal nul{"22P05", "U+0000 cannot be stored in PostgreSQL text"};
inline constexpr Refusal surrogate{"22P05", "half of a surrogate pair"};
}  // namespace refused

}  // namespace sluice::mapping

// The bound on the values of one event: more than any has, and a bound on the memory of one that declares millions in a
// few bytes. Pure.
#pragma once

#include <cstddef>

namespace sluice::mapping {

inline constexpr std::size_t values_without_bytes = 65'536;  // those that take no bytes of the payload
inline constexpr std::size_t values_for_each_byte = 8;

inline constexpr std::size_t value_budget(std::size_t bytes) {
  return values_without_bytes + values_for_each_byte * bytes;
}

}  // namespace sluice::mapping

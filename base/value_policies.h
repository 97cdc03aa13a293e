// What a route does with a value that its column cannot hold as it is. Reject, the default of all, makes a dead letter.
//
// Plain values; the first enumerator of each is the default, and their order is that of the choices in the
// configuration.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice {

enum class NulPolicy : std::uint8_t { reject, strip, replace };
enum class Utf8Policy : std::uint8_t { reject, replace };
enum class LengthPolicy : std::uint8_t { reject, truncate };
enum class RangePolicy : std::uint8_t { reject, null, clamp };
enum class TimeUnit : std::uint8_t { reject, seconds, millis, micros, nanos, automatic };

struct ValuePolicies {
  NulPolicy nul = NulPolicy::reject;
  Utf8Policy utf8 = Utf8Policy::reject;
  LengthPolicy too_long = LengthPolicy::reject;
  RangePolicy out_of_range = RangePolicy::reject;
  TimeUnit time_unit = TimeUnit::reject;

  bool operator==(const ValuePolicies&) const = default;
  bool any() const { return *this != ValuePolicies{}; }
};

// The settings by which a value was changed, for counters.
enum class ValuePolicy : std::uint8_t { nul, utf8, too_long, out_of_range, time_unit };
inline constexpr std::array<std::string_view, 5> value_policy_names = {"nul", "utf8", "too_long", "out_of_range",
                                                                       "time_unit"};

// Which of them one value needed.
class UsedPolicies {
 public:
  void add(ValuePolicy policy) { bits_ |= 1u << static_cast<unsigned>(policy); }
  void add(UsedPolicies more) { bits_ |= more.bits_; }
  bool has(ValuePolicy policy) const { return (bits_ >> static_cast<unsigned>(policy) & 1u) != 0; }
  bool none() const { return bits_ == 0; }

 private:
  unsigned bits_ = 0;
};

}  // namespace sluice

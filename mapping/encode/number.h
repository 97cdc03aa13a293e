// Exact numbers: text to integer, text or unscaled bytes to PostgreSQL's binary numeric, never through a double.
//
// A Decimal is scratch space that is reused from value to value; only the digits that a value needs are kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mapping/value_error.h"

namespace sluice::mapping {

enum class NotFinite : std::uint8_t { none, nan, infinity, negative_infinity };

// What a text without blanks around it says, if that is no finite number: NaN, inf and Infinity in any case, the latter
// two also with a sign, as PostgreSQL reads them.
NotFinite not_finite(std::string_view text);

// Parses an integer in any notation of JSON: 12, 12.0, 1.2e1; blanks around it are none of its own.
ValueError to_integer(std::string_view text, std::int64_t& value);
// The count nearest to one of more than 64 bits.
std::int64_t nearest_count(bool negative);

class Decimal {
 public:
  static constexpr int max_integer_digits = 131072;  // PostgreSQL's bounds of an unconstrained numeric
  static constexpr int max_scale = 16383;

  // Parses a JSON number, or one that is not finite, with or without blanks around it. Returns false for anything else.
  bool parse(std::string_view text);
  // unscaled * 10^-scale, the bytes being a big-endian two's complement integer. Refused before any work if it is
  // longer than PostgreSQL's longest number, which takes some milliseconds.
  ValueError assign(std::string_view unscaled, std::int32_t scale);

  void assign(std::int64_t value);

  // Below, equal or above zero, in PostgreSQL's order of numeric: NaN equals itself and is above everything.
  int compare(const Decimal& other) const;
  double to_real() const;  // the nearest one

  // Rounds half away from zero to `scale` digits behind the point, as an assignment to numeric(p,s) does.
  void round(int scale);

  // A numeric(precision, scale) holds it, once it is rounded to that scale.
  bool fits(int precision, int scale) const;
  // Of one that does not fit: becomes the nearest number that does; false for NaN, which has none.
  bool clamp(int precision, int scale);
  // Becomes the nearest integer between the two, or the same for reals.
  bool clamp_integer(std::int64_t least, std::int64_t most);
  bool clamp_magnitude(std::string_view most);

  ValueError append_binary(std::string& out) const;
  ValueError append_text(std::string& out) const;
  ValueError to_integer(std::int64_t& value) const;

 private:
  using Special = NotFinite;

  void trim_zeros();
  bool below_zero() const { return special_ == Special::negative_infinity || (special_ == Special::none && negative_); }
  std::int64_t integer_digits() const { return static_cast<std::int64_t>(digits_.size()) + exponent_; }

  Special special_ = Special::none;
  bool negative_ = false;
  std::string digits_;         // without leading zeros; empty is zero
  std::int64_t exponent_ = 0;  // value = digits * 10^exponent
};

}  // namespace sluice::mapping

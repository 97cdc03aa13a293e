#include "mapping/encode/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>

#include "base/codec.h"
#include "base/parse.h"

namespace sluice::mapping {
namespace {

constexpr std::size_t max_unscaled_bytes = 61231;  // what (131072 + 16383) digits and a sign bit take, rounded up

}  // namespace

ValueError to_integer(std::string_view text, std::int64_t& value) {
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (at == end && error == std::errc{}) return {};
  thread_local Decimal decimal;
  return decimal.parse(text) ? decimal.to_integer(value) : value_error::text;
}

std::int64_t nearest_count(bool negative) {
  using Counts = std::numeric_limits<std::int64_t>;
  return negative ? Counts::min() : Counts::max();
}

NotFinite not_finite(std::string_view text) {
  constexpr std::size_t longest = std::string_view("+Infinity").size();
  if (text.empty() || is_digit(text.back()) || text.size() > longest) return NotFinite::none;
  const std::string word = lowered(text);
  if (word == "nan") return NotFinite::nan;
  const bool negative = word.front() == '-';
  const auto unsigned_word = std::string_view(word).substr(negative || word.front() == '+' ? 1 : 0);
  if (unsigned_word != "inf" && unsigned_word != "infinity") return NotFinite::none;
  return negative ? NotFinite::negative_infinity : NotFinite::infinity;
}

bool Decimal::parse(std::string_view text) {
  text = trimmed(text);
  special_ = not_finite(text);
  if (special_ != Special::none) return true;
  const char* at = text.data();
  const char* end = at + text.size();
  negative_ = at != end && *at == '-';
  if (negative_ || (at != end && *at == '+')) ++at;
  digits_.clear();
  exponent_ = 0;
  const char* begin = at;
  while (at != end && is_digit(*at)) ++at;
  digits_.append(begin, at);
  bool any = at != begin;
  if (at != end && *at == '.') {
    begin = ++at;
    while (at != end && is_digit(*at)) ++at;
    digits_.append(begin, at);
    exponent_ = begin - at;
    any = any || at != begin;
  }
  if (!any) return false;
  if (at != end && (*at == 'e' || *at == 'E')) {
    if (++at != end && *at == '+' && ++at != end && *at == '-') return false;
    std::int32_t exponent = 0;
    const auto [stop, error] = std::from_chars(at, end, exponent);
    if (stop != end || error == std::errc::invalid_argument) return false;
    if (error == std::errc::result_out_of_range) exponent = *at == '-' ? -2'000'000'000 : 2'000'000'000;
    exponent_ += exponent;
    at = stop;
  }
  if (at != end) return false;
  trim_zeros();
  return true;
}

ValueError Decimal::assign(std::string_view unscaled, std::int32_t scale) {
  if (unscaled.size() > max_unscaled_bytes) return value_error::range;
  special_ = Special::none;
  digits_.clear();
  append_integer_digits(unscaled, digits_);
  negative_ = digits_.front() == '-';
  if (negative_) digits_.erase(0, 1);
  exponent_ = -static_cast<std::int64_t>(scale);
  trim_zeros();
  return {};
}

void Decimal::assign(std::int64_t value) {
  parse(std::to_string(value));
}

int Decimal::compare(const Decimal& other) const {
  const auto rank = [](const Decimal& one) {
    switch (one.special_) {
      case Special::nan:
        return 3;
      case Special::infinity:
        return 2;
      case Special::negative_infinity:
        return -2;
      case Special::none:
        break;
    }
    return one.digits_.empty() ? 0 : one.negative_ ? -1 : 1;
  };
  const int mine = rank(*this), theirs = rank(other);
  if (mine != theirs || mine == 0 || mine > 1 || mine < -1) return mine < theirs ? -1 : mine > theirs ? 1 : 0;
  const auto magnitude = [&] {
    if (integer_digits() != other.integer_digits()) return integer_digits() < other.integer_digits() ? -1 : 1;
    const std::string_view a = digits_, b = other.digits_;
    const std::size_t common = std::min(a.size(), b.size());
    if (const int first = a.substr(0, common).compare(b.substr(0, common)); first != 0) return first < 0 ? -1 : 1;
    if (a.find_first_not_of('0', common) != a.npos) return 1;
    return b.find_first_not_of('0', common) != b.npos ? -1 : 0;
  };
  return negative_ ? -magnitude() : magnitude();
}

double Decimal::to_real() const {
  using Limits = std::numeric_limits<double>;
  if (special_ == Special::nan) return Limits::quiet_NaN();
  if (special_ != Special::none) return special_ == Special::infinity ? Limits::infinity() : -Limits::infinity();
  if (digits_.empty()) return 0;
  const std::string text = fmt::format("{}{}e{}", negative_ ? "-" : "", digits_, exponent_);
  double value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) value = integer_digits() > 0 ? Limits::infinity() : 0;
  return negative_ && value > 0 ? -value : value;
}

void Decimal::trim_zeros() {
  digits_.erase(0, std::min(digits_.find_first_not_of('0'), digits_.size()));
  if (digits_.empty()) {
    negative_ = false;
    exponent_ = std::min<std::int64_t>(exponent_, 0);
    exponent_ = std::max<std::int64_t>(exponent_, -max_scale);
  }
}

void Decimal::round(int scale) {
  if (special_ != Special::none || exponent_ >= -scale) return;
  const std::int64_t kept = integer_digits() + scale;
  const bool up = kept >= 0 && kept < std::ssize(digits_) && digits_[static_cast<std::size_t>(kept)] >= '5';
  digits_.resize(static_cast<std::size_t>(std::clamp<std::int64_t>(kept, 0, std::ssize(digits_))));
  exponent_ = -static_cast<std::int64_t>(scale);
  if (up) {
    auto digit = digits_.rbegin();
    for (; digit != digits_.rend() && *digit == '9'; ++digit) *digit = '0';
    if (digit == digits_.rend()) {
      digits_.insert(digits_.begin(), '1');
    } else {
      ++*digit;
    }
  }
  trim_zeros();
}

bool Decimal::fits(int precision, int scale) const {
  if (special_ != Special::none) return special_ == Special::nan;
  return digits_.empty() || integer_digits() <= precision - scale;
}

bool Decimal::clamp(int precision, int scale) {
  if (special_ == Special::nan) return false;
  negative_ = below_zero();
  special_ = Special::none;
  digits_.assign(static_cast<std::size_t>(precision), '9');
  exponent_ = -static_cast<std::int64_t>(scale);
  return true;
}

bool Decimal::clamp_integer(std::int64_t least, std::int64_t most) {
  if (special_ == Special::nan) return false;
  assign(below_zero() ? least : most);
  return true;
}

bool Decimal::clamp_magnitude(std::string_view most) {
  if (special_ == Special::nan) return false;
  const bool negative = below_zero();
  if (special_ == Special::none && integer_digits() <= 0) {
    parse("0");
  } else {
    parse(most);
    negative_ = negative;
  }
  return true;
}

ValueError Decimal::append_binary(std::string& out) const {
  constexpr std::uint16_t negative = 0x4000, nan = 0xC000, infinity = 0xD000, negative_infinity = 0xF000;
  const auto header = [&](std::size_t groups, std::int64_t weight, std::uint16_t sign, std::int64_t scale) {
    append_network(static_cast<std::uint16_t>(groups), out);
    append_network(static_cast<std::int16_t>(weight), out);
    append_network(sign, out);
    append_network(static_cast<std::uint16_t>(scale), out);
  };
  if (special_ != Special::none) {
    header(0, 0, special_ == Special::nan ? nan : special_ == Special::infinity ? infinity : negative_infinity, 0);
    return {};
  }
  const std::int64_t scale = std::max<std::int64_t>(0, -exponent_);
  if (scale > max_scale || integer_digits() > max_integer_digits) return value_error::range;
  if (digits_.empty()) {
    header(0, 0, 0, scale);
    return {};
  }
  // Groups of four digits, counted from the decimal point. The first one may begin before our first digit and the last
  // one end behind our last: `lead` and `tail` zeros fill them.
  const std::int64_t weight = (integer_digits() > 0 ? integer_digits() + 3 : integer_digits()) / 4 - 1;
  const std::int64_t lead = (weight + 1) * 4 - integer_digits();
  const auto count = static_cast<std::int64_t>(digits_.size());
  const std::int64_t groups = (lead + count + 3) / 4;
  const std::size_t start = out.size();
  header(0, weight, negative_ ? negative : 0, scale);
  std::int64_t written = 0, last = 0;
  for (std::int64_t group = 0; group < groups; ++group) {
    std::int16_t value = 0;
    for (std::int64_t place = group * 4 - lead; place < group * 4 - lead + 4; ++place) {
      const int digit_value = place >= 0 && place < count ? digits_[static_cast<std::size_t>(place)] - '0' : 0;
      value = static_cast<std::int16_t>(value * 10 + digit_value);
    }
    append_network(value, out);
    ++written;
    if (value != 0) last = written;
  }
  out.resize(start + 8 + static_cast<std::size_t>(last) * 2);  // PostgreSQL stores no trailing zero groups
  out[start] = static_cast<char>(last >> 8);
  out[start + 1] = static_cast<char>(last);
  return {};
}

ValueError Decimal::append_text(std::string& out) const {
  switch (special_) {
    case Special::nan:
      out += "NaN";
      return {};
    case Special::infinity:
      out += "Infinity";
      return {};
    case Special::negative_infinity:
      out += "-Infinity";
      return {};
    case Special::none:
      break;
  }
  const std::int64_t scale = std::max<std::int64_t>(0, -exponent_);
  if (scale > max_scale || integer_digits() > max_integer_digits) return value_error::range;
  if (negative_) out.push_back('-');
  if (integer_digits() > 0) {
    out.append(digits_, 0, static_cast<std::size_t>(std::min<std::int64_t>(integer_digits(), std::ssize(digits_))));
    if (exponent_ > 0) out.append(static_cast<std::size_t>(exponent_), '0');
  } else {
    out.push_back('0');
  }
  if (scale > 0) {
    out.push_back('.');
    const std::int64_t fraction = std::min(scale, static_cast<std::int64_t>(digits_.size()));
    out.append(static_cast<std::size_t>(scale - fraction), '0');
    out.append(digits_, digits_.size() - static_cast<std::size_t>(fraction));
  }
  return {};
}

ValueError Decimal::to_integer(std::int64_t& value) const {
  if (special_ != Special::none) return value_error::range;
  if (digits_.empty()) {
    value = 0;
    return {};
  }
  if (integer_digits() > 19) return value_error::range;
  std::string text = negative_ ? "-" : "";
  const std::int64_t kept = std::min<std::int64_t>(integer_digits(), std::ssize(digits_));
  if (kept < 0 || digits_.find_first_not_of('0', static_cast<std::size_t>(kept)) != digits_.npos) {
    return {"22P02", "not a whole number"};
  }
  text.append(digits_, 0, static_cast<std::size_t>(kept));
  if (exponent_ > 0) text.append(static_cast<std::size_t>(exponent_), '0');
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return at == end && error == std::errc{} ? ValueError{} : value_error::range;
}

}  // namespace sluice::mapping

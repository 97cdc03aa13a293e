#include "base/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

namespace sluice {
namespace {

constexpr auto base64_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  values['-'] = 62;
  values['_'] = 63;
  return values;
}();

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool append_base64_decoded(std::string_view text, std::string& out) {
  const std::size_t padded = text.size();
  while (!text.empty() && text.back() == '=' && padded - text.size() < 2) text.remove_suffix(1);
  if (text.size() % 4 == 1 || (padded != text.size() && padded % 4 != 0)) return false;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = base64_values[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<char>(bits >> held));
    }
  }
  return (bits & ((1u << held) - 1)) == 0;  // bits that no encoder leaves behind
}

bool append_hex_decoded(std::string_view digits, std::string& out) {
  if (digits.size() % 2) return false;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_value(digits[i]), low = hex_value(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return true;
}

void append_hex(std::string_view bytes, std::string& out) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const char byte : bytes) {
    out.push_back(digits[static_cast<unsigned char>(byte) >> 4]);
    out.push_back(digits[byte & 15]);
  }
}

bool append_uuid(std::string_view text, std::string& out) {
  if (text.size() > 2 && text.front() == '{' && text.back() == '}') text = text.substr(1, text.size() - 2);
  const std::size_t begin = out.size();
  int digits = 0, high = 0;
  for (const char c : text) {
    if (c == '-' && digits % 4 == 0 && digits > 0 && digits < 32) continue;
    const int value = hex_value(c);
    if (value < 0 || digits == 32) return false;
    if (digits++ % 2 == 0) {
      high = value;
    } else {
      out.push_back(static_cast<char>(high * 16 + value));
    }
  }
  return out.size() - begin == 16 && text.back() != '-';
}

void append_integer_digits(std::string_view bytes, std::string& out) {
  if (bytes.empty()) {
    out.push_back('0');
    return;
  }
  const bool negative = static_cast<signed char>(bytes.front()) < 0;
  if (negative) out.push_back('-');
  if (bytes.size() <= 8) {
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    fmt::format_to(std::back_inserter(out), "{}", negative ? 0 - value : value);
    return;
  }
  // Magnitude in base 2^32, most significant first, then divided by 10^9 until nothing is left.
  std::vector<std::uint32_t> limbs((bytes.size() + 3) / 4, negative ? ~std::uint32_t{0} : 0);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t place = bytes.size() - 1 - i;
    std::uint32_t& limb = limbs[limbs.size() - 1 - place / 4];
    const auto shift = static_cast<unsigned>(place % 4 * 8);
    limb = (limb & ~(0xFFu << shift)) | static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << shift;
  }
  if (negative) {
    bool carry = true;
    for (auto limb = limbs.rbegin(); limb != limbs.rend(); ++limb) {
      *limb = ~*limb + (carry ? 1 : 0);
      carry = carry && *limb == 0;
    }
  }
  std::vector<std::uint32_t> groups;
  for (auto first = limbs.begin(); first != limbs.end();) {
    std::uint64_t rest = 0;
    for (auto limb = first; limb != limbs.end(); ++limb) {
      rest = rest << 32 | *limb;
      *limb = static_cast<std::uint32_t>(rest / 1'000'000'000);
      rest %= 1'000'000'000;
    }
    groups.push_back(static_cast<std::uint32_t>(rest));
    while (first != limbs.end() && *first == 0) ++first;
  }
  fmt::format_to(std::back_inserter(out), "{}", groups.back());
  for (auto group = groups.rbegin() + 1; group != groups.rend(); ++group) {
    fmt::format_to(std::back_inserter(out), "{:09}", *group);
  }
}

void append_bits(std::string_view bytes, std::size_t length, std::string& out) {
  std::size_t count = length;
  if (count == 0) {
    count = bytes.size() * 8;
    while (count > 1 && !(bytes[(count - 1) / 8] >> ((count - 1) % 8) & 1)) --count;
  }
  for (std::size_t bit = count; bit-- > 0;) {
    const bool set = bit / 8 < bytes.size() && (bytes[bit / 8] >> (bit % 8) & 1);
    out.push_back(set ? '1' : '0');
  }
}

}  // namespace sluice

#include "base/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/parse.h"

namespace sluice {
namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr auto base64_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < base64_digits.size(); ++i) {
    values[static_cast<unsigned char>(base64_digits[i])] = static_cast<std::int8_t>(i);
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

// A number in base 10^9, the least group first, without leading zero groups but for one.
using Groups = std::vector<std::uint32_t>;
constexpr std::uint64_t group_base = 1'000'000'000;
constexpr std::size_t piece = 64;  // bytes that are converted digit by digit

void trim(Groups& number) {
  while (number.size() > 1 && number.back() == 0) number.pop_back();
}

// number += other * base^shift
void add(Groups& number, const Groups& other, std::size_t shift) {
  if (number.size() < other.size() + shift + 1) number.resize(other.size() + shift + 1);
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < other.size() || carry != 0; ++i) {
    carry += number[shift + i] + std::uint64_t{i < other.size() ? other[i] : 0};
    number[shift + i] = static_cast<std::uint32_t>(carry % group_base);
    carry /= group_base;
  }
}

// number -= other, which is not larger
void subtract(Groups& number, const Groups& other) {
  std::int64_t borrow = 0;
  for (std::size_t i = 0; i < number.size(); ++i) {
    borrow += std::int64_t{number[i]} - (i < other.size() ? other[i] : 0);
    number[i] = static_cast<std::uint32_t>(borrow < 0 ? borrow + static_cast<std::int64_t>(group_base) : borrow);
    borrow = borrow < 0 ? -1 : 0;
  }
}

// Column by column, so that there is one division for each group of the product.
Groups multiply_by_digits(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  constexpr std::uint64_t full = 8 * group_base * group_base;  // one more product still fits
  Groups product(a.size() + b.size());
  std::uint64_t carry = 0;
  for (std::size_t column = 0; column < product.size(); ++column) {
    std::uint64_t sum = carry, times_full = 0;
    const std::size_t first = column < b.size() ? 0 : column - b.size() + 1;
    for (std::size_t i = first; i < std::min(column + 1, a.size()); ++i) {
      sum += std::uint64_t{a[i]} * b[column - i];
      if (sum >= full) {
        sum -= full;
        ++times_full;
      }
    }
    product[column] = static_cast<std::uint32_t>(sum % group_base);
    carry = sum / group_base + times_full * 8 * group_base;
  }
  trim(product);
  return product;
}

// Karatsuba's: three products of halves instead of four.
Groups multiply(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  constexpr std::size_t by_digits = 40;
  if (a.size() < b.size()) std::swap(a, b);
  if (b.size() <= by_digits) return multiply_by_digits(a, b);
  const std::size_t half = (a.size() + 1) / 2;
  const auto low_a = a.first(half), high_a = a.subspan(half);
  if (b.size() <= half) {
    Groups product = multiply(low_a, b);
    add(product, multiply(high_a, b), half);
    trim(product);
    return product;
  }
  const auto low_b = b.first(half), high_b = b.subspan(half);
  Groups low = multiply(low_a, low_b), high = multiply(high_a, high_b);
  Groups sum_a(low_a.begin(), low_a.end()), sum_b(low_b.begin(), low_b.end());
  add(sum_a, {high_a.begin(), high_a.end()}, 0);
  add(sum_b, {high_b.begin(), high_b.end()}, 0);
  trim(sum_a);
  trim(sum_b);
  Groups middle = multiply(sum_a, sum_b);
  subtract(middle, low);
  subtract(middle, high);
  trim(middle);
  add(low, middle, half);
  add(low, high, 2 * half);
  trim(low);
  return low;
}

// Splits the bytes where the rest is a power of two pieces, converts both and puts them together.
Groups groups_of(std::string_view bytes, std::vector<Groups>& powers) {
  if (bytes.size() <= piece) {
    Groups groups{0};
    for (const char byte : bytes) {
      std::uint64_t carry = static_cast<unsigned char>(byte);
      for (auto& group : groups) {
        carry += std::uint64_t{group} << 8;
        group = static_cast<std::uint32_t>(carry % group_base);
        carry /= group_base;
      }
      if (carry != 0) groups.push_back(static_cast<std::uint32_t>(carry));
    }
    return groups;
  }
  std::size_t low = piece, level = 0;
  for (; low * 2 < bytes.size(); low *= 2) ++level;
  if (powers.empty()) {
    std::string largest(piece, '\xff');  // one less than the power
    powers.push_back(groups_of(largest, powers));
    add(powers.back(), {1}, 0);
    trim(powers.back());
  }
  while (powers.size() <= level) powers.push_back(multiply(powers.back(), powers.back()));
  const Groups high = groups_of(bytes.substr(0, bytes.size() - low), powers);
  const Groups rest = groups_of(bytes.substr(bytes.size() - low), powers);
  Groups groups = multiply(high, powers[level]);
  add(groups, rest, 0);
  trim(groups);
  return groups;
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

void append_base64(std::string_view bytes, std::string& out) {
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = i; j < i + 3; ++j)
      group = group << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) out += j <= bytes.size() - i ? base64_digits[group >> (18 - 6 * j) & 63] : '=';
  }
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

bool append_unescaped(std::string_view text, std::string& out) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out.push_back(text[at]);
    } else if (text.substr(at + 1).starts_with('\\')) {
      out.push_back(text[++at]);
    } else if (at + 3 < text.size() && text[at + 1] <= '3' && std::ranges::all_of(text.substr(at + 1, 3), octal)) {
      out.push_back(static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0')));
      at += 3;
    } else {
      return false;
    }
  }
  return true;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size() && append_hex_decoded(text.substr(at + 1, 2), out))
      at += 2;
    else
      out.push_back(text[at]);
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool letter_or_digit = is_digit(c) || is_letter(c);
    if (letter_or_digit || std::string_view("-._~").contains(c)) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
      out.push_back(digits[c & 15]);
    }
  }
  return out;
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
  std::string magnitude(bytes);
  if (negative) {
    bool carry = true;
    for (auto byte = magnitude.rbegin(); byte != magnitude.rend(); ++byte) {
      *byte = static_cast<char>(~*byte + (carry ? 1 : 0));
      carry = carry && *byte == 0;
    }
  }
  std::vector<Groups> powers;  // of 2^(8 * piece * 2^n)
  const Groups groups = groups_of(magnitude, powers);
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

// Bytes as text and in network order. Plain functions, no state; the decoders append and say whether the text was
// valid.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

template <std::integral T>
void append_network(T value, std::string& out) {
  using Bits = std::make_unsigned_t<T>;
  auto bits = static_cast<Bits>(value);
  if constexpr (sizeof(T) == 2) bits = __builtin_bswap16(bits);
  if constexpr (sizeof(T) == 4) bits = __builtin_bswap32(bits);
  if constexpr (sizeof(T) == 8) bits = __builtin_bswap64(bits);
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&bits), sizeof bits);
}

// Base64 in the standard or the URL alphabet, padding optional.
bool append_base64_decoded(std::string_view text, std::string& out);
void append_base64(std::string_view bytes, std::string& out);  // standard alphabet, padded
bool append_hex_decoded(std::string_view digits, std::string& out);
// PostgreSQL's escape format of bytes, with \\ and \ooo in it. Returns false where a \ has another follower.
bool append_unescaped(std::string_view text, std::string& out);
void append_hex(std::string_view bytes, std::string& out);
// With the byte that %XX stands for in its place; a % that is not followed by two digits stays as it is.
std::string percent_decoded(std::string_view text);
// The reverse: every byte that RFC 3986 does not call unreserved as %XX.
std::string percent_encoded(std::string_view text);
bool append_uuid(std::string_view text, std::string& out);  // with or without dashes and braces
// The big-endian two's complement integer in the bytes, as decimal digits with a sign.
void append_integer_digits(std::string_view bytes, std::string& out);
// The little-endian integer in the bytes as binary digits: exactly `length` of them, or as few as it takes if 0.
void append_bits(std::string_view bytes, std::size_t length, std::string& out);

}  // namespace sluice

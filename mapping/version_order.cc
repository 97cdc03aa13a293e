#include "mapping/version_order.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace sluice::mapping {
namespace {

template <class T>
int order(const T& one, const T& other) {
  return one < other ? -1 : other < one ? 1 : 0;
}

double real_of(std::string_view bytes) {
  const auto bits = static_cast<std::uint64_t>(integer_of(bytes));
  return bytes.size() == 4 ? std::bit_cast<float>(static_cast<std::uint32_t>(bits)) : std::bit_cast<double>(bits);
}

// NaN equals itself and is above everything.
int order_of_reals(double one, double other) {
  if (std::isnan(one) || std::isnan(other)) return order(std::isnan(one) ? 1 : 0, std::isnan(other) ? 1 : 0);
  return order(one, other);
}

// A numeric: groups of four digits, the first of them worth 10000^weight.
struct Numeric {
  explicit Numeric(std::string_view binary) : digits(binary.substr(8)) {
    constexpr std::uint16_t negative = 0x4000, nan = 0xC000, infinity = 0xD000;
    const auto sign = static_cast<std::uint16_t>(integer_of(binary.substr(4, 2)));
    weight = integer_of(binary.substr(2, 2));
    rank = sign == nan ? 3 : sign == infinity ? 2 : sign > nan ? -2 : digits.empty() ? 0 : sign == negative ? -1 : 1;
  }
  std::string_view digits;
  std::int64_t weight = 0;
  int rank = 0;  // NaN, infinity, above zero, zero, below zero, -infinity
};

int order_of_numerics(std::string_view one, std::string_view other) {
  const Numeric a(one), b(other);
  if (a.rank != b.rank || a.rank == 0 || a.rank > 1 || a.rank < -1) return order(a.rank, b.rank);
  // No group is stored before the first or behind the last that is not zero.
  const int magnitude = a.weight != b.weight ? order(a.weight, b.weight) : a.digits.compare(b.digits);
  return a.rank > 0 ? magnitude : -magnitude;
}

}  // namespace

std::int64_t integer_of(std::string_view bytes) {
  std::uint64_t value = !bytes.empty() && (bytes.front() & 0x80) ? ~std::uint64_t{0} : 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(value);
}

int compare_versions(const Column& column, std::string_view one, std::string_view other) {
  switch (column.encoding) {
    case Encoding::int2:
    case Encoding::int4:
    case Encoding::int8:
    case Encoding::date:
    case Encoding::timestamp:
    case Encoding::timestamptz:
      return order(integer_of(one), integer_of(other));
    case Encoding::numeric:
      return order_of_numerics(one, other);
    case Encoding::float4:
    case Encoding::float8:
      return order_of_reals(real_of(one), real_of(other));
    default:
      return one.compare(other);
  }
}

}  // namespace sluice::mapping

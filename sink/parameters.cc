#include "sink/parameters.h"

#include <cstring>

#include "sink/oid.h"

namespace sluice::sink {
namespace {

constexpr std::size_t array_head = 20;  // dimensions, has-null flag, element type, length, lower bound

}  // namespace

void Parameters::clear() {
  recycle(buffer_);
  begins_.clear();
  lengths_.clear();
  formats_.clear();
}

void Parameters::end(std::size_t begin, int format) {
  begins_.push_back(begin);
  lengths_.push_back(static_cast<int>(buffer_.size() - begin));
  formats_.push_back(format);
}

const char* const* Parameters::values() {
  pointers_.clear();
  for (const auto begin : begins_) pointers_.push_back(buffer_.data() + begin);
  return pointers_.data();
}

void Parameters::add_text(std::string_view value) {
  const auto begin = buffer_.size();
  buffer_.append(value);
  end(begin, 0);
  buffer_.push_back('\0');  // libpq reads text as a C string
}

char* Parameters::begin_array(Oid type, std::size_t elements, std::size_t bytes, bool has_null) {
  const auto begin = buffer_.size();
  const auto size = begin + array_head + elements * 4 + bytes;
  if (size > buffer_.capacity()) buffer_.reserve(std::max(size, buffer_.capacity() * 2));
  buffer_.resize(size);
  char* at = buffer_.data() + begin;
  store_int4(at, 1);
  store_int4(at + 4, has_null ? 1 : 0);
  store_int4(at + 8, type);
  store_int4(at + 12, static_cast<std::uint32_t>(elements));
  store_int4(at + 16, 1);
  end(begin, 1);
  return at + array_head;
}

void Parameters::add_int8s(std::span<const std::int64_t> values) {
  char* at = begin_array(oid::int8, values.size(), values.size() * 8, false);
  for (const auto value : values) {
    store_int4(at, 8);
    store_int8(at + 4, static_cast<std::uint64_t>(value));
    at += 12;
  }
}

void Parameters::add_int8s(std::span<const std::optional<std::int64_t>> values, Oid type) {
  std::size_t present = 0;
  for (const auto& value : values) present += value ? 1 : 0;
  char* at = begin_array(type, values.size(), present * 8, present < values.size());
  for (const auto& value : values) {
    store_int4(at, value ? 8 : static_cast<std::uint32_t>(-1));
    at += 4;
    if (!value) continue;
    store_int8(at, static_cast<std::uint64_t>(*value));
    at += 8;
  }
}

void Parameters::add_int4s(std::span<const std::int32_t> values) {
  char* at = begin_array(oid::int4, values.size(), values.size() * 4, false);
  for (const auto value : values) {
    store_int4(at, 4);
    store_int4(at + 4, static_cast<std::uint32_t>(value));
    at += 8;
  }
}

void Parameters::add_bytes(std::span<const std::optional<std::string_view>> values, Oid type) {
  std::size_t bytes = 0;
  bool has_null = false;
  for (const auto& value : values) {
    bytes += value ? value->size() : 0;
    has_null |= !value;
  }
  char* at = begin_array(type, values.size(), bytes, has_null);
  for (const auto& value : values) {
    store_int4(at, value ? static_cast<std::uint32_t>(value->size()) : static_cast<std::uint32_t>(-1));
    at += 4;
    if (!value) continue;
    std::memcpy(at, value->data(), value->size());
    at += value->size();
  }
}

template <class CellOf>
void Parameters::add_cells(const Changes& changes, std::span<const RowChange* const> rows, CellOf cell_of, Oid type) {
  std::size_t bytes = 0;
  bool has_null = false;
  for (const auto* row : rows) {
    const auto length = cell_of(*row).length;
    bytes += length > 0 ? static_cast<std::size_t>(length) : 0;
    has_null |= length < 0;
  }
  char* at = begin_array(type, rows.size(), bytes, has_null);
  for (const auto* row : rows) {
    const Cell cell = cell_of(*row);
    const auto value = changes.bytes(cell);
    store_int4(at, static_cast<std::uint32_t>(cell.length < 0 ? -1 : cell.length));
    at += 4;
    std::memcpy(at, value.data(), value.size());
    at += value.size();
  }
}

void Parameters::add_column(const Changes& changes, std::span<const RowChange* const> rows, std::size_t column,
                            Oid type) {
  add_cells(changes, rows, [&](const RowChange& row) { return changes.row(row)[column]; }, type);
}

void Parameters::add_bonds(const Changes& changes, std::span<const RowChange* const> rows, std::size_t part, Oid type) {
  add_cells(changes, rows, [&](const RowChange& row) { return changes.bond(row, part); }, type);
}

}  // namespace sluice::sink

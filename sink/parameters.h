// The parameters of one statement, binary arrays above all, in one buffer that is reused.
//
// Belongs to a writer, used by its thread. Nothing here can fail: libpq and PostgreSQL check the sizes.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/changes.h"

namespace sluice::sink {

// PostgreSQL's binary formats are big-endian.
inline void store_int4(char* at, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) *at++ = static_cast<char>(value >> shift);
}
inline void store_int8(char* at, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) *at++ = static_cast<char>(value >> shift);
}

// Empties a buffer, and frees its memory if an unusual batch has made it large.
template <class Buffer>
void recycle(Buffer& buffer) {
  constexpr std::size_t keep = 4u << 20;
  if (buffer.capacity() * sizeof(buffer[0]) > keep) buffer = Buffer();
  buffer.clear();
}

class Parameters {
 public:
  void clear();

  void add_text(std::string_view value);  // a scalar, in text form
  void add_int8s(std::span<const std::int64_t> values);
  void add_int8s(std::span<const std::optional<std::int64_t>> values, Oid type);  // int8 or timestamptz
  void add_int4s(std::span<const std::int32_t> values);
  void add_bytes(std::span<const std::optional<std::string_view>> values, Oid type);
  // One column of the rows; an absent cell is NULL.
  void add_column(const Changes& changes, std::span<const RowChange* const> rows, std::size_t column, Oid type);
  // One part of what binds rows of children to their parents (RowChange::bond).
  void add_bonds(const Changes& changes, std::span<const RowChange* const> rows, std::size_t part, Oid type);

  int count() const { return static_cast<int>(lengths_.size()); }
  const char* const* values();  // valid until the next change
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  // Makes room for an array with elements of `bytes` in all, writes its head, returns where its elements go.
  char* begin_array(Oid type, std::size_t elements, std::size_t bytes, bool has_null);
  void end(std::size_t begin, int format);
  template <class CellOf>
  void add_cells(const Changes& changes, std::span<const RowChange* const> rows, CellOf cell_of, Oid type);

  std::string buffer_;
  std::vector<std::size_t> begins_;
  std::vector<int> lengths_, formats_;
  std::vector<const char*> pointers_;
};

}  // namespace sluice::sink

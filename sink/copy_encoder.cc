#include "sink/copy_encoder.h"

#include <cstring>

#include "sink/parameters.h"

namespace sluice::sink {
namespace {

using namespace std::string_view_literals;

constexpr auto header = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"sv;  // signature, flags, length of the extension
constexpr auto trailer = "\377\377"sv;
constexpr std::size_t chunk_bytes = 64u << 10;

}  // namespace

bool CopyEncoder::operator()(std::string& chunk) {
  const auto& columns = write_->columns;
  if (next_ == 0) chunk.append(header);
  while (next_ < write_->rows.size() && chunk.size() < chunk_bytes) {
    const Cell* cells = changes_->row(*write_->rows[next_++]);
    std::size_t bytes = 2 + 4 * columns.size();
    for (const auto column : columns) bytes += changes_->bytes(cells[column]).size();
    const auto begin = chunk.size();
    chunk.resize(begin + bytes);
    char* at = chunk.data() + begin;
    *at++ = static_cast<char>(columns.size() >> 8);
    *at++ = static_cast<char>(columns.size());
    for (const auto column : columns) {
      const auto& cell = cells[column];
      const auto value = changes_->bytes(cell);
      store_int4(at, static_cast<std::uint32_t>(cell.length < 0 ? -1 : cell.length));
      at += 4;
      std::memcpy(at, value.data(), value.size());
      at += value.size();
    }
  }
  if (next_ < write_->rows.size()) return true;
  chunk.append(trailer);
  return false;
}

}  // namespace sluice::sink

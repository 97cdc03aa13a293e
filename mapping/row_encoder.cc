#include "mapping/row_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/codec.h"
#include "base/excerpt.h"
#include "mapping/encode/value_json.h"

using std::string_view_literals::operator""sv;

namespace sluice::mapping {
namespace {

std::string_view bytes_of(const Cell& cell, std::string_view arena) {
  return arena.substr(cell.offset, static_cast<std::size_t>(std::max(cell.length, 0)));
}

// Returns true if PostgreSQL's equality of values is equality of their encoded bytes.
bool equal_as_bytes(const Column& column) {
  return column.encoding != Encoding::numeric && column.encoding != Encoding::float4 &&
         column.encoding != Encoding::float8 && column.type_name != "bpchar"sv && column.type_name != "citext"sv;
}

void append_canonical(const Column& column, std::string_view bytes, std::string& out) {
  constexpr std::size_t scale_at = 6;
  const std::size_t begin = out.size();
  if (column.type_name == "bpchar") {
    bytes = bytes.substr(0, bytes.find_last_not_of(' ') + 1);
  }
  out += bytes;
  if (column.type_name == "citext") {
    for (std::size_t at = begin; at < out.size(); ++at) {
      if (out[at] >= 'A' && out[at] <= 'Z') out[at] = static_cast<char>(out[at] - 'A' + 'a');
    }
  }
  if (column.encoding == Encoding::numeric && !column.array) {  // 1.0 and 1.00 differ in their scale only
    out[begin + scale_at] = out[begin + scale_at + 1] = 0;
  }
  const bool is_float = column.encoding == Encoding::float4 || column.encoding == Encoding::float8;
  if (is_float && static_cast<unsigned char>(out[begin]) == 0x80 &&
      out.find_first_not_of('\0', begin + 1) == out.npos) {
    out[begin] = 0;  // -0 equals 0
  }
}

}  // namespace

bool RowEncoder::encode_cell(const Column& column, const Image& image, const Field& field, std::string& arena,
                             Cell& cell, RecordError& fault) {
  const std::string_view dot = field.name.empty() ? "" : ".";
  if (cell.length != Cell::absent) {
    fault = {Stage::decode, "22032", fmt::format("{}{}{}: found twice, expected once", image.path, dot, field.name)};
    return false;
  }
  const ValueError error = encoder_.encode(column, field.value, image.text_is_json, arena, cell);
  if (!error) return true;
  fault = {
      Stage::map, error.sqlstate,
      fmt::format("{}{}{}: found {}, expected {}{}{}", image.path, dot, field.name, excerpt_of(field.value),
                  column.declared.empty() ? column.cast : column.declared, *error.detail ? " (" : "", error.detail)};
  if (*error.detail) fault.reason.push_back(')');
  return false;
}

bool RowEncoder::encode_row(TableState& table, const Image& image, std::string& arena, std::vector<Cell>& cells,
                            RecordError& fault) {
  Shape& shape = table.shape(image.row.schema, false);
  const auto& columns = table.table->columns;
  for (std::size_t n = 0; n < image.row.fields.size(); ++n) {
    const Field& field = image.row.fields[n];
    const FieldSlot& slot = table.slot(shape, n, field.name);
    if (slot.column == FieldSlot::unknown) {
      if (table.route->unknown_fields == config::UnknownFields::ignore) continue;
      fault = {Stage::map, "42703",
               fmt::format("{}.{}: found {}, expected no such field: {} has no column of that name", image.path,
                           name_excerpt(field.name), excerpt_of(field.value), table.name)};
      return false;
    }
    if (slot.column == FieldSlot::mark) continue;
    const auto at = static_cast<std::size_t>(slot.column);
    if (columns[at].generated) continue;
    if (!encode_cell(columns[at], image, field, arena, cells[at], fault)) return false;
  }
  return true;
}

bool RowEncoder::encode_key(TableState& table, const Image& image, std::string& arena, std::vector<Cell>& cells,
                            RecordError& fault) {
  const auto& columns = table.table->columns;
  const auto& key = table.table->key;
  if (image.is_scalar()) {
    if (key.size() != 1) return true;
    return encode_cell(columns[key.front()], image, image.row.fields.front(), arena, cells[key.front()], fault);
  }
  Shape& shape = table.shape(image.row.schema, true);
  for (std::size_t n = 0; n < image.row.fields.size(); ++n) {
    const Field& field = image.row.fields[n];
    const FieldSlot& slot = table.slot(shape, n, field.name);
    if (slot.column < 0 || !table.is_key(slot.column)) continue;
    const auto at = static_cast<std::size_t>(slot.column);
    if (!encode_cell(columns[at], image, field, arena, cells[at], fault)) return false;
  }
  return true;
}

bool has_key(const Table& table, const std::vector<Cell>& cells) {
  return std::ranges::all_of(table.key, [&](std::uint16_t column) { return cells[column].length >= 0; });
}

std::string_view canonical_key(const Table& table, const std::vector<Cell>& cells, std::string_view arena,
                               std::string& scratch) {
  const std::uint16_t first = table.key.front();
  if (table.key.size() == 1 && equal_as_bytes(table.columns[first])) return bytes_of(cells[first], arena);
  scratch.clear();
  for (const std::uint16_t column : table.key) {
    const std::size_t length_at = scratch.size();
    scratch.append(sizeof(std::uint32_t), '\0');
    append_canonical(table.columns[column], bytes_of(cells[column], arena), scratch);
    const auto length = static_cast<std::uint32_t>(scratch.size() - length_at - sizeof(std::uint32_t));
    std::memcpy(scratch.data() + length_at, &length, sizeof length);
  }
  return scratch;
}

std::uint64_t key_order(const Table& table, const std::vector<Cell>& cells, std::string_view arena) {
  unsigned char head[8] = {};
  std::size_t size = 0;
  for (const std::uint16_t column : table.key) {
    const std::string_view bytes = bytes_of(cells[column], arena);
    const std::size_t room = std::min(bytes.size(), sizeof head - size);
    std::memcpy(head + size, bytes.data(), room);
    const Encoding encoding = table.columns[column].encoding;
    const bool is_signed = encoding == Encoding::int2 || encoding == Encoding::int4 || encoding == Encoding::int8 ||
                           encoding == Encoding::date || encoding == Encoding::time ||
                           encoding == Encoding::timestamp || encoding == Encoding::timestamptz;
    if (is_signed && !table.columns[column].array && room > 0) head[size] ^= 0x80;
    size += room;
    if (size == sizeof head) break;
  }
  std::uint64_t order = 0;
  std::memcpy(&order, head, sizeof order);
  return __builtin_bswap64(order);
}

}  // namespace sluice::mapping

#include "mapping/row_encoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "base/codec.h"
#include "base/excerpt.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "mapping/encode/value_json.h"
#include "mapping/flattener.h"

using std::string_view_literals::operator""sv;

namespace sluice::mapping {
namespace {

std::string_view bytes_of(const Cell& cell, std::string_view arena) {
  return arena.substr(cell.offset, static_cast<std::size_t>(std::max(cell.length, 0)));
}

// Returns true if values that are equal have the same bytes.
bool has_one_form(const Column& column) {
  return column.encoding != Encoding::numeric && column.encoding != Encoding::float4 &&
         column.encoding != Encoding::float8 && column.type_name != "bpchar"sv;
}

void append_canonical(const Column& column, std::string_view bytes, std::string& out) {
  constexpr std::size_t scale_at = 6;
  const std::size_t begin = out.size();
  if (column.type_name == "bpchar" && !column.array) {
    bytes = bytes.substr(0, bytes.find_last_not_of(' ') + 1);
  }
  out += bytes;
  if (column.encoding == Encoding::numeric) {  // 1.0 and 1.00 differ in their scale only
    out[begin + scale_at] = out[begin + scale_at + 1] = 0;
  }
  const bool is_float = column.encoding == Encoding::float4 || column.encoding == Encoding::float8;
  if (is_float && static_cast<unsigned char>(out[begin]) == 0x80 &&
      out.find_first_not_of('\0', begin + 1) == out.npos) {
    out[begin] = 0;  // -0 equals 0
  }
}

// Appends bytes that are the same for all values that may be equal in a column that compares loosely.
void append_alike(const Column& column, std::string_view bytes, std::string& out) {
  if (column.type_name != "citext"sv || column.array || column.collated()) return;
  // What a letter's small form is depends on the locale, but of ASCII only I and K have one beyond it, or are one's.
  for (const char c : bytes) {
    const char small = lower(c);
    if (static_cast<unsigned char>(c) < 0x80 && small != 'i' && small != 'k') out.push_back(small);
  }
}

// NULL has a length that no value has.
template <class Append>
void append_with_length(const Cell& cell, std::string& out, Append append) {
  if (cell.length < 0) {
    out.append(sizeof(std::uint32_t), '\xff');
    return;
  }
  const std::size_t length_at = out.size();
  out.append(sizeof(std::uint32_t), '\0');
  append();
  const auto length = static_cast<std::uint32_t>(out.size() - length_at - sizeof(std::uint32_t));
  std::memcpy(out.data() + length_at, &length, sizeof length);
}

// The key's first eight bytes in an order that all rows of the table share.
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

// Bytes of the key that are the same exactly if the keys are equal in PostgreSQL: in `scratch` or in the arena.
std::string_view canonical_key(const Table& table, const std::vector<Cell>& cells, std::string_view arena,
                               std::string& scratch) {
  const std::uint16_t first = table.key.front();
  if (table.key.size() == 1 && has_one_form(table.columns[first]) && !table.null_keys)
    return bytes_of(cells[first], arena);
  scratch.clear();
  for (const std::uint16_t column : table.key) {
    append_with_length(cells[column], scratch,
                       [&] { append_canonical(table.columns[column], bytes_of(cells[column], arena), scratch); });
  }
  return scratch;
}

// A text that a binary format brought as it was, because the route replaces what is not UTF-8.
bool has_broken_text(const Value& value) {
  if (value.is_lazy()) return false;
  if (value.is_text()) return !simdjson::validate_utf8(value.unread_json());
  std::vector<Value> item_space;
  std::vector<Field> member_space;
  ValueArena names;
  std::span<const Value> items;
  std::span<const Field> members;
  if (value.kind() == ValueKind::array && value.items(item_space, items))
    return std::ranges::any_of(items, has_broken_text);
  return value.kind() == ValueKind::structure && value.members(member_space, names, members) &&
         std::ranges::any_of(members, [](const Field& field) {
           return !simdjson::validate_utf8(field.name) || has_broken_text(field.value);
         });
}

// Returns true if a number is right, but not for this column.
bool is_of_range(const RecordError& fault, const Value& value) {
  if (fault.sqlstate == "22003") return true;
  const ValueKind kind = value.kind();
  return fault.sqlstate == "22P02" &&
         (kind == ValueKind::number_text || kind == ValueKind::real || kind == ValueKind::decimal);
}

// Returns true if a text has as many characters as its varchar(n) takes, a number as many digits before the point.
bool fits(const Column& column, std::string_view bytes) {
  constexpr std::int32_t header = 4;
  if (column.modifier < header) return true;
  if (column.encoding == Encoding::text) return fits_length(column, bytes);
  if (column.encoding != Encoding::numeric || bytes.size() < 10) return true;
  const auto word = [&](std::size_t at) {
    return static_cast<std::int16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                     static_cast<unsigned char>(bytes[at + 1]));
  };
  const int weight = word(2), first = word(8);
  const int whole = weight < 0 ? 0 : weight * 4 + static_cast<int>(fmt::formatted_size("{}", first));
  return whole <= ((column.modifier - header) >> 16) - digits_behind_point(column);
}

// A field of the event whose column the route fills with something else.
RecordError fault_of_taken(const TableState& table, const Image& image, const Field& field) {
  const std::string column(table.column_name(field.name));
  const auto of_child = table.route->fills.find(column);
  const bool is_childs = of_child != table.route->fills.end();
  return {Stage::map, "42701",
          fmt::format(
              "{}: found a value of the column {}, which {} fills; {}", place_of(image, field), column,
              is_childs ? "columns of the route's child" : "columns.add",
              is_childs ? "give the element's field a column of another name there" : "exclude or rename the field")};
}

RecordError fault_of_value(const Column& column, const Image& image, const Field& field, const ValueError& error) {
  RecordError fault{
      Stage::map, error.sqlstate,
      fmt::format("{}: found {}, expected {}{}{}", place_of(image, field, false), excerpt_of(field.value),
                  column.declared.empty() ? column.cast : column.declared, *error.detail ? " (" : "", error.detail)};
  if (*error.detail) fault.reason.push_back(')');
  return fault;
}

}  // namespace

RecordError fault_of_second(const TableState& table, std::string_view column, const Image& image, const Field& field) {
  const std::string where = place_of(image, field);
  const auto other = std::ranges::find_if(image.row.fields, [&](const Field& earlier) {
    return &earlier < &field && table.column_name(earlier.name) == column;
  });
  if (other == image.row.fields.end() || place_of(image, *other) == where)
    return {Stage::decode, "22032", fmt::format("{}: found twice, expected once", where)};
  if (other->name == field.name)
    return {Stage::map, "42701",
            fmt::format("{}: found a second value of the column {}, which {} has become by flatten; choose another "
                        "delimiter, or exclude the object as a whole",
                        where, column, place_of(image, *other))};
  return {Stage::map, "42701",
          fmt::format("{}: found a second value of the column {}, which {} has become by columns.rename; rename or "
                      "exclude one of the two",
                      where, column, name_excerpt(other->name))};
}

ValueError RowEncoder::encode_under(const ValuePolicies& policies, const TableState& table, std::size_t column,
                                    const Value& value, bool text_is_json, std::string& arena, Cell& cell) {
  const bool mended = mended_ != nullptr && mended_->touches(value);
  if (table.is_exact(static_cast<std::int32_t>(column)) && (mended || has_broken_text(value)))
    return value_error::not_utf8;
  UsedPolicies used;
  const ValueError error =
      encoder_.encode(table.table->columns[column], value, text_is_json, policies, arena, cell, used);
  if (mended) used.add(ValuePolicy::utf8);
  if (error || used.none()) return error;
  const auto known = std::ranges::find(uses_, column, &Use::column);
  (known != uses_.end() ? *known : uses_.emplace_back(static_cast<std::uint16_t>(column))).policies.add(used);
  return {};
}

bool RowEncoder::encode_cell(const TableState& table, std::size_t at, const Image& image, const Field& field,
                             std::string& arena, Cell& cell, RecordError& fault) {
  const Column& column = table.table->columns[at];
  if (cell.length != Cell::absent) {
    fault = fault_of_second(table, column.name, image, field);
    return false;
  }
  const ValueError error = encode_value(table, at, field.value, image.text_is_json, arena, cell);
  if (!error) return true;
  fault = fault_of_value(column, image, field, error);
  return false;
}

bool RowEncoder::encode_row(TableState& table, const Image& image, std::string& arena, std::vector<Cell>& cells,
                            RecordError& fault) {
  Shape& shape = table.shape(image.row.schema, ImageOf::row);
  const auto& columns = table.table->columns;
  if (table.route->evolve != config::Evolve::none) table.set_types(image.types);
  added_before_ = lacking_.added.size();
  for (std::size_t n = 0; n < image.row.fields.size(); ++n) {
    const Field& field = image.row.fields[n];
    const FieldSlot& slot = table.slot(shape, n, field.name);
    if (slot.column == FieldSlot::unknown) {
      if (!without_column(table, image, field, fault)) return false;
      continue;
    }
    if (slot.column == FieldSlot::left_out) continue;
    if (slot.column == FieldSlot::taken) {
      if (slot.of_parent < 0) fault = fault_of_taken(table, image, field);
      if (slot.of_parent < 0 || !agrees(table, slot, image, field, arena, cells, fault)) return false;
      continue;
    }
    const bool is_narrow = slot.column <= FieldSlot::narrow;
    const auto at = static_cast<std::size_t>(is_narrow ? FieldSlot::narrow - slot.column : slot.column);
    const bool narrow = is_narrow || (infers_ && !table.is_exact(static_cast<std::int32_t>(at)));
    if (columns[at].generated) {
      overlooked_ = true;
      continue;
    }
    if (!encode_cell(table, at, image, field, arena, cells[at], fault)) {
      if (!narrow || !is_of_range(fault, field.value) || !need_wider(table, at, field, image.types.of(field.name)))
        return false;
      fault = {};
    } else if (narrow && !fits(columns[at], bytes_of(cells[at], arena))) {
      need_wider(table, at, field, image.types.of(field.name));
    }
  }
  if (!table.demanded().empty()) need_nulls(table, image, cells);
  return lacking_.empty();
}

bool RowEncoder::encode_filled(const TableState& table, std::size_t at, const Image& image, const Field& field,
                               const FieldType& type, std::string& arena, Cell& cell, RecordError& fault) {
  const Column& column = table.table->columns[at];
  const bool evolves = table.route->evolve != config::Evolve::none && (infers_ || type.kind != FieldKind::unknown) &&
                       !table.is_exact(static_cast<std::int32_t>(at));
  if (!encode_cell(table, at, image, field, arena, cell, fault)) {
    if (!evolves || !is_of_range(fault, field.value) || !need_wider(table, at, field, type)) return false;
    fault = {};
  } else if (evolves && !fits(column, bytes_of(cell, arena))) {
    need_wider(table, at, field, type);
  }
  if (evolves && column.not_null && type.optional && cell.length == Cell::null &&
      std::ranges::find(lacking_.relaxed, column.name) == lacking_.relaxed.end())
    lacking_.relaxed.push_back(column.name);
  return true;
}

bool RowEncoder::encode_key(TableState& table, const Image& image, ImageOf of, std::string& arena,
                            std::vector<Cell>& cells, RecordError& fault) {
  if (image.is_scalar()) {
    if (table.scalar_key() < 0) return true;
    const auto at = static_cast<std::size_t>(table.scalar_key());
    return encode_cell(table, at, image, image.row.fields.front(), arena, cells[at], fault);
  }
  Shape& shape = table.shape(image.row.schema, of);
  for (std::size_t n = 0; n < image.row.fields.size(); ++n) {
    const Field& field = image.row.fields[n];
    const FieldSlot& slot = table.slot(shape, n, field.name);
    if (slot.column == FieldSlot::taken) {
      fault = fault_of_taken(table, image, field);
      return false;
    }
    if (slot.column < 0 || !table.is_key(slot.column)) continue;
    const auto at = static_cast<std::size_t>(slot.column);
    if (!encode_cell(table, at, image, field, arena, cells[at], fault)) return false;
  }
  return true;
}

bool fits_length(const Column& column, std::string_view text) {
  constexpr std::int32_t header = 4;  // of the modifier
  if (column.modifier < header) return true;
  const auto most = static_cast<std::size_t>(column.modifier - header);
  return text.size() <= most || count_characters(text) <= most;
}

bool is_key_part(const Table& table, const Cell& cell) {
  return cell.length >= 0 || (table.null_keys && cell.length == Cell::null);
}

bool has_key(const Table& table, const std::vector<Cell>& cells) {
  return std::ranges::all_of(table.key, [&](std::uint16_t column) { return is_key_part(table, cells[column]); });
}

bool compares_loosely(const Column& column) {
  if (column.collated() || column.array) return true;
  return column.encoding == Encoding::json || column.encoding == Encoding::jsonb ||
         (column.encoding == Encoding::input && !column.enumeration);
}

bool equal_values(const Column& column, const Cell& one, const Cell& other, std::string_view arena) {
  if (one.length < 0 || other.length < 0) return one.length == other.length;
  if (has_one_form(column) || column.array) return bytes_of(one, arena) == bytes_of(other, arena);
  std::string first, second;
  append_canonical(column, bytes_of(one, arena), first);
  append_canonical(column, bytes_of(other, arena), second);
  return first == second;
}

std::optional<bool> RowEncoder::equal(const Column& column, const Cell& one, const Cell& other,
                                      std::string_view arena) {
  if (equal_values(column, one, other, arena)) return true;
  const bool may_be = compares_loosely(column) && column.encoding != Encoding::json;  // which has no equality
  if (one.length < 0 || other.length < 0 || !may_be) return false;
  const std::size_t text_at = column.encoding == Encoding::jsonb ? 1 : 0;  // behind the version of its binary form
  Equality values{column.cast, column.equals, column.loose_collation, std::string(bytes_of(one, arena).substr(text_at)),
                  std::string(bytes_of(other, arena).substr(text_at))};
  const auto known = equalities_.find(values);
  if (!known) {
    unknown_ = std::move(values);
    lacking_ = {};  // later
  }
  return known;
}

void append_alike_key(const Table& table, const std::vector<Cell>& cells, std::string_view arena, std::string& out) {
  for (const std::uint16_t column : table.key) {
    const Column& of = table.columns[column];
    const std::string_view bytes = bytes_of(cells[column], arena);
    append_with_length(cells[column], out, [&] {
      if (compares_loosely(of)) return append_alike(of, bytes, out);
      append_canonical(of, bytes, out);
    });
  }
}

RowKey row_key(const TableState& table, const std::vector<Cell>& cells, std::string_view arena, KeySpace& space) {
  const Table& target = *table.table;
  RowKey key;
  key.bytes = canonical_key(target, cells, arena, space.bytes);
  key.order = key_order(target, cells, arena);
  if (!table.compares_loosely()) return key;
  key.loose = true;
  space.alike.clear();
  append_alike_key(target, cells, arena, space.alike);
  key.alike = space.alike;
  return key;
}

}  // namespace sluice::mapping

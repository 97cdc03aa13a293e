#include "mapping/formats/avro_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/codec.h"
#include "mapping/formats/binary_text.h"
#include "mapping/formats/json_formats.h"
#include "mapping/formats/value_budget.h"

namespace sluice::mapping {
namespace {

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

std::string_view uuid_text(std::string_view bytes, ValueArena& arena) {
  std::string hex;
  append_hex(bytes, hex);
  for (const std::size_t dash : {8u, 13u, 18u, 23u}) hex.insert(dash, 1, '-');
  return kept(hex, arena);
}

// Months, days and milliseconds, none of which is a number of another: as ISO 8601 writes an interval.
std::string_view duration_text(std::string_view bytes, ValueArena& arena) {
  const std::uint32_t millis = little_endian(bytes, 8);
  return kept(
      fmt::format("P{}M{}DT{}.{:03}S", little_endian(bytes, 0), little_endian(bytes, 4), millis / 1000, millis % 1000),
      arena);
}

Value meaningful(const AvroNode& node, std::string_view bytes, ValueArena& arena) {
  switch (node.meaning) {
    case AvroMeaning::decimal:
      return Value::decimal(bytes, node.scale);
    case AvroMeaning::bits:
      return Value::bits(bytes, node.scale);
    case AvroMeaning::uuid:
      return Value::text(uuid_text(bytes, arena));
    case AvroMeaning::duration:
      return Value::text(duration_text(bytes, arena));
    default:
      return Value::bytes(bytes);
  }
}

// Debezium's decimal with a scale of its own.
void apply_own_scale(std::span<const Field> fields, Value& value) {
  const Value* scale = find(fields, "scale");
  const Value* unscaled = find(fields, "value");
  if (!scale || scale->kind() != ValueKind::integer || !std::in_range<std::int32_t>(scale->integer())) return;
  if (!unscaled || unscaled->kind() != ValueKind::bytes) return;
  value = Value::decimal(unscaled->unread_json(), static_cast<std::int32_t>(scale->integer()));
}

}  // namespace

bool AvroReader::read(const AvroSchema& schema, std::string_view bytes, ValueArena& arena, Value& datum,
                      bool any_text) {
  any_text_ = any_text;
  schema_ = &schema;
  root_ = schema.root;
  arena_ = &arena;
  begin_ = at_ = reinterpret_cast<const Byte*>(bytes.data());
  end_ = begin_ + bytes.size();
  budget_ = value_budget(bytes.size());
  not_utf8_ = false;
  items_.clear();
  members_.clear();
  if (!read_value(schema.root, deepest_avro, datum)) return false;
  return at_ == end_ || fail("bytes behind the datum");
}

bool AvroReader::read_number(std::int64_t& number) {
  if (at_ != end_ && *at_ < 0x80) [[likely]] {
    const std::uint64_t bits = *at_++;
    number = static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
    return true;
  }
  std::uint64_t bits = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at_ == end_) return fail("the end within a number");
    const Byte byte = *at_++;
    if (shift == 63 && byte > 1) break;
    bits |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte & 0x80) continue;
    number = static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
    return true;
  }
  return fail("a number of more than 64 bits");
}

bool AvroReader::take(std::size_t size, std::string_view& bytes) {
  if (size > static_cast<std::size_t>(end_ - at_)) return fail("a length beyond the end");
  bytes = {reinterpret_cast<const char*>(at_), size};
  at_ += size;
  return true;
}

bool AvroReader::read_length(std::string_view& bytes) {
  std::int64_t length = 0;
  if (!read_number(length)) return false;
  if (length < 0) return fail("a negative length");
  return take(static_cast<std::size_t>(length), bytes);
}

bool AvroReader::read_text(std::string_view& text) {
  if (!read_length(text)) return false;
  if (any_text_ || is_utf8(text)) return true;
  not_utf8_ = true;
  return fail("a text that is not UTF-8");
}

bool AvroReader::read_value(std::uint32_t index, int depth, Value& out) {
  const AvroNode& node = schema_->nodes[index];
  if (budget_ == 0) return fail("more values than an event may have");
  --budget_;
  std::int64_t number = 0;
  std::string_view bytes;
  switch (node.type) {
    case AvroType::null:
      out = Value();
      return true;
    case AvroType::boolean:
      if (!take(1, bytes)) return false;
      if (static_cast<Byte>(bytes.front()) > 1) return fail("a boolean that is neither 0 nor 1");
      out = Value::boolean(bytes.front() != 0);
      return true;
    case AvroType::integer:
    case AvroType::big_integer:
      if (!read_number(number)) return false;
      if (node.type == AvroType::integer && !std::in_range<std::int32_t>(number))
        return fail("an int of more than 32 bits");
      out = node.meaning == AvroMeaning::temporal ? Value::temporal(number, node.unit) : Value::integer(number);
      return true;
    case AvroType::single: {
      float single = 0;
      if (!take(sizeof single, bytes)) return false;
      std::memcpy(&single, bytes.data(), sizeof single);
      out = Value::single(single);
      return true;
    }
    case AvroType::real: {
      double real = 0;
      if (!take(sizeof real, bytes)) return false;
      std::memcpy(&real, bytes.data(), sizeof real);
      out = Value::real(real);
      return true;
    }
    case AvroType::bytes:
      if (!read_length(bytes)) return false;
      if (node.meaning == AvroMeaning::big_decimal) return read_big_decimal(bytes, out);
      out = meaningful(node, bytes, *arena_);
      return true;
    case AvroType::fixed:
      if (!take(node.size, bytes)) return false;
      out = meaningful(node, bytes, *arena_);
      return true;
    case AvroType::text:
      if (!read_text(bytes)) return false;
      out = Value::text(bytes);
      return true;
    case AvroType::enumeration:
      if (!read_number(number)) return false;
      if (number < 0 || number >= node.count) return fail("a symbol that the enum does not have");
      out = Value::text(schema_->symbols[node.first + static_cast<std::size_t>(number)]);
      return true;
    case AvroType::alternatives:
      if (!read_number(number)) return false;
      if (number < 0 || number >= node.count) return fail("an alternative that the union does not have");
      if (depth == 0) return fail("values nested too deep");
      index = schema_->parts[node.first + static_cast<std::size_t>(number)].node;
      if (depth == deepest_avro) root_ = index;
      return read_value(index, depth - 1, out);
    case AvroType::record:
    case AvroType::array:
    case AvroType::map:
      break;
  }
  if (depth == 0) return fail("values nested too deep");
  if (node.type == AvroType::record) return read_record(node, depth - 1, out);
  return node.type == AvroType::array ? read_items(node, depth - 1, out) : read_members(node, depth - 1, out);
}

// The digits, as bytes with their length, and the scale: a datum within the bytes, which end with it.
bool AvroReader::read_big_decimal(std::string_view bytes, Value& out) {
  const Byte* const behind = std::exchange(end_, at_);
  at_ -= bytes.size();
  std::string_view unscaled;
  std::int64_t scale = 0;
  if (!read_length(unscaled) || !read_number(scale)) return false;
  if (at_ != end_ || !std::in_range<std::int32_t>(scale)) return fail("bytes that are no big-decimal");
  end_ = behind;
  out = Value::decimal(unscaled, static_cast<std::int32_t>(scale));
  return true;
}

bool AvroReader::read_record(const AvroNode& node, int depth, Value& out) {
  if (node.count > budget_) return fail("more values than an event may have");
  const std::span<Field> fields = arena_->allocate<Field>(node.count);
  const auto parts = schema_->parts_of(node);
  for (std::size_t n = 0; n < fields.size(); ++n) {
    fields[n].name = parts[n].name;
    if (!read_value(parts[n].node, depth, fields[n].value)) return false;
    if (schema_->connect && is_placeholder(fields[n].value)) fields[n].value = Value::absent();
  }
  out = Value::structure(fields);
  if (node.meaning == AvroMeaning::variable_scale_decimal) apply_own_scale(fields, out);
  return true;
}

// The number of values in the next block; 0 ends them.
bool AvroReader::read_block(const AvroNode& node, std::uint32_t key_bytes, std::int64_t& count) {
  if (!read_number(count)) return false;
  if (count < 0) {
    std::int64_t size = 0;
    if (count == INT64_MIN) return fail("a count beyond the end");
    count = -count;
    if (!read_number(size)) return false;
    if (size < 0 || size > end_ - at_) return fail("a block beyond the end");
  }
  const std::uint64_t least = std::uint64_t{schema_->nodes[node.item].least} + key_bytes;
  const auto room = least > 0 ? static_cast<std::uint64_t>(end_ - at_) / least : budget_;
  return static_cast<std::uint64_t>(count) <= room || fail("a count beyond the end");
}

bool AvroReader::read_items(const AvroNode& node, int depth, Value& out) {
  const std::size_t first = items_.size();
  for (;;) {
    std::int64_t count = 0;
    if (!read_block(node, 0, count)) return false;
    if (count == 0) break;
    for (; count > 0; --count) {
      Value item;
      if (!read_value(node.item, depth, item)) return false;
      items_.push_back(item);
    }
  }
  const std::span<Value> items = arena_->allocate<Value>(items_.size() - first);
  std::copy(items_.begin() + static_cast<std::ptrdiff_t>(first), items_.end(), items.begin());
  items_.resize(first);
  out = Value::array(items);
  return true;
}

bool AvroReader::read_members(const AvroNode& node, int depth, Value& out) {
  const std::size_t first = members_.size();
  for (;;) {
    std::int64_t count = 0;
    if (!read_block(node, 1, count)) return false;
    if (count == 0) break;
    for (; count > 0; --count) {
      Field member;
      if (!read_text(member.name) || !read_value(node.item, depth, member.value)) return false;
      members_.push_back(member);
    }
  }
  const std::span<Field> members = arena_->allocate<Field>(members_.size() - first);
  std::copy(members_.begin() + static_cast<std::ptrdiff_t>(first), members_.end(), members.begin());
  members_.resize(first);
  out = Value::structure(members);
  return true;
}

}  // namespace sluice::mapping

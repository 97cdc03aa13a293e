#include "base/value.h"

#include <algorithm>

#include "base/codec.h"
#include "base/json_text.h"

namespace sluice {

void* ValueArena::take_new(std::size_t bytes) {
  if (!block_ && bytes <= block_bytes) {
    block_ = std::make_unique_for_overwrite<std::byte[]>(block_bytes);
    left_ = {block_.get(), block_bytes};
    return take(bytes);
  }
  const std::size_t size = std::max(bytes, 4 * block_bytes);
  std::byte* first = large_.emplace_back(std::make_unique_for_overwrite<std::byte[]>(size)).get();
  left_ = {first + bytes, size - bytes};
  return first;
}

Value Value::boolean(bool value) {
  Value made(ValueKind::boolean);
  made.data_ = word<std::int64_t>(value);
  return made;
}

Value Value::integer(std::int64_t value) {
  Value made(ValueKind::integer);
  made.data_ = word<std::int64_t>(value);
  return made;
}

Value Value::real(double value) {
  Value made(ValueKind::real);
  made.data_ = word(value);
  return made;
}

Value Value::single(float value) {
  Value made = real(static_cast<double>(value));
  made.extra_ = 1;
  return made;
}

Value Value::decimal(std::string_view unscaled, std::int32_t scale) {
  Value made(ValueKind::decimal, false, unscaled);
  made.extra_ = word<std::int64_t>(scale);
  return made;
}

Value Value::bits(std::string_view bytes, std::int32_t length) {
  Value made(ValueKind::bits, false, bytes);
  made.extra_ = word<std::int64_t>(length);
  return made;
}

Value Value::temporal(std::int64_t count, TemporalUnit unit) {
  Value made(ValueKind::temporal);
  made.data_ = word(count);
  made.unit_ = unit;
  return made;
}

Value Value::array(std::span<const Value> items) {
  Value made(ValueKind::array);
  made.data_ = word(items.data());
  made.size_ = static_cast<std::uint32_t>(items.size());
  return made;
}

Value Value::structure(std::span<const Field> members) {
  Value made(ValueKind::structure);
  made.data_ = word(members.data());
  made.size_ = static_cast<std::uint32_t>(members.size());
  return made;
}

TextError Value::append_characters(std::string& out) const {
  if (kind_ == ValueKind::escaped_text) return unescape_json(unread_json(), out);
  if (unread_json().find('\0') != std::string_view::npos) return TextError::nul;
  out.append(unread_json());
  return TextError::none;
}

TextError Value::unescaped(std::string& scratch, std::string_view& text) const {
  scratch.clear();
  const TextError error = unescape_json(unread_json(), scratch);
  text = scratch;
  return error;
}

bool Value::append_bytes(std::string& out) const {
  const std::string_view text = unread_json();
  if (!lazy_) {
    out += text;
    return true;
  }
  if (!std::memchr(text.data(), '\\', size_)) return append_base64_decoded(text, out);
  std::string unescaped;  // some encoders escape the slash
  return unescape_json(text, unescaped) == TextError::none && append_base64_decoded(unescaped, out);
}

bool Value::items(std::vector<Value>& scratch, std::span<const Value>& items) const {
  if (!lazy_) {
    items = {data<const Value*>(), size_};
    return true;
  }
  if (!read_json_array(unread_json(), scratch)) return false;
  if (const auto* types = std::bit_cast<const PartTypes*>(extra_)) {
    for (Value& item : scratch) types->refine({}, item);
  }
  items = scratch;
  return true;
}

bool Value::members(std::vector<Field>& scratch, ValueArena& arena, std::span<const Field>& members) const {
  if (!lazy_) {
    members = {data<const Field*>(), size_};
    return true;
  }
  if (!read_json_object(unread_json(), arena, scratch)) return false;
  if (const auto* types = std::bit_cast<const PartTypes*>(extra_)) {
    for (Field& field : scratch) types->refine(field.name, field.value);
  }
  members = scratch;
  return true;
}

const Value* find(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields) {
    if (field.name == name) return &field.value;
  }
  return nullptr;
}

}  // namespace sluice

// Plain JSON read by the service and by another parser: what one takes as an object the other takes, with the same
// names and values in the same order; what the other refuses is refused as soon as all values have been looked at.
//
// Known differences are left out: a number beyond a double, which only the other parser refuses, a U+0000, which the
// service refuses value by value, and nesting beyond what the service reads.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/formats/decoder.h"
#include "tests/fuzz/require.h"

namespace {

using namespace sluice;
using namespace sluice::mapping;

constexpr int deepest = 500;

void append_string(std::string_view characters, std::string& out) {
  out += std::to_string(characters.size()) + ':';
  out += characters;
}

void append_number(std::string digits, std::string& out) {
  out += digits == "-0" ? "0" : digits;
  out += '#';
}

// What the other parser sees, as a text in which every value is told apart.
struct Other {
  using Json = nlohmann::json;
  bool null() { return add("~"); }
  bool boolean(bool value) { return add(value ? "+" : "-"); }
  bool number_integer(Json::number_integer_t value) { return append_number(std::to_string(value), text), true; }
  bool number_unsigned(Json::number_unsigned_t value) { return append_number(std::to_string(value), text), true; }
  bool number_float(Json::number_float_t, const std::string& digits) { return append_number(digits, text), true; }
  bool string(const std::string& value) { return append(value); }
  bool binary(const Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open("{"); }
  bool key(const std::string& name) { return append(name); }
  bool end_object() { return --depth, add("}"); }
  bool start_array(std::size_t) { return open("["); }
  bool end_array() { return --depth, add("]"); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    incomparable |= error.id == 406;  // out of range
    return false;
  }

  bool add(const char* mark) { return text += mark, true; }
  bool append(std::string_view value) {
    incomparable |= value.find('\0') != value.npos;
    append_string(value, text);
    return true;
  }
  bool open(const char* mark) {
    incomparable |= ++depth > deepest;
    return add(mark);
  }

  std::string text;
  int depth = 0;
  bool incomparable = false;
};

bool append_all(std::span<const Field> fields, int depth, std::string& out);

// False if the value stands for nothing.
bool append_value(const Value& value, int depth, std::string& out) {
  std::string scratch;
  std::string_view characters;
  switch (value.kind()) {
    case ValueKind::null:
      out += '~';
      return true;
    case ValueKind::boolean:
      out += value.is_true() ? '+' : '-';
      return true;
    case ValueKind::number_text:
      append_number(std::string(value.digits()), out);
      return true;
    case ValueKind::integer:
      append_number(std::to_string(value.integer()), out);
      return true;
    case ValueKind::text:
    case ValueKind::escaped_text:
      if (value.characters(scratch, characters) != TextError::none) return false;
      append_string(characters, out);
      return true;
    case ValueKind::array: {
      std::vector<Value> unread;
      std::span<const Value> items;
      if (depth == 0 || !value.items(unread, items)) return false;
      out += '[';
      for (const Value& item : items) {
        if (!append_value(item, depth - 1, out)) return false;
      }
      out += ']';
      return true;
    }
    case ValueKind::structure: {
      std::vector<Field> unread;
      ValueArena names;
      std::span<const Field> members;
      return depth > 0 && value.members(unread, names, members) && append_all(members, depth - 1, out);
    }
    default:
      std::abort();  // a kind of value that JSON does not have
  }
}

bool append_all(std::span<const Field> fields, int depth, std::string& out) {
  out += '{';
  for (const Field& field : fields) {
    append_string(field.name, out);
    if (!append_value(field.value, depth, out)) return false;
  }
  out += '}';
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with(byte_order_mark)) input.remove_prefix(byte_order_mark.size());  // as the decoder does
  if (input.starts_with(byte_order_mark)) return 0;  // the other parser passes over one by itself
  if (input.find('\0') != input.npos) return 0;      // to the other parser the end of the text
  static JsonReader reader;
  static PaddedText padded;
  static ValueArena arena;
  std::vector<Field> fields;
  arena.clear();
  std::string ours;
  const bool taken = !reader.read(padded.assign(input), arena, fields) && append_all(fields, deepest, ours);
  Other other;
  const bool other_taken = nlohmann::json::sax_parse(input, &other) && other.text.starts_with('{');
  if (other.incomparable) return 0;
  REQUIRE(taken == other_taken);
  REQUIRE(!taken || ours == other.text);
  return 0;
}

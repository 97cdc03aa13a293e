// Debezium's envelope: {"op":…,"before":…,"after":…,"source":…}, bare or wrapped by Connect's converter.
#include <algorithm>
#include <iterator>

#include "mapping/formats/json_formats.h"

namespace sluice::mapping {
namespace {

// The placeholder for a TOASTed value that did not change: as text, and its bytes in base64 and hexadecimal digits.
constexpr std::string_view unavailable = "__debezium_unavailable_value";
constexpr std::string_view unavailable_bytes = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==";
constexpr std::string_view unavailable_digits = "5f5f646562657a69756d5f756e617661696c61626c655f76616c7565";

// What stands for it in columns of nested types, without blanks: arrays of text, of bytes, of uuid (its MD5), of
// integers or dates (its bytes as numbers), hstore, PostGIS' geometry and geography (points beyond the map).
constexpr std::string_view unavailable_nested[] = {
    R"(["__debezium_unavailable_value"])",
    R"(["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="])",
    R"(["5f5f646562657a69756d5f756e617661696c61626c655f76616c7565"])",
    R"(["b68a35a7-17ad-35b3-af2a-ae46edb4545a"])",
    "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]",
    R"({"__debezium_unavailable_value":"__debezium_unavailable_value"})",
    R"({"wkb":"AQEAACDmEAAAAAAA/IPXl8EAAAD8g9eXwQ==","srid":4326})",
    R"({"wkb":"AQEAACDmEAAADCHn/f9/ZkAYQs77/39WQA==","srid":4326})",
};

// What arrays of uuid hold, and the points, as values that are not JSON have them.
constexpr std::string_view unavailable_uuid = "b68a35a7-17ad-35b3-af2a-ae46edb4545a";
constexpr std::string_view unavailable_points[] = {
    {"\x01\x01\x00\x00\x20\xE6\x10\x00\x00\x00\x00\x00\xFC\x83\xD7\x97\xC1\x00\x00\x00\xFC\x83\xD7\x97\xC1", 25},
    {"\x01\x01\x00\x00\x20\xE6\x10\x00\x00\x0C\x21\xE7\xFD\xFF\x7F\x66\x40\x18\x42\xCE\xFB\xFF\x7F\x56\x40", 25},
};
constexpr std::int64_t unavailable_srid = 4326;

bool is_unavailable_nested(std::string_view text) {
  constexpr std::size_t longest = 256;  // with blanks
  if (text.size() > longest) return false;
  char compact[longest];
  char* end = std::copy_if(text.begin(), text.end(), compact,
                           [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  return std::ranges::find(unavailable_nested, std::string_view(compact, end)) != std::end(unavailable_nested);
}

// The same forms of values that are not JSON.
bool is_placeholder_text(std::string_view text) {
  if (text.size() < unavailable.size()) return false;  // most are
  return text == unavailable || text == unavailable_bytes || text == unavailable_digits ||
         (text.front() == '{' && is_unavailable_nested(text));  // hstore as JSON
}

bool is_placeholder_list(const Value& list) {
  std::vector<Value> unread;
  std::span<const Value> items;
  if (!list.items(unread, items)) return false;
  if (items.size() == 1) {
    const Value& item = items.front();
    return is_placeholder(item) || (item.kind() == ValueKind::text && item.unread_json() == unavailable_uuid);
  }
  return std::ranges::equal(items, unavailable, [](const Value& item, char byte) {
    const bool counts = item.kind() == ValueKind::integer || item.kind() == ValueKind::temporal;
    return counts && !item.is_lazy() && item.integer() == byte;
  });
}

bool is_placeholder_point(std::span<const Field> members) {
  const Value* bytes = find(members, "wkb");
  const Value* srid = find(members, "srid");
  return bytes && bytes->kind() == ValueKind::bytes && srid && srid->kind() == ValueKind::integer &&
         srid->integer() == unavailable_srid &&
         std::ranges::find(unavailable_points, bytes->unread_json()) != std::end(unavailable_points);
}

bool is_unavailable(const Value& value) {
  const std::string_view text = value.unread_json();
  if (!value.is_lazy()) return false;
  switch (value.kind()) {
    case ValueKind::escaped_text: {
      if (!text.starts_with("__de") && !text.starts_with("X19k") && !text.starts_with("5f5f") && text.front() != '{') {
        return false;
      }
      std::string scratch;
      std::string_view characters;
      if (value.characters(scratch, characters) != TextError::none) return false;
      return characters == unavailable || characters == unavailable_bytes || characters == unavailable_digits ||
             (characters.front() == '{' && is_unavailable_nested(characters));  // hstore as JSON
    }
    case ValueKind::array:
    case ValueKind::structure:
      return is_unavailable_nested(text);
    default:
      return false;
  }
}

bool read_image(const Payload& payload, DecodeSpace& space, const char* name, std::vector<Field>& fields, Image& image,
                DecodeError& error) {
  const bool after = &fields == &space.after;
  const char* path = after ? (payload.wrapped ? "value.payload.after" : "value.after")
                           : (payload.wrapped ? "value.payload.before" : "value.before");
  const Value* value = find(space.top, name);
  if (!value || value->kind() == ValueKind::null) {
    return after ? refuse(error, path, value ? "null" : "", "the row as an object") : true;
  }
  if (value->kind() != ValueKind::structure) return refuse(error, path, *value, "an object");
  if (const auto code = space.reader.read(value->unread_json(), space.arena, fields)) {
    return refuse(error, path, value->unread_json(), code);
  }
  mark_unavailable(fields);
  const ConnectSchema* row = payload.schema ? payload.schema->schema.field(name) : nullptr;
  if (row) {
    // Of the row before, the source may send only the key.
    if (after && !row->complete(fields, space.arena)) return refuse_defaults(error, path);
    row->apply_to_fields(fields);
  }
  image = {{fields, payload.schema ? payload.schema->id : no_schema}, path, true, true, {row}};
  return true;
}

// What the envelope says of where its change is from.
void read_blocks(std::span<const Field> fields, Event& event) {
  if (const Value* source = find(fields, "source"); source && source->kind() == ValueKind::structure)
    event.source = *source;
  if (const Value* block = find(fields, "transaction"); block && block->kind() == ValueKind::structure)
    event.transaction = *block;
}

// Sets the operation of an envelope's op; false if there is none of this name.
bool set_operation(std::string_view code, Event& event) {
  Operation& operation = event.operation;
  switch (code.size() == 1 ? code.front() : '?') {
    case 'r':
      event.is_snapshot = true;
      [[fallthrough]];
    case 'c':
      operation = Operation::write;
      return true;
    case 'u':
      operation = Operation::update;
      return true;
    case 'd':
      operation = Operation::remove;
      return true;
    case 't':
      operation = Operation::truncate;
      return true;
    case 'm':
      operation = Operation::message;
      return true;
    default:
      return false;
  }
}

// Returns true if the row existed before, so that an envelope may have it.
bool had_row(Operation operation) {
  return operation == Operation::update || operation == Operation::remove;
}

// An image whose values are ready.
bool set_image(std::span<const Field> fields, const char* name, const char* path, const RowSchema& schema, Image& image,
               DecodeError& error) {
  const bool is_after = std::string_view(name) == "after";
  const Value* value = find(fields, name);
  if (!value || value->kind() == ValueKind::null)
    return !is_after || refuse(error, path, value ? "null" : "", "the row as a record");
  if (value->kind() != ValueKind::structure) return refuse(error, path, "a value of another type", "a record");
  std::vector<Field> unread;
  ValueArena names;
  value->members(unread, names, image.row.fields);
  image.row.schema = schema.id;
  image.types = schema.types;
  image.path = path;
  image.text_is_json = image.present = true;
  return true;
}

}  // namespace

bool is_placeholder(const Value& value) {
  if (value.is_lazy()) return false;
  switch (value.kind()) {
    case ValueKind::text:
      return is_placeholder_text(value.unread_json());
    case ValueKind::bytes:
      return value.unread_json() == unavailable;
    case ValueKind::array:
      return is_placeholder_list(value);
    case ValueKind::structure: {
      std::vector<Field> unread;
      ValueArena names;
      std::span<const Field> members;
      if (!value.members(unread, names, members)) return false;
      if (members.size() == 1) return members.front().name == unavailable && is_placeholder(members.front().value);
      return members.size() == 2 && is_placeholder_point(members);
    }
    default:
      return false;
  }
}

bool read_envelope(std::span<const Field> fields, const RowSchema& schema, Event& event, DecodeError& error) {
  read_blocks(fields, event);
  const Value* op = find(fields, "op");
  const std::string_view code = op && op->is_text() ? op->unread_json() : std::string_view();
  if (!set_operation(code, event)) return refuse(error, "value.op", code, "one of c, r, u, d, t, m", "22023");
  if (writes(event.operation) && !set_image(fields, "after", "value.after", schema, event.after, error)) return false;
  return !had_row(event.operation) || set_image(fields, "before", "value.before", schema, event.before, error);
}

void mark_unavailable(std::vector<Field>& fields) {
  for (Field& field : fields) {
    const bool long_enough = field.value.unread_json().size() >= unavailable.size();  // most are not
    if (long_enough && is_unavailable(field.value)) field.value = Value::absent();
  }
}

bool is_debezium(const DecodeSpace& space) {
  const Value* op = find(space.top, "op");
  return op && op->kind() == ValueKind::escaped_text &&
         (find(space.top, "before") || find(space.top, "after") ||
          (find(space.top, "source") && find(space.top, "ts_ms")));
}

bool read_debezium(const Payload& payload, DecodeSpace& space, Event& event, DecodeError& error) {
  read_blocks(space.top, event);
  const Value& op = *find(space.top, "op");
  std::string scratch;
  std::string_view code;
  const bool readable = op.characters(scratch, code) == TextError::none;
  if (!readable || !set_operation(code, event))
    return refuse(error, payload.wrapped ? "value.payload.op" : "value.op", op, "one of c, r, u, d, t, m", "22023");
  if (writes(event.operation) && !read_image(payload, space, "after", space.after, event.after, error)) return false;
  return !had_row(event.operation) || read_image(payload, space, "before", space.before, event.before, error);
}

bool DebeziumDecoder::decode_value(std::string_view text, Event& event, DecodeError& error) {
  Payload payload;
  if (!open_payload(text, space_, schemas_, payload, error)) return false;
  if (!payload.null && passes_over_notices_ && is_notice(space_.top)) {
    event.operation = Operation::message;
    return true;
  }
  if (!payload.null && !is_debezium(space_)) return refuse(error, payload.path(), text, "a Debezium envelope");
  return read_payload(payload, space_, event, error);
}

}  // namespace sluice::mapping

// The schema that a Protobuf message was written with, compiled to plain tables: messages, their fields by number, and
// what their values mean (a time, a decimal) already decided.
//
// The one folder with libprotobuf: its parser and its descriptors make the tables, and nothing of it is left in them,
// so that no other source pays for its headers. Immutable once it is made, and then used by one lane's thread. Values
// that are read with it point into it (names of fields, symbols, defaults), so it outlives them. Messages may contain
// themselves; what is read of them is bounded by the reader. Errors say what is wrong with the schema, in one line.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/field_type.h"
#include "base/schema.h"
#include "base/value.h"

namespace sluice::mapping {

enum class ProtobufType : std::uint8_t {
  boolean,
  int32,
  int64,
  uint32,
  uint64,
  sint32,
  sint64,
  fixed32,
  fixed64,
  sfixed32,
  sfixed64,
  single,
  real,
  text,
  bytes,
  enumeration,
  message,
  group,
};

// The meaning of a message beyond its fields: of Google's well-known types, and of those that Confluent's converters
// write for Connect's.
enum class ProtobufMeaning : std::uint8_t {
  none,
  envelope,  // of Debezium
  wrapper,
  timestamp,
  duration,
  any_value,  // google.protobuf.Value
  object,     // google.protobuf.Struct
  list,       // google.protobuf.ListValue
  decimal,
  date,
  time_of_day,
};

struct ProtobufField {
  std::string name;
  std::uint32_t number = 0;
  ProtobufType type = ProtobufType::boolean;
  bool repeated = false;
  bool map = false;
  bool required = false;
  bool has_default = false;  // an unset field has this value: the schema declares it, or the field has no presence
  std::uint32_t of = 0;      // its message, or its enumeration
  std::uint32_t choice = 0;  // the oneof that it is of, counted from 1; 0: none
  Value default_number{};
  std::string default_text{};  // of a text, bytes, a symbol, a number beyond 63 bits

  Value default_value() const;
};

struct ProtobufMessage {
  ProtobufMeaning meaning = ProtobufMeaning::none;
  bool is_entry = false;  // of a map
  std::uint32_t choices = 0;
  SchemaId id = no_schema;
  std::vector<ProtobufField> fields{};  // by number
  std::uint32_t row = 0;                // of an envelope: the message of its rows
};

struct ProtobufEnumeration {
  bool closed = false;                                          // an unknown number leaves the field unset
  bool only_null = false;                                       // google.protobuf.NullValue
  std::vector<std::pair<std::int32_t, std::string>> symbols{};  // by number

  const std::string* symbol(std::int32_t number) const;
};

// A message's place in its file, for the path of indices in a frame.
struct ProtobufPlace {
  std::uint32_t message = 0;
  std::uint32_t first = 0, count = 0;  // of the messages that are declared in it
  bool counted_otherwise = false;      // there are maps or groups, which some serializers count as messages
};

enum class PathFault : std::uint8_t {
  none,
  wrong,      // it is not a path, or leads nowhere
  ambiguous,  // it leads to one message or to another, by who wrote it
};

struct ProtobufSchema final : SchemaTypes {
  std::vector<ProtobufMessage> messages;
  std::vector<ProtobufEnumeration> enumerations;
  std::vector<ProtobufPlace> places;  // first those of the file
  std::uint32_t roots = 0;
  bool connect = false;  // made by Kafka Connect, which leaves out what is null: strings in JSON columns hold JSON

  // Takes the path of a message from the front of `bytes`: a count and so many indices, each a zigzag number.
  PathFault take_path(std::string_view& bytes, std::uint32_t& message) const;
  // The message of the rows that this one brings.
  std::uint32_t row_of(std::uint32_t message) const {
    return messages[message].meaning == ProtobufMeaning::envelope ? messages[message].row : message;
  }
  FieldType type_of(std::uint32_t message, std::string_view field) const override;
  RowTypes part_of(std::uint32_t message, std::string_view field) const override;
  RowTypes items_of(std::uint32_t message, std::string_view field) const override;
};

// Compiles the schema, which is a .proto file or, in base64, a FileDescriptorProto or FileDescriptorSet; `references`
// are the files that it imports.
std::expected<ProtobufSchema, std::string> compile_protobuf(std::string_view body,
                                                            std::span<const SchemaDocument> references);

}  // namespace sluice::mapping

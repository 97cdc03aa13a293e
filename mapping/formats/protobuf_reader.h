// Reads Protobuf's binary form into Values by a compiled schema: texts and bytes point into the record.
//
// One ProtobufReader per lane; what it puts together is in the record's ValueArena. It is not libprotobuf's dynamic
// message, which takes the memory of all fields of a type for each two bytes of it. Nothing is allocated by a length
// that is only declared: values count against a budget by the record's size, and nesting ends at a fixed depth. What a
// field has that is not in the bytes, see docs/protobuf.md; what the schema does not know is skipped.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "mapping/formats/protobuf/protobuf_schema.h"
#include "mapping/formats/protobuf_cursor.h"

namespace sluice::mapping {

class ProtobufReader {
 public:
  // Reads `bytes` as one message of the schema, by its index in there. False if that is not what they are: see fault()
  // and at(). `any_text`: texts may be no UTF-8.
  bool read(const ProtobufSchema& schema, std::uint32_t message, std::string_view bytes, ValueArena& arena,
            Value& datum, bool any_text = false);

  const char* fault() const { return in_.fault(); }
  std::size_t at() const { return in_.fault_at(); }
  bool not_utf8() const { return not_utf8_; }

 private:
  // What the fields of a message become, which says what those have that are not set.
  enum class Place : std::uint8_t {
    envelope,  // of Debezium: its messages are rows
    row,       // every field is there, maybe as absent
    column,    // a message in a row: only what it has
    nested,    // deeper: times are texts, too, as JSON has them
    entry,     // of a map: key and value
    whole,     // of a message with a meaning: each field as it is
  };
  // A message, or a part of it, that is read when the message that holds it has ended: it may come in pieces.
  struct Piece {
    std::uint32_t slot;
    std::string_view bytes;
  };
  // A value of a repeated field or of a map; its name is the key there.
  struct Element {
    std::uint32_t slot;
    std::uint32_t order;  // among those of its message, once they are gathered
    Field field;
  };
  // A message that is being read.
  struct Reading;

  bool read_message(std::uint32_t index, std::string_view bytes, int depth, Place place, Value& out);
  bool read_fields(Reading& reading);
  bool read_field(Reading& reading, std::uint32_t slot, std::uint32_t wire);
  bool read_part(Reading& reading, std::uint32_t slot, std::string_view bytes);
  bool read_packed(const ProtobufField& field, std::uint32_t slot, std::string_view bytes);
  bool read_pieces(Reading& reading);
  void gather_elements(Reading& reading);
  bool complete(Reading& reading, Value& out);
  bool read_scalar(const ProtobufField& field, Value& out);
  void choose(Reading& reading, std::uint32_t slot);
  Value unsigned_value(std::uint64_t number);
  Value enumeration_value(const ProtobufField& field, std::int32_t number);

  const ProtobufSchema* schema_ = nullptr;
  ValueArena* arena_ = nullptr;
  ProtobufCursor in_;
  std::size_t budget_ = 0;       // values that may still be made
  bool null_if_unset_ = false;   // of fields with presence in rows
  bool unknown_symbol_ = false;  // the last value was a number that its closed enumeration does not have
  bool any_text_ = false;
  bool not_utf8_ = false;
  std::vector<Piece> pieces_;      // of the messages that are being read, the innermost last
  std::vector<Element> elements_;  // the same
};

}  // namespace sluice::mapping

// Frames of a schema registry: a key or a value in a binary form, behind the name of the schema that it was written
// with; and the schemas that a Mapper knows, compiled.
//
// A frame begins with a zero byte and the schema's number in four bytes, as Confluent's serializers write it; newer
// ones put the schema's GUID into a header. A SchemaBook belongs to a Mapper and is used by its thread; it is filled
// from outside (Mapper::set_schema), as formats do no I/O. What it holds is bounded; what is dropped is asked for
// again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/record.h"
#include "base/schema.h"
#include "mapping/formats/avro_reader.h"
#include "mapping/formats/avro_schema.h"
#include "mapping/formats/event.h"
#include "mapping/formats/json_schema.h"
#include "mapping/formats/protobuf/protobuf_schema.h"
#include "mapping/formats/protobuf_reader.h"

namespace sluice::mapping {

struct DecodeSpace;

struct Frame {
  SchemaName schema;
  std::string_view payload;
  std::string_view behind_id;  // in a header: the path of a Protobuf message
  bool in_header = false;
};

// Which part of a record, for the header of its frame and for messages.
enum class Side : std::uint8_t { key, value };

// Returns true if Apicurio's serializer wrote the record in a way of its own, with the schema's id in a header; sets
// `error` to what to do about that.
bool refuse_apicurios(std::span<const Header> headers, Side side, DecodeError& error);

// Returns true if the bytes, or a header of the record, say that a schema comes with it.
bool is_framed(std::string_view bytes, std::span<const Header> headers, Side side);

class SchemaBook {
 public:
  // `answers`: the configuration names a registry.
  explicit SchemaBook(bool answers) : answers_(answers) {}

  struct Entry {
    SchemaKind kind = SchemaKind::other;
    std::string refusal;  // why records with this schema cannot be read; empty if they can
    AvroSchema avro;
    JsonSchema json;
    ProtobufSchema protobuf;
  };

  bool answers() const { return answers_; }
  // Null: not known, and to be asked for. Entries live until the next set().
  const Entry* find(const SchemaName& schema) { return last_ && last_name_ == schema ? last_ : look_up(schema); }
  void set(const SchemaName& name, const RegisteredSchema& schema);
  // The registry does not know it. That may change, so it holds for one record.
  void refuse(const SchemaName& name, std::string reason);
  void forget_refusal() { refused_.reset(); }

 private:
  static constexpr std::size_t capacity = 4096;
  static constexpr std::size_t most_parts = 1'000'000;
  void compile(const SchemaName& name, const RegisteredSchema& schema);
  const Entry* look_up(const SchemaName& schema);

  const bool answers_;
  std::map<SchemaName, Entry> entries_;
  std::size_t parts_ = 0;  // of all entries
  std::optional<std::pair<SchemaName, Entry>> refused_;
  SchemaName last_name_;
  const Entry* last_ = nullptr;
};

// What a frame of Avro or Protobuf holds.
struct Datum {
  Value value;
  RowSchema schema = {};  // without an identity if the fields differ from one datum to the next
  bool connect = false;
  bool is_envelope = false;
};

// Which frames a route takes.
struct FrameRules {
  std::optional<SchemaKind> kind;  // nothing: any
  bool envelopes_only = false;
  bool rows_only = false;                // what looks like an envelope is a row, too
  bool apart_from_cloud_events = false;  // which are not read from frames
  bool passes_over_notices = false;      // a connector's records about itself need not be envelopes
  bool any_text = false;                 // texts of Avro and Protobuf need not be UTF-8: policies mend them
};

class FrameReader {
 public:
  explicit FrameReader(SchemaBook& book) : book_(book) {}

  // The event in a framed value. False with `error` set; `error.wanted` if the schema is to be asked for first.
  bool read_event(std::string_view bytes, std::span<const Header> headers, const FrameRules& rules, DecodeSpace& space,
                  Event& event, DecodeError& error);
  // The fields of a framed key, or its one value without a name.
  bool read_key(std::string_view bytes, std::span<const Header> headers, DecodeSpace& space, Image& image,
                DecodeError& error);
  // The schema of a framed key, if it has to be asked for before the key can be read.
  std::optional<SchemaName> wanted_for_key(std::string_view bytes, std::span<const Header> headers);

 private:
  const SchemaBook::Entry* open(std::string_view bytes, std::span<const Header> headers, Side side, Frame& frame,
                                DecodeError& error);
  bool read_json_event(const SchemaBook::Entry& entry, const Frame& frame, const FrameRules& rules, DecodeSpace& space,
                       Event& event, DecodeError& error);
  bool read_datum(const SchemaBook::Entry& entry, const Frame& frame, Side side, bool any_text, DecodeSpace& space,
                  Datum& datum, DecodeError& error);
  bool read_avro(const SchemaBook::Entry& entry, const Frame& frame, Side side, bool any_text, DecodeSpace& space,
                 Datum& datum, DecodeError& error);
  bool read_protobuf(const SchemaBook::Entry& entry, const Frame& frame, Side side, bool any_text, DecodeSpace& space,
                     Datum& datum, DecodeError& error);

  SchemaBook& book_;
  AvroReader avro_;
  ProtobufReader protobuf_;
};

}  // namespace sluice::mapping

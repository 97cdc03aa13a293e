// A record's value taken apart: what happened, and where the row's old and new state lie in the text.
//
// Recognises plain objects, Connect's {schema, payload} and Debezium's envelope, record by record. An EventReader has
// one lane's buffers; an Event's views live until its next read(). Errors say what is wrong in one line.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/record.h"
#include "config/pipeline.h"
#include "mapping/formats/connect_schema.h"
#include "mapping/formats/json.h"

namespace sluice::mapping {

// The fields of a row or a key as they stand in the event.
struct Image {
  std::vector<JsonField> fields;
  const ConnectSchema* schema = nullptr;                       // of the structure, null without
  const std::shared_ptr<const ConnectSchema>* root = nullptr;  // keeps `schema` alive
  const char* path = "value";                                  // where the fields lie
  bool present = false;

  bool is_scalar() const { return fields.size() == 1 && fields.front().name.empty(); }  // a key's
};

enum class Operation : std::uint8_t { write, update, remove, truncate, tombstone, message };

struct Event {
  Operation operation = Operation::write;
  bool envelope = false;
  bool text_is_json = false;  // strings of json columns hold JSON
  Image after;                // of write and update
  Image before;               // of update and remove, where the source tells
  std::string_view source;    // of an envelope: its source block
};

struct DecodeError {
  std::string sqlstate;
  std::string reason;
};

class EventReader {
 public:
  // The event in `record.value`; false with `error` set.
  bool read(const Record& record, config::Format format, SchemaCache& schemas, Event& event, DecodeError& error);
  // A record key that is an object, also in Connect's wrapping: its fields. A scalar: one field without a name; bytes
  // that are not JSON are taken as a string. Not present if null, an array or not UTF-8.
  void read_key(std::string_view key, SchemaCache& schemas, Image& image);

 private:
  // What wraps the payload, and with which schema.
  struct Wrapping {
    bool found = false;
    bool null_payload = false;
    const std::shared_ptr<const ConnectSchema>* schema = nullptr;
  };
  bool read_known_prefix(std::string_view text, SchemaCache& schemas, Wrapping& wrapping);
  bool read_wrapping(std::string_view text, config::Format format, SchemaCache& schemas, Wrapping& wrapping,
                     DecodeError& error);
  bool read_envelope(const Wrapping& wrapping, const JsonValue& op, Event& event, DecodeError& error);
  bool read_image(const Wrapping& wrapping, const char* name, const char* path, Image& image, DecodeError& error);

  JsonReader reader_;
  PaddedText value_text_;
  PaddedText payload_text_;
  std::vector<JsonField> top_;  // of the value, or of its payload
  std::string key_text_;
  std::vector<JsonField> key_top_;
};

// At most 60 characters of what was found, on one line.
std::string excerpt(std::string_view text);

}  // namespace sluice::mapping

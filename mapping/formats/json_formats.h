// Shared by the JSON formats: opens a value as an object, unwraps Connect's schema and payload, reads rows and
// envelopes.
//
// Internal to this folder. All data is in the lane's DecodeSpace. Functions that return false have set the error.
#pragma once

#include <simdjson.h>

#include <span>
#include <string_view>
#include <vector>

#include "mapping/formats/decoder.h"

namespace sluice::mapping {

// The object that holds the event, with its fields in DecodeSpace::top: the whole value, or the payload wrapped in it.
struct Payload {
  bool wrapped = false;  // in Connect's {schema, payload}
  bool null = false;     // then it is Connect's tombstone
  bool connect = false;  // made by Connect, though not wrapped: strings in JSON columns hold JSON
  const SchemaCache::Entry* schema = nullptr;

  const char* path() const { return wrapped ? "value.payload" : "value"; }
};

// The value as it is (plain_json.cc).
bool open_object(std::string_view text, DecodeSpace& space, DecodeError& error);
// The payload is the row.
bool read_row(const Payload& payload, DecodeSpace& space, Event& event, DecodeError& error);

// Removes Connect's wrapping if there is one (connect_json.cc).
bool open_payload(std::string_view text, DecodeSpace& space, SchemaCache& schemas, Payload& payload,
                  DecodeError& error);
// Says whether an object of a schema and a payload, and nothing else, is Connect's wrapping: by its schema.
bool is_wrapping(const Value& schema);
// Returns what follows a known prefix, without the closing brace of the whole; empty if there is nothing.
std::string_view behind_prefix(std::string_view text, std::size_t prefix);

// The fields of a key in DecodeSpace::key, or its one value without a name; the image is not present if it is null, an
// array, wrong inside, or larger by its schema's defaults than an event may be (record_key.cc).
void set_key(Value value, const SchemaCache::Entry* schema, DecodeSpace& space, Image& image);

// An envelope (debezium.cc).
bool is_debezium(const DecodeSpace& space);
bool read_debezium(const Payload& payload, DecodeSpace& space, Event& event, DecodeError& error);
// Returns true if these are the fields of a record in which a Debezium connector tells of itself: BEGIN or END of a
// transaction, a change of the source's schema, a heartbeat (decoder.cc).
bool is_notice(std::span<const Field> fields);
// Marks Debezium's placeholders for unsent values as absent. Events that were unwrapped on their way keep them, so this
// is called for all rows.
void mark_unavailable(std::vector<Field>& fields);
// The same for a value that is not JSON.
bool is_placeholder(const Value& value);
// An envelope whose values are ready, as a frame has it; `schema` is that of its rows.
bool read_envelope(std::span<const Field> fields, const RowSchema& schema, Event& event, DecodeError& error);

// A tombstone, an envelope or a row, whichever the payload is (automatic.cc).
bool read_payload(const Payload& payload, DecodeSpace& space, Event& event, DecodeError& error);

// Returns the start of a lazy value in the text that it was read from; null for values that are not lazy.
const char* begin_of(const Value& value);

bool refuse(DecodeError& error, std::string_view path, std::string_view found, std::string_view expected,
            const char* sqlstate = "22032");
bool refuse(DecodeError& error, std::string_view path, std::string_view text, simdjson::error_code code);
bool refuse_defaults(DecodeError& error, std::string_view path);  // ConnectSchema::complete() has failed
// The same for a value, which is quoted as the event has it.
bool refuse(DecodeError& error, std::string_view path, const Value& found, std::string_view expected,
            const char* sqlstate = "22032");

class PlainJsonDecoder final : public Decoder {
 public:
  explicit PlainJsonDecoder(DecodeSpace& space) : Decoder(space) {}

 private:
  bool decode_value(std::string_view text, Event& event, DecodeError& error) override;
};

class ConnectJsonDecoder final : public Decoder {
 public:
  explicit ConnectJsonDecoder(DecodeSpace& space) : Decoder(space) {}

 private:
  bool decode_value(std::string_view text, Event& event, DecodeError& error) override;

  SchemaCache schemas_;
};

class DebeziumDecoder final : public Decoder {
 public:
  explicit DebeziumDecoder(DecodeSpace& space) : Decoder(space) {}

 private:
  bool decode_value(std::string_view text, Event& event, DecodeError& error) override;

  SchemaCache schemas_;
};

// Format `auto` (automatic.cc).
std::unique_ptr<Decoder> make_automatic_decoder(DecodeSpace& space);

}  // namespace sluice::mapping

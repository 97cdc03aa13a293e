// Decodes a record's bytes to an Event: one Decoder for each topic, because it remembers the schemas that it has seen.
//
// All decoders of a lane share its DecodeSpace, so an Event lives until any of them decodes the next record. Formats
// know nothing of PostgreSQL. A new one is a file with its Decoder, a line in make_decoder() and a test in
// automatic.cc.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/record.h"
#include "base/value.h"
#include "config/pipeline.h"
#include "mapping/formats/connect_schema.h"
#include "mapping/formats/event.h"
#include "mapping/formats/json_reader.h"

namespace sluice::mapping {

// Buffers that are reused for each record.
struct DecodeSpace {
  JsonReader reader;
  PaddedText value_text, payload_text;
  ValueArena arena;
  std::vector<Field> top;  // of a JSON object, or of the payload in it
  std::vector<Field> before, after, key, wrapped_key;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // The event in `record.value`; false with `error` set. A record without a value is a tombstone in every format.
  bool decode(const Record& record, Event& event, DecodeError& error);

 protected:
  explicit Decoder(DecodeSpace& space) : space_(space) {}

  // `text` is the record's value; `event` is an empty write.
  virtual bool decode_value(std::string_view text, Event& event, DecodeError& error) = 0;

  DecodeSpace& space_;
  const std::vector<Header>* headers_ = nullptr;  // of the record being decoded
};

std::unique_ptr<Decoder> make_decoder(config::Format format, DecodeSpace& space);

// Decodes record keys, whose format it recognises.
class KeyDecoder {
 public:
  explicit KeyDecoder(DecodeSpace& space) : space_(space) {}

  // A key that is an object, also in Connect's wrapping: its fields. A scalar: one field without a name; bytes that are
  // not JSON are taken as a text. Not present if null, an array or not UTF-8.
  void decode(std::string_view key, Image& image);

 private:
  DecodeSpace& space_;
  SchemaCache schemas_;
};

}  // namespace sluice::mapping

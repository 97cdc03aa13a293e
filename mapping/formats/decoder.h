// Decodes a record's bytes to an Event: one Decoder for each topic, because it remembers the schemas that it has seen.
//
// All decoders of a lane share its DecodeSpace, so an Event lives until any of them decodes the next record. Formats
// know nothing of PostgreSQL. A new one is a file with its Decoder, a line in make_decoder() and a test in
// automatic.cc.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/record.h"
#include "base/value.h"
#include "config/pipeline.h"
#include "mapping/formats/connect_schema.h"
#include "mapping/formats/event.h"
#include "mapping/formats/frames.h"
#include "mapping/formats/json_reader.h"

namespace sluice::mapping {

// May stand at the beginning of a value, and means nothing.
inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// Buffers that are reused for each record.
struct DecodeSpace {
  JsonReader reader;
  PaddedText value_text, payload_text;
  std::optional<std::size_t> value_begins =
      0;                           // the place of value_text in the record's value; nothing if it was decoded
  std::size_t payload_begins = 0;  // the place of payload_text in value_text
  std::string_view envelope;       // a padded copy of the record's value, of which value_text is a part
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
  // Frames of a schema registry are taken as well, by these rules.
  void take_frames(FrameReader& frames, const FrameRules& rules) { frames_ = &frames, rules_ = rules; }
  // What a connector says of itself becomes a message, which has no effect: the topic was not chosen by its name.
  void pass_over_notices() { passes_over_notices_ = rules_.passes_over_notices = true; }

 protected:
  explicit Decoder(DecodeSpace& space) : space_(space) {}

  // `text` is the record's value; `event` is an empty write.
  virtual bool decode_value(std::string_view text, Event& event, DecodeError& error) = 0;

  DecodeSpace& space_;
  const std::vector<Header>* headers_ = nullptr;  // of the record being decoded
  bool passes_over_notices_ = false;

 private:
  bool decode_present(const Record& record, Event& event, DecodeError& error);

  FrameReader* frames_ = nullptr;
  FrameRules rules_;
};

// `any_text`: texts in a binary form are taken as they are, also where they are not UTF-8.
std::unique_ptr<Decoder> make_decoder(config::Format format, DecodeSpace& space, FrameReader& frames,
                                      bool any_text = false);

// Decodes record keys, whose format it recognises.
class KeyDecoder {
 public:
  KeyDecoder(DecodeSpace& space, FrameReader& frames) : space_(space), frames_(frames) {}

  // A frame of a schema registry: its fields, or false with `error` set. A key that is an object, also in Connect's
  // wrapping: its fields. A scalar: one field without a name; bytes that are not JSON are taken as a text. Not present
  // if null, an array or not UTF-8.
  bool decode(const Record& record, Image& image, DecodeError& error);
  // The schema that has to be asked for before the key can be decoded.
  std::optional<SchemaName> wanted(const Record& record);
  // As decode() does with what is no frame.
  void decode_text(std::string_view key, Image& image);

 private:
  DecodeSpace& space_;
  FrameReader& frames_;
  SchemaCache schemas_;
};

}  // namespace sluice::mapping

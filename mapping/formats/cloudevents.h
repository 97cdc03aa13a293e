// CloudEvents as the Kafka protocol binding has them: the whole event in the value (structured), or attributes in
// headers and the data as value (binary). The data is read as format `auto` reads a value: a row, Connect's wrapping or
// Debezium's envelope.
//
// A CloudEventReader belongs to one topic's decoder and is used by its lane's thread. Functions that return false have
// set the error.
#pragma once

#include <string_view>
#include <vector>

#include "base/record.h"
#include "mapping/formats/json_formats.h"

namespace sluice::mapping {

class CloudEventReader {
 public:
  // Returns true if the headers say that the record is a CloudEvent, in whichever mode.
  static bool announced(const std::vector<Header>& headers);
  // Returns true if the object in `fields` has the attributes of one.
  static bool is_event(const std::vector<Field>& fields);

  // Reads a value that is one: without headers that say more, in structured mode.
  bool read(std::string_view text, const std::vector<Header>& headers, DecodeSpace& space, Event& event,
            DecodeError& error);
  // The same of one in structured mode that open_object() has read into the space already.
  bool read_opened(DecodeSpace& space, Event& event, DecodeError& error);

 private:
  bool read_attributes(DecodeSpace& space, Event& event, DecodeError& error);
  bool read_structured(std::string_view text, DecodeSpace& space, Event& event, DecodeError& error);
  bool has_required(std::string_view before, DecodeError& error) const;
  bool read_data(std::string_view text, DecodeSpace& space, Event& event, DecodeError& error);
  // Puts the operation and the source where Debezium's converter for CloudEvents keeps them: in attributes.
  void take_attributes(DecodeSpace& space) const;

  SchemaCache schemas_;
  PaddedText envelope_;            // what the attributes of a structured event point into
  std::vector<Field> attributes_;  // of the record, without the prefix that headers have
};

class CloudEventsDecoder final : public Decoder {
 public:
  explicit CloudEventsDecoder(DecodeSpace& space) : Decoder(space) {}

 private:
  bool decode_value(std::string_view text, Event& event, DecodeError& error) override;

  CloudEventReader reader_;
};

}  // namespace sluice::mapping

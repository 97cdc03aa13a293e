// Format `auto`: tries the formats for each record in a fixed order, the most recognisable first: Connect's wrapping,
// Debezium's envelope, a plain object.
#include "mapping/formats/json_formats.h"

namespace sluice::mapping {

bool read_payload(const Payload& payload, DecodeSpace& space, Event& event, DecodeError& error) {
  if (payload.null) {
    event.operation = Operation::tombstone;
    return true;
  }
  if (is_debezium(space)) return read_debezium(payload, space, event, error);
  read_row(payload, space, event);
  return true;
}

bool AutomaticDecoder::decode_value(std::string_view text, Event& event, DecodeError& error) {
  Payload payload;
  return open_payload(text, space_, schemas_, payload, error) && read_payload(payload, space_, event, error);
}

}  // namespace sluice::mapping

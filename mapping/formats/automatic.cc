// Format `auto`: tries the formats for each record in a fixed order, the most recognisable first: headers of a
// CloudEvent, Connect's wrapping, a CloudEvent as a whole, Debezium's envelope, a plain object.
#include "mapping/formats/cloudevents.h"
#include "mapping/formats/json_formats.h"

namespace sluice::mapping {
namespace {

class AutomaticDecoder final : public Decoder {
 public:
  explicit AutomaticDecoder(DecodeSpace& space) : Decoder(space) {}

 private:
  bool decode_value(std::string_view text, Event& event, DecodeError& error) override;

  SchemaCache schemas_;
  CloudEventReader cloud_events_;
};

bool AutomaticDecoder::decode_value(std::string_view text, Event& event, DecodeError& error) {
  if (CloudEventReader::announced(*headers_)) return cloud_events_.read(text, *headers_, space_, event, error);
  Payload payload;
  if (!open_payload(text, space_, schemas_, payload, error)) return false;
  if (!payload.wrapped && CloudEventReader::is_event(space_.top))
    return cloud_events_.read_opened(space_, event, error);
  return read_payload(payload, space_, event, error);
}

}  // namespace

bool read_payload(const Payload& payload, DecodeSpace& space, Event& event, DecodeError& error) {
  if (payload.null) {
    event.operation = Operation::tombstone;
    return true;
  }
  if (is_debezium(space)) return read_debezium(payload, space, event, error);
  return read_row(payload, space, event, error);
}

std::unique_ptr<Decoder> make_automatic_decoder(DecodeSpace& space) {
  return std::make_unique<AutomaticDecoder>(space);
}

}  // namespace sluice::mapping

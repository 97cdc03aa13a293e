#include "mapping/formats/decoder.h"

#include "mapping/formats/cloudevents.h"
#include "mapping/formats/json_formats.h"

namespace sluice::mapping {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

bool Decoder::decode(const Record& record, Event& event, DecodeError& error) {
  space_.arena.clear();
  event.is_snapshot = false;
  event.operation = record.value ? Operation::write : Operation::tombstone;
  event.after.present = event.before.present = false;
  event.source = {};
  if (!record.value) return true;
  headers_ = &record.headers;
  std::string_view text = *record.value;
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return decode_value(text, event, error);
}

std::unique_ptr<Decoder> make_decoder(config::Format format, DecodeSpace& space) {
  switch (format) {
    case config::Format::json:
      return std::make_unique<PlainJsonDecoder>(space);
    case config::Format::connect_json:
      return std::make_unique<ConnectJsonDecoder>(space);
    case config::Format::debezium:
      return std::make_unique<DebeziumDecoder>(space);
    case config::Format::cloudevents:
      return std::make_unique<CloudEventsDecoder>(space);
    case config::Format::automatic:
      break;
  }
  return make_automatic_decoder(space);
}

}  // namespace sluice::mapping

#include "mapping/formats/decoder.h"

#include <fmt/format.h>

#include "mapping/formats/cloudevents.h"
#include "mapping/formats/json_formats.h"

namespace sluice::mapping {
namespace {

// Values that are frames and nothing else.
class FramedDecoder final : public Decoder {
 public:
  explicit FramedDecoder(DecodeSpace& space) : Decoder(space) {}

 private:
  bool decode_value(std::string_view text, Event&, DecodeError& error) override {
    return !refuse_apicurios(*headers_, Side::value, error) &&
           refuse(error, "value", text, "a frame of a schema registry", "22P03");
  }
};

}  // namespace

bool is_notice(std::span<const Field> fields) {
  if (fields.empty()) return false;
  const auto has = [&](std::string_view name) { return find(fields, name) != nullptr; };
  const auto first = fields.front().name;
  if (first == "ts_ms") return fields.size() == 1;
  if (first == "status") return has("id") && has("event_count") && has("data_collections");
  return first == "source" && has("ddl") && has("databaseName");
}

bool Decoder::decode(const Record& record, Event& event, DecodeError& error) {
  if (!decode_present(record, event, error)) return false;
  const bool plain =
      event.operation == Operation::write && event.after.present && event.source.kind() == ValueKind::null;
  if (passes_over_notices_ && plain && is_notice(event.after.row.fields)) event.operation = Operation::message;
  return true;
}

bool Decoder::decode_present(const Record& record, Event& event, DecodeError& error) {
  space_.arena.clear();
  space_.value_begins = 0;
  space_.envelope = {};
  event.is_snapshot = false;
  event.operation = record.value ? Operation::write : Operation::tombstone;
  event.after.present = event.before.present = false;
  event.source = event.transaction = {};
  if (!record.value) return true;
  headers_ = &record.headers;
  std::string_view text = *record.value;
  const bool framed = frames_ && is_framed(text, record.headers, Side::value);
  if (framed && !(rules_.apart_from_cloud_events && CloudEventReader::announced(record.headers)))
    return frames_->read_event(text, record.headers, rules_, space_, event, error);
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (decode_value(text, event, error)) return true;
  // It may have begun like JSON by chance.
  if (DecodeError apicurios;
      frames_ && rules_.kind != SchemaKind::json && refuse_apicurios(record.headers, Side::value, apicurios))
    error.reason = fmt::format("{}; {}", error.reason, apicurios.reason);
  return false;
}

std::unique_ptr<Decoder> make_decoder(config::Format format, DecodeSpace& space, FrameReader& frames, bool any_text) {
  std::unique_ptr<Decoder> made;
  FrameRules rules;
  rules.any_text = any_text;
  switch (format) {
    case config::Format::json:
      made = std::make_unique<PlainJsonDecoder>(space);
      rules.kind = SchemaKind::json;
      rules.rows_only = true;
      break;
    case config::Format::connect_json:
      return std::make_unique<ConnectJsonDecoder>(space);
    case config::Format::debezium:
      made = std::make_unique<DebeziumDecoder>(space);
      rules.envelopes_only = true;
      break;
    case config::Format::cloudevents:
      return std::make_unique<CloudEventsDecoder>(space);
    case config::Format::automatic:
      made = make_automatic_decoder(space);
      rules.apart_from_cloud_events = true;
      break;
    case config::Format::avro:
      made = std::make_unique<FramedDecoder>(space);
      rules.kind = SchemaKind::avro;
      break;
    case config::Format::protobuf:
      made = std::make_unique<FramedDecoder>(space);
      rules.kind = SchemaKind::protobuf;
      break;
    case config::Format::json_schema:
      made = std::make_unique<FramedDecoder>(space);
      rules.kind = SchemaKind::json;
      break;
  }
  made->take_frames(frames, rules);
  return made;
}

}  // namespace sluice::mapping

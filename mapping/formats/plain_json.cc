// Plain JSON: the object is the row.
#include "mapping/formats/json_formats.h"

namespace sluice::mapping {

bool open_object(std::string_view text, DecodeSpace& space, DecodeError& error) {
  text = space.value_text.assign(text);
  const auto code = space.reader.read(text, space.arena, space.top);
  return code ? refuse(error, "value", text, code) : true;
}

bool read_row(const Payload& payload, DecodeSpace& space, Event& event, DecodeError& error) {
  std::swap(space.after, space.top);
  mark_unavailable(space.after);
  if (payload.schema) {
    if (!payload.schema->schema.complete(space.after, space.arena)) return refuse_defaults(error, payload.path());
    payload.schema->schema.apply_to_fields(space.after);
  }
  event.after = {{space.after, payload.schema ? payload.schema->id : no_schema},
                 payload.path(),
                 payload.wrapped || payload.connect,
                 true,
                 {payload.schema ? &payload.schema->schema : nullptr}};
  return true;
}

bool PlainJsonDecoder::decode_value(std::string_view text, Event& event, DecodeError& error) {
  if (!open_object(text, space_, error)) return false;
  return read_row({}, space_, event, error);
}

}  // namespace sluice::mapping

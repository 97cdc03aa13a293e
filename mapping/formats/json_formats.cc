#include "mapping/formats/json_formats.h"

#include <fmt/format.h>

#include "base/excerpt.h"

namespace sluice::mapping {

const char* begin_of(const Value& value) {
  if (!value.is_lazy()) return nullptr;
  return value.unread_json().data() - (value.kind() == ValueKind::escaped_text ? 1 : 0);
}

bool refuse(DecodeError& error, std::string_view path, std::string_view found, std::string_view expected,
            const char* sqlstate) {
  error = {sqlstate, fmt::format("{}: found {}, expected {}", path, excerpt(found), expected)};
  return false;
}

bool refuse(DecodeError& error, std::string_view path, std::string_view text, simdjson::error_code code) {
  const char* sqlstate = code == simdjson::UTF8_ERROR ? "22021" : "22032";
  if (code == simdjson::INCORRECT_TYPE) return refuse(error, path, text, "a JSON object", sqlstate);
  return refuse(error, path, text, fmt::format("JSON ({})", simdjson::error_message(code)), sqlstate);
}

bool refuse_defaults(DecodeError& error, std::string_view path) {
  error = {"54000", fmt::format("{}: found more values from the schema's defaults than an event may have, expected "
                                "defaults without so many others in them",
                                path)};
  return false;
}

bool refuse(DecodeError& error, std::string_view path, const Value& found, std::string_view expected,
            const char* sqlstate) {
  switch (found.kind()) {
    case ValueKind::null:
      return refuse(error, path, "null", expected, sqlstate);
    case ValueKind::boolean:
      return refuse(error, path, found.is_true() ? "true" : "false", expected, sqlstate);
    case ValueKind::escaped_text:
      return refuse(error, path, fmt::format("\"{}\"", found.unread_json()), expected, sqlstate);
    default:
      return refuse(error, path, found.unread_json(), expected, sqlstate);
  }
}

}  // namespace sluice::mapping

// CloudEvents, hostile in headers and value: up to the first zero byte a header on each line, its name up to the first
// `=`; behind it the value. What format `cloudevents` takes is the same event to `auto`, in which every value can be
// shown; what it refuses has a SQLSTATE and a reason. A text that is not UTF-8 is mended, and no value is said to have
// been mended that has no U+FFFD.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/parse.h"
#include "mapping/encode/value_json.h"
#include "mapping/formats/mended_text.h"

#include "tests/fuzz/decoding.h"

namespace {

using namespace sluice;
using namespace sluice::mapping;

struct CloudEventDecoding : FuzzDecoding {
  using FuzzDecoding::FuzzDecoding;

  MendedText mended{space};
};

std::string shown(const CloudEventDecoding& from, std::span<const Field> fields) {
  std::string text;
  for (const Field& field : fields) {
    text += field.name;
    append_value_json(field.value, text);
    if (from.mended.touches(field.value))
      REQUIRE(field.value.unread_json().find("\xEF\xBF\xBD") != std::string_view::npos);
  }
  return text;
}

// The event in the record; empty if it was refused.
std::string decoded(CloudEventDecoding& by, Record& record) {
  by.error = {};
  by.mended.clear();
  bool taken = by.decoder->decode(record, by.event, by.error);
  if (!taken && by.error.sqlstate == "22021") {
    const std::string_view text = *record.value;
    record.value = by.mended.mend(text);
    taken = by.decoder->decode(record, by.event, by.error);
    record.value = text;
  }
  if (!taken) {
    require_reason(by.error);
    return {};
  }
  std::string text = by.kind();
  for (const Image* image : {&by.event.before, &by.event.after}) {
    if (image->present) text += shown(by, image->row.fields);
  }
  std::vector<Field> unread;
  ValueArena names;
  std::span<const Field> source;
  if (by.event.source.kind() == ValueKind::structure && by.event.source.members(unread, names, source))
    text += shown(by, source);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz_input(data, size);
  if (!input) return 0;
  Record record = fuzz_record(input->body);
  for (const std::string_view line : split(input->head, '\n')) {
    const auto sign = line.find('=');
    if (sign == line.npos)
      record.headers.push_back({line, std::nullopt});
    else
      record.headers.push_back({line.substr(0, sign), line.substr(sign + 1)});
  }
  static CloudEventDecoding cloudevents(config::Format::cloudevents), automatic(config::Format::automatic);
  const std::string strict = decoded(cloudevents, record), any = decoded(automatic, record);
  const bool framed = is_framed(*record.value, record.headers, Side::value);  // which `auto` takes for a frame first
  REQUIRE(strict.empty() || framed || strict == any);
  return 0;
}

#include "runtime/control/stored_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/codec.h"
#include "listener/reader.h"

namespace sluice::runtime {

namespace {

// A text, or bytes that are none; nothing for null and for what no letter holds.
std::optional<std::string_view> bytes_of(const nlohmann::json& stored, std::deque<std::string>& texts) {
  if (stored.is_string()) return texts.emplace_back(stored.get<std::string>());
  if (!stored.is_object() || !stored.contains("base64") || !stored["base64"].is_string()) return std::nullopt;
  auto& bytes = texts.emplace_back();
  append_base64_decoded(stored["base64"].get<std::string>(), bytes);
  return bytes;
}

}  // namespace

std::vector<Header> headers_of(const std::string& json, std::deque<std::string>& texts) {
  std::vector<Header> headers;
  const auto list = nlohmann::json::parse(json, nullptr, false);
  if (!list.is_array()) return headers;
  for (const auto& pair : list) {
    if (!pair.is_array() || pair.size() != 2) continue;
    const auto name = bytes_of(pair[0], texts);
    if (name) headers.push_back({.name = *name, .value = bytes_of(pair[1], texts)});
  }
  return headers;
}

StoredRecord::StoredRecord(const DeadLetterRow& row) {
  record_.at = &row.at;
  record_.offset = row.offset;
  if (row.timestamp) {
    record_.timestamp_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(row.timestamp->time_since_epoch()).count();
  }
  if (row.key) record_.key = *row.key;
  if (row.value) record_.value = *row.value;
  record_.headers = headers_of(row.headers, texts_);
}

Result<void> add_record(RecordMapper& mapper, const config::Kafka& kafka, const DeadLetterRow& letter,
                        Clock::time_point deadline) {
  const StoredRecord stored(letter);
  if (letter.kept) return mapper.add(stored.record());
  const auto gone = [&](std::string_view why) {
    return fail(ErrorClass::retry, fmt::format("its value was not kept ([dead_letters] values = false), and {}", why));
  };
  auto reader = listener::Reader::open(kafka, letter.at, letter.offset, deadline);
  if (!reader) return gone(reader.error().message);
  Result<void> mapped = gone("Kafka has no record at its offset any more");
  const auto read = reader->read_to(letter.offset + 1, deadline, [&](const Record& record) {
    const auto& wanted = stored.record();
    if (record.offset != letter.offset) return;
    const bool same = record.key == wanted.key && record.timestamp_ms == wanted.timestamp_ms;
    mapped = same ? mapper.add(record) : gone("Kafka has another record at its offset: the topic was made anew");
  });
  if (!read) return gone(read.error().message);
  return mapped;
}

}  // namespace sluice::runtime

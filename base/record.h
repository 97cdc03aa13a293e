// One Kafka record and its place in the log.
//
// "Offset" always names a record; a position called `next` or `to` is the first offset that has not taken effect, never
// the last that has. A Record owns the client library's message: its views stay valid until it is destroyed. Records
// are moved, never copied, and belong to one lane at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

using Offset = std::int64_t;

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;

  bool operator==(const TopicPartition&) const = default;
  auto operator<=>(const TopicPartition&) const = default;
};

struct Header {
  std::string_view name;
  std::optional<std::string_view> value;  // a header without a value is not a header with an empty one
};

// The value of the last header of that name, which is the one that counts, as for a map that headers are read into.
// Nothing if there is none, or if it has no value.
inline std::optional<std::string_view> last_header(std::span<const Header> headers, std::string_view name) {
  for (std::size_t n = headers.size(); n-- > 0;) {
    if (headers[n].name == name) return headers[n].value;
  }
  return std::nullopt;
}

struct Record {
  const TopicPartition* at = nullptr;  // lives as long as the process (the listener interns it)
  Offset offset = 0;
  std::int64_t timestamp_ms = -1;                                       // -1: the broker gave none
  std::optional<std::string_view> key;                                  // null is not empty
  std::optional<std::string_view> value;                                // null is a tombstone
  std::vector<Header> headers;                                          // in the order of the log, names may repeat
  std::unique_ptr<void, void (*)(void*)> owner{nullptr, [](void*) {}};  // releases what the views point into

  std::size_t bytes() const { return (key ? key->size() : 0) + (value ? value->size() : 0); }
};

// Returns the timestamp as PostgreSQL keeps it: -1 for none, and for what timestamptz cannot hold, such as nanoseconds
// that a producer took for milliseconds. What is compared with a stored timestamp has to go through this, too.
constexpr std::int64_t storable_timestamp_ms(std::int64_t timestamp_ms) {
  constexpr std::int64_t last = 9'224'318'015'999'999;
  return timestamp_ms < 0 || timestamp_ms > last ? -1 : timestamp_ms;
}

}  // namespace sluice

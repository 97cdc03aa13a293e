// What the fuzzers of formats share: how an input becomes a record, and a decoder with all that it needs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mapping/formats/decoder.h"
#include "tests/fuzz/require.h"

namespace sluice::mapping {

struct FuzzInput {
  std::string_view head, body;  // before and behind the first zero byte
};

// Nothing if there is no zero byte.
inline std::optional<FuzzInput> fuzz_input(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto zero = input.find('\0');
  if (zero == input.npos) return std::nullopt;
  return FuzzInput{input.substr(0, zero), input.substr(zero + 1)};
}

inline Record fuzz_record(std::string_view value) {
  static const TopicPartition at{"t", 0};
  Record record;
  record.at = &at;
  record.value = value;
  return record;
}

inline void require_reason(const DecodeError& error) {
  REQUIRE(error.sqlstate.size() == 5 && !error.reason.empty() && !error.wanted);
}

// Kept from input to input, as a lane keeps it.
struct FuzzDecoding {
  explicit FuzzDecoding(config::Format format, bool registered = false)
      : schemas(registered), decoder(make_decoder(format, space, frames)) {}

  // False if the record was refused, which must have a reason.
  bool decode(const Record& record) {
    error = {};
    if (decoder->decode(record, event, error)) return true;
    require_reason(error);
    return false;
  }

  // The beginning of what an event is compared by.
  std::string kind() const {
    return std::to_string(static_cast<int>(event.operation)) + (event.is_snapshot ? "r" : "");
  }

  SchemaBook schemas;
  FrameReader frames{schemas};
  DecodeSpace space;
  std::unique_ptr<Decoder> decoder;
  KeyDecoder keys{space, frames};
  Event event;
  DecodeError error;
};

}  // namespace sluice::mapping

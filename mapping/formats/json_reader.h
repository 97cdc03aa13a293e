// Reads a record's JSON object with simdjson: its fields as lazy values, neither converted nor copied.
//
// Numbers, literals and UTF-8 are checked; nested values are checked when they are opened. Used by a lane's thread;
// views live as long as the text that they were read from, and names that were escaped as long as the arena.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace sluice::mapping {

// A buffer with simdjson's padding behind the text.
class PaddedText {
 public:
  std::string_view assign(std::string_view text);
  std::string_view view() const { return {buffer_.data(), size_}; }

 private:
  std::string buffer_;
  std::size_t size_ = 0;
};

class JsonReader {
 public:
  // Reads `text`, which is in a PaddedText, as one object. Returns zero, or simdjson's error code.
  simdjson::error_code read(std::string_view text, ValueArena& arena, std::vector<Field>& fields);

 private:
  simdjson::ondemand::parser parser_;
};

}  // namespace sluice::mapping

// The text of a record that is not UTF-8, with U+FFFD in place of what is wrong, and which of its values that touches.
//
// Belongs to a Mapper; valid for the record that was decoded last, from the text that mend() returned.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/formats/decoder.h"

namespace sluice::mapping {

class MendedText {
 public:
  explicit MendedText(const DecodeSpace& space) : space_(space) {}

  bool empty() const { return replaced_.empty(); }
  void clear() { replaced_.clear(); }
  // Of a frame of a schema registry with JSON the payload is mended.
  std::string_view mend(std::string_view text);
  // Returns true if a character of the value was replaced.
  bool touches(const Value& value) const;

 private:
  const DecodeSpace& space_;
  std::string text_;
  std::vector<std::size_t> replaced_;  // places in the payload, ascending
};

}  // namespace sluice::mapping

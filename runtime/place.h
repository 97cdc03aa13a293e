// Places in a log as the command line spells them: PARTITION:OFFSET, for example 3:4711.
//
// A pure function. A text without a value has another form, or negative numbers; the caller words the error.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/parse.h"
#include "base/record.h"

namespace sluice::runtime {

inline std::optional<std::pair<std::int32_t, Offset>> parse_place(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == text.npos) return std::nullopt;
  const auto partition = parse_integer<std::int32_t>(text.substr(0, colon));
  const auto offset = parse_integer<Offset>(text.substr(colon + 1));
  if (!partition || !offset || *partition < 0 || *offset < 0) return std::nullopt;
  return std::pair(*partition, *offset);
}

}  // namespace sluice::runtime

// Copies what a record's views point to into a value that outlives the record.
//
// For the values that operators' commands show and `init` looks at, which say place and time each in its own way; what
// is applied is never copied. Any thread.
#pragma once

#include <optional>
#include <string>

#include "base/record.h"

namespace sluice {

// `copy` has the fields key, value and headers, which own their texts and are empty. Null stays null.
template <typename Copy>
void copy_content(const Record& record, Copy& copy) {
  if (record.key) copy.key.emplace(*record.key);
  if (record.value) copy.value.emplace(*record.value);
  for (const auto& [name, value] : record.headers)
    copy.headers.emplace_back(name, value ? std::optional<std::string>(*value) : std::nullopt);
}

}  // namespace sluice

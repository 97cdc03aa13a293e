// The value of one setting from its node in the file: of the right type, with references replaced, checked.
//
// Pure functions for config/load.cc, any thread. What is wrong is thrown as a Complaint and does not leave that file.
#pragma once

#include <toml++/toml.h>

#include <string>

#include "config/settings.h"

namespace sluice::config {

// The first error ends the reading.
struct Complaint {
  toml::source_position at;
  std::string key;
  std::string text;
};

[[noreturn]] void complain(toml::source_position at, std::string key, std::string text);

Value value_of(const toml::node& node, const Setting& setting);

}  // namespace sluice::config

// Settings that would silently do nothing beside others: declared in one table, and refused when the file is read.
//
// Internal to this folder. A setting counts as given when it differs from its default, so a file may spell defaults
// out. Pure functions, any thread.
#pragma once

#include <span>
#include <string_view>

#include "config/settings.h"

namespace sluice::config {

struct IdleSetting {
  std::string_view key;  // as Setting::key() has it
  bool (*idle)(const Pipeline& pipeline, const Route& route);
  std::string_view why;  // what makes it do nothing, and what to do
};

std::span<const IdleSetting> idle_settings();

// The first setting of the section that is given and does nothing; null if there is none. `route` is one of the
// pipeline's where the section is a route's.
const IdleSetting* first_idle(std::string_view section, const Pipeline& pipeline, const Route& route);

}  // namespace sluice::config

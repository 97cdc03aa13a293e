// The privileges that a route needs on its table: what a table is checked for, and what `sluice grants` prints. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "config/pipeline.h"

namespace sluice::config {

// In SQL's words: SELECT, INSERT …
std::vector<std::string_view> route_rights(const Route& route);

}  // namespace sluice::config

// Checks that the parts of a route's `columns` agree with each other and with its key.
//
// Called by config/load.cc with the route's section; what is wrong is thrown as a Complaint.
#pragma once

#include <toml++/toml.h>

#include "config/pipeline.h"

namespace sluice::config {

void check_columns(const toml::table& section, const Route& route);

}  // namespace sluice::config

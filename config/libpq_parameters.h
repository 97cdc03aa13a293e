// The parameters of a PostgreSQL connection string, as libpq has them up to PostgreSQL 18.
//
// Pure functions of any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::config {

// Returns what is wrong with a parameter, with the nearest known name or what can be written; empty if nothing is. Says
// the name, never the value.
std::string check_libpq_parameter(std::string_view name, std::string_view value);

}  // namespace sluice::config

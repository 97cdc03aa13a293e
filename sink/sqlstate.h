// The one table from PostgreSQL's SQLSTATE to what the caller does next.
//
// Pure and thread-safe.
#pragma once

#include <string_view>

#include "base/error.h"

namespace sluice::sink {

// `message` matters only where a distributed table has lost its worker's SQLSTATE (XX000).
ErrorClass classify(std::string_view sqlstate, std::string_view message);

}  // namespace sluice::sink

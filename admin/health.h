// Why the service is not healthy: what /healthz answers, and what the time line says of it.
//
// A pure function of any thread.
#pragma once

#include <string>

#include "admin/snapshot.h"

namespace sluice {

// One line that names no host, no user and no text of PostgreSQL's; empty while the service is healthy.
std::string health_trouble(const Snapshot& snapshot);

}  // namespace sluice

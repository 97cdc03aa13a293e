// Who this process is: the owner that its rows in Sluice's own tables name.
//
// Called once at the start, by the service; a UUID of its own for each process.
#pragma once

#include <string>

#include "sink/claim.h"

namespace sluice::runtime {

sink::Identity new_identity(const std::string& pipeline);

}  // namespace sluice::runtime

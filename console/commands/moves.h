// What `reclaim` tells, planned or not. A function of a command's thread.
#pragma once

#include "console/command.h"

namespace sluice::console {

Section reclaim_result();

}  // namespace sluice::console

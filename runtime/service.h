// `sluice run`: builds listener, lanes and HTTP in declared order, serves signals, and takes everything down again in
// reverse. The main thread owns it.
//
// Returns the exit code: 0 after SIGTERM or SIGINT (drained), 1 when the service had to give up. A second signal ends
// the process at once, which is always safe.
#pragma once

#include <memory>
#include <string>

#include "config/pipeline.h"

namespace sluice::runtime {

int run_service(std::shared_ptr<const config::Pipeline> pipeline, const std::string& config_path);

}  // namespace sluice::runtime

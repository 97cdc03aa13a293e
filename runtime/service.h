// `sluice run`: builds listener, lanes and HTTP in declared order, serves signals, and takes everything down again in
// reverse. The main thread owns it.
//
// Returns the exit code: 0 after SIGTERM or SIGINT (drained), 1 if the service could not continue, 2 for what a restart
// cannot mend (a port that is taken, a host key that others may read, a schema of a newer version). A second signal
// ends the process at once, which is always safe.
#pragma once

#include <memory>

#include "config/pipeline.h"
#include "runtime/subcommands.h"

namespace sluice::runtime {

int run_service(std::shared_ptr<const config::Pipeline> pipeline, const RunOptions& options);

}  // namespace sluice::runtime

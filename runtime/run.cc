#include "base/log.h"
#include "runtime/load_config.h"
#include "runtime/service.h"
#include "runtime/subcommands.h"

namespace sluice::runtime {

int run(const RunOptions& options) {
  const auto pipeline = load_config(options.config);
  if (!pipeline) return 2;
  log::setup(pipeline->log.level, pipeline->log.format);
  return run_service(pipeline, options);
}

}  // namespace sluice::runtime

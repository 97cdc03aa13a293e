#include "base/log.h"
#include "runtime/load_config.h"
#include "runtime/service.h"
#include "runtime/subcommands.h"

namespace sluice::runtime {

int run(const std::string& config_path) {
  const auto pipeline = load_config(config_path);
  if (!pipeline) return 2;
  log::setup(pipeline->log.level, pipeline->log.format);
  return run_service(pipeline, config_path);
}

}  // namespace sluice::runtime

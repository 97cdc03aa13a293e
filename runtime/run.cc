#include <fmt/format.h>

#include <cstdio>

#include "base/log.h"
#include "config/load.h"
#include "listener/listener.h"
#include "runtime/commands.h"
#include "runtime/service.h"

namespace sluice::runtime {

int run(const std::string& config_path) {
  auto loaded = config::load(config_path);
  if (!loaded) {
    fmt::print(stderr, "{}\n", loaded.error());
    return 2;
  }
  if (const auto valid = listener::validate(loaded->kafka); !valid) {
    fmt::print(stderr, "{}: {}\n", config::place(config_path, "kafka.properties"), valid.error().message);
    return 2;
  }
  log::setup(loaded->log.level, loaded->log.format);
  return run_service(std::make_shared<const config::Pipeline>(std::move(*loaded)), config_path);
}

}  // namespace sluice::runtime

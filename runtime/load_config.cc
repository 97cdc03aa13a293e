#include "runtime/load_config.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "base/printable.h"
#include "config/load.h"
#include "listener/consumer.h"

namespace sluice::runtime {

std::shared_ptr<const config::Pipeline> load_config(const std::string& path) {
  auto loaded = config::load(path);
  if (!loaded) {
    fmt::print(stderr, "{}\n", loaded.error());
    return nullptr;
  }
  if (const auto valid = listener::validate(loaded->kafka); !valid) {
    fmt::print(stderr, "{}: {}\n", config::place(path, "kafka.properties"), escape(valid.error().message));
    return nullptr;
  }
  return std::make_shared<const config::Pipeline>(std::move(*loaded));
}

}  // namespace sluice::runtime

#include "runtime/load_config.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "base/printable.h"
#include "config/load.h"
#include "listener/consumer.h"
#include "sink/server_check.h"

namespace sluice::runtime {

std::string place_of_property(const std::string& path, const Error& error) {
  return config::place(path, error.detail.empty() ? "kafka.properties" : "kafka.properties." + error.detail);
}

std::shared_ptr<const config::Pipeline> load_config(const std::string& path) {
  auto loaded = config::load(path);
  if (!loaded) {
    fmt::print(stderr, "{}\n", loaded.error());
    return nullptr;
  }
  if (const auto valid = listener::validate(loaded->kafka); !valid) {
    fmt::print(stderr, "{}: {}\n", place_of_property(path, valid.error()), escape(valid.error().message));
    return nullptr;
  }
  if (const auto valid = sink::check_url(loaded->postgres.url); !valid) {
    fmt::print(stderr, "{}: {}\n", config::place(path, "postgres.url"), escape(valid.error().message));
    return nullptr;
  }
  return std::make_shared<const config::Pipeline>(std::move(*loaded));
}

}  // namespace sluice::runtime

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "config/load.h"
#include "console/console.h"
#include "listener/producer.h"
#include "runtime/commands.h"
#include "runtime/metrics.h"
#include "sink/query.h"

namespace sluice::runtime {

int version(bool as_json) {
  nlohmann::ordered_json versions;
  versions["version"] = SLUICE_VERSION;
  versions["librdkafka"] = listener::library_version();
  versions["libpq"] = sink::libpq_version();
  versions["libpqxx"] = sink::libpqxx_version();
  versions["libssh"] = console::libssh_version();
  if (as_json) {
    fmt::print("{}\n", versions.dump());
    return 0;
  }
  fmt::print("sluice {}\n", SLUICE_VERSION);
  for (const auto& [name, value] : versions.items()) {
    if (name == "version") continue;
    fmt::print("{:<11} {}\n", name, value.get<std::string>());
  }
  return 0;
}

int config_page(const std::string& page) {
  const std::string text = page == "sample"    ? config::sample()
                           : page == "metrics" ? metrics_reference()
                                               : config::reference();
  fmt::print("{}", text);
  return 0;
}

}  // namespace sluice::runtime

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/http/http_client.h"
#include "console/ssh/console.h"
#include "listener/producer.h"
#include "runtime/subcommands.h"
#include "sink/sql_client.h"

namespace sluice::runtime {

std::vector<std::pair<std::string, std::string>> versions() {
  return {{"version", SLUICE_VERSION},           {"librdkafka", listener::library_version()},
          {"libpq", sink::libpq_version()},      {"libpqxx", sink::libpqxx_version()},
          {"libssh", console::libssh_version()}, {"libcurl", curl_version()}};
}

int version(bool as_json) {
  if (as_json) {
    nlohmann::ordered_json object;
    for (const auto& [name, value] : versions()) object[name] = value;
    fmt::print("{}\n", object.dump());
    return 0;
  }
  for (const auto& [name, value] : versions()) {
    if (name == "version") {
      fmt::print("sluice {}\n", value);
    } else {
      fmt::print("{:<11} {}\n", name, value);
    }
  }
  return 0;
}

}  // namespace sluice::runtime

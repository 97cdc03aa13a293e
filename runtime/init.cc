// `sluice init`: proposes a configuration.
#include <fmt/format.h>

#include <cstdio>

#include "config/validators.h"
#include "runtime/init/conversion.h"
#include "runtime/subcommands.h"

namespace sluice::runtime {
namespace {

constexpr int wrong_usage = 2;

int complain(std::string_view text) {
  fmt::print(stderr, "{}\n", text);
  return wrong_usage;
}

int from_connect(const InitOptions& options) {
  const auto file = read_connect_file(options.from_connect);
  if (!file) return complain(file.error());
  const auto text = convert_sink(*file, options.brokers);
  if (!text) return complain(text.error());
  fmt::print("{}", *text);
  return 0;
}

}  // namespace

int init(const InitOptions& options) {
  if (!options.brokers.empty())
    if (const auto wrong = config::check_brokers(options.brokers); !wrong.empty())
      return complain(fmt::format("sluice init: --brokers {}", wrong));
  return from_connect(options);
}

}  // namespace sluice::runtime

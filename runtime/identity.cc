#include "runtime/identity.h"

#include <fmt/format.h>
#include <unistd.h>

#include <random>

namespace sluice::runtime {
namespace {

std::string new_uuid() {
  std::random_device random;
  std::string hex;
  for (int i = 0; i < 4; ++i) hex += fmt::format("{:08x}", random());
  hex[12] = '4';
  hex[16] = "89ab"[hex[16] % 4];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace

sink::Identity new_identity(const std::string& pipeline) {
  return {pipeline, new_uuid(), host_name()};
}

}  // namespace sluice::runtime

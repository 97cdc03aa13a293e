// The webhooks of the configuration file, [[notify]]. Plain values of the Pipeline; a reload takes others over.
#pragma once

#include <string>
#include <vector>

#include "base/secret.h"

namespace sluice::config {

enum class HookKind { slack, discord, json };

struct Hook {
  HookKind kind = HookKind::json;
  Secret url;
  std::vector<std::string> on = {"stopped", "resumed", "dead_letters", "lag", "unhealthy"};  // names of event kinds
  std::string name;  // derived: POSITION:HOST; what is pending for it is kept under this name
};

}  // namespace sluice::config

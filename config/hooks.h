// The webhooks of the configuration file, [[notify]]: apart from the Pipeline, which never changes, as SIGHUP takes
// these over.
//
// Plain values, read by the main thread. load() (config/load.h) has checked these sections with the rest of the file.
#pragma once

#include <expected>
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

// An error is one line, as load()'s.
std::expected<std::vector<Hook>, std::string> load_hooks(const std::string& path);
bool are_equal(const std::vector<Hook>& one, const std::vector<Hook>& other);

}  // namespace sluice::config

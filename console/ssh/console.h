// The SSH console of a running service: host key, keys file, listening socket, sessions.
//
// Owned by the service's main thread, which starts it once, reloads its keys on SIGHUP and stops it. It has threads of
// its own: one that accepts, one for each connection, one for each running command. Nothing in it can stop or slow the
// stream of events: it reaches its capabilities only. Errors are sentences for an operator.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/capabilities.h"
#include "config/pipeline.h"

namespace sluice::console {

class Console {
 public:
  Console(std::shared_ptr<const config::Pipeline> pipeline, const Capabilities& admin,
          std::vector<std::pair<std::string, std::string>> versions);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // Makes or loads the host key, loads the keys file (one that is missing lets nobody in, with a warning), listens.
  Result<void> start();
  // Loads the keys file again; with an error in it the old keys stay. Sessions whose key is gone are ended.
  Result<void> reload_keys();
  // Tells every session why, lets running commands end, and is gone at the deadline.
  void stop(std::chrono::milliseconds within);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What `sluice check` says of the files of a console, a line each; an error is what would keep it from starting. Reads
// only. What this user may not read is said to be unchecked.
Result<std::vector<std::string>> check_files(const config::Console& settings);

std::string libssh_version();

}  // namespace sluice::console

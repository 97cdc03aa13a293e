// The refused tries of one connection to log in: how many, and the last one for the log. Used by its session's thread.
#pragma once

#include <string>
#include <utility>

namespace sluice::console {

struct LoginAttempts {
  static constexpr int at_most = 6;

  int refused = 0;
  bool asked_for_methods = false;  // by the method `none`, which is free once
  bool late = false;               // no login until the deadline
  bool halted = false;             // nothing that a client says after its greeting
  std::string user, key, reason;   // of the last one; what comes from the client is escaped

  void refuse(std::string by, std::string with_key, std::string why) {
    ++refused;
    user = std::move(by);
    key = std::move(with_key);
    reason = std::move(why);
  }
  bool exhausted() const { return refused >= at_most; }
};

}  // namespace sluice::console

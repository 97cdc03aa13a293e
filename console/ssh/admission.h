// Limits of connections before login, of sessions, and of addresses that misbehaved.
//
// Shared by the accepting thread and every session's; keeps a mutex for an instant and never waits. The clock is passed
// in. Everything it holds is bounded, whatever clients do.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"

namespace sluice::console {

class Admission {
 public:
  struct Limits {
    std::size_t unauthenticated = 32, unauthenticated_per_group = 8;
    std::size_t sessions = 24, reserved_for_admin = 2;
    std::chrono::seconds penalty{5}, longest_penalty{600};
    std::size_t offenders = 1024;
    int log_lines_per_second = 10;
  };
  struct Arrival {
    bool welcome = false;               // false: the address is in the penalty box
    std::optional<std::int64_t> evict;  // the unauthenticated connection that has to leave for the newcomer
  };

  Admission() = default;
  explicit Admission(Limits limits) : limits_(limits) {}

  Arrival arrive(std::int64_t id, const std::string& group, Clock::time_point now);
  // An unauthenticated connection has logged in. If there is no room the answer says why, and the connection stays
  // unauthenticated.
  std::optional<std::string> log_in(std::int64_t id, const std::string& fingerprint, bool admin, int max_sessions);
  void leave(std::int64_t id);
  // Too many tries, or no login until the deadline: the address waits, twice as long each time. Nothing happens to an
  // address that has a session in good standing. Returns how long.
  std::chrono::seconds penalize(const std::string& group, Clock::time_point now);

  std::size_t unauthenticated() const;
  std::size_t sessions() const;

  // Rate limit for log lines about unauthenticated connections; returns the number suppressed so far, or nothing if
  // this one is suppressed, too.
  std::optional<std::int64_t> may_log(Clock::time_point now);

 private:
  struct Connection {
    std::string group;
    std::string fingerprint;  // empty: unauthenticated
  };
  struct Offender {
    Clock::time_point until;
    std::chrono::seconds last{0};
  };

  std::int64_t oldest_of_largest_group() const REQUIRES(mutex_);

  Limits limits_{};
  mutable Mutex mutex_;
  std::map<std::int64_t, Connection> connections_ GUARDED_BY(mutex_);  // ids ascend with time
  std::map<std::string, Offender> offenders_ GUARDED_BY(mutex_);
  Clock::time_point log_second_ GUARDED_BY(mutex_){};
  int logged_ GUARDED_BY(mutex_) = 0;
  std::int64_t not_logged_ GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice::console

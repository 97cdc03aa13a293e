// The part of a session that other threads may see: who is logged in, what runs, how long nothing was typed.
//
// Owned by its session. Written by the session's thread and its channels', read by any; the lock is held for an
// instant.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "console/ssh/authorized_keys.h"

namespace sluice::console {

class SessionView {
 public:
  explicit SessionView(std::int64_t id) : id_(id) {}

  // A signature was right: whose it is, from which address. Once.
  void identify(const Grant& grant, const std::string& address);
  // From now on others see the session.
  void show();
  void hide();
  void running(const std::string& command);  // empty: none
  void typed() { last_input_ = now(); }
  void turned() { last_turn_ = now(); }
  void queued(std::size_t bytes) { queued_ = bytes; }

  // Of the session's thread, which alone calls identify(): what only it writes, it reads without the mutex.
  const Grant& identity() const NO_THREAD_SAFETY_ANALYSIS { return grant_; }
  const Login& login() const NO_THREAD_SAFETY_ANALYSIS { return grant_.login; }

  // Nothing unless shown.
  std::optional<SessionInfo> info() const;
  std::optional<Grant> grant() const;
  Clock::duration idle() const { return Clock::now().time_since_epoch() - Clock::duration(last_input_); }
  Clock::duration since_last_turn() const { return Clock::now().time_since_epoch() - Clock::duration(last_turn_); }

 private:
  static Clock::rep now() { return Clock::now().time_since_epoch().count(); }

  const std::int64_t id_;
  const WallClock::time_point since_ = WallClock::now();
  std::atomic<Clock::rep> last_input_{now()}, last_turn_{now()};
  std::atomic<std::size_t> queued_{0};

  mutable Mutex mutex_;
  Grant grant_ GUARDED_BY(mutex_);  // with the address
  bool shown_ GUARDED_BY(mutex_) = false;
  std::string command_ GUARDED_BY(mutex_);
};

}  // namespace sluice::console

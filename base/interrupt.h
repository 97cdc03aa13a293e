// The end of waiting, for whatever a thread does on behalf of a person: a stop (Ctrl-C, the client went away) and a
// deadline. Whoever waits further down (sink, listener) asks interruption() and ends early.
//
//   const InterruptScope scope(stop);             // in the thread that carries a command out
//   const InterruptScope sooner(deadline);        // inside: the earlier deadline counts, the stop stays
//
// A property of the thread, so that no interface between needs a parameter for it. Outside any scope nothing
// interrupts. Scopes end in the reverse order of their beginning.
#pragma once

#include <algorithm>
#include <stop_token>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace sluice {

struct Interruption {
  std::stop_token stop;
  Clock::time_point deadline = Clock::time_point::max();

  bool requested() const { return stop.stop_requested(); }
  // The deadline of a wait that has one of its own.
  Clock::time_point earlier(Clock::time_point other) const { return std::min(other, deadline); }
};

namespace detail {
inline thread_local Interruption interruption;
}

inline const Interruption& interruption() {
  return detail::interruption;
}

// The message of what was ended by a stop, in errors.
inline constexpr std::string_view cancelled = "cancelled";

class InterruptScope {
 public:
  explicit InterruptScope(std::stop_token stop) : InterruptScope(Interruption{std::move(stop)}) {}
  explicit InterruptScope(Clock::time_point deadline)
      : InterruptScope(Interruption{interruption().stop, interruption().earlier(deadline)}) {}
  ~InterruptScope() { detail::interruption = std::move(before_); }
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  explicit InterruptScope(Interruption now) : before_(std::exchange(detail::interruption, std::move(now))) {}

  Interruption before_;
};

}  // namespace sluice

// Which of many sources have become readable: a set of small numbers, and a descriptor for poll(2) that is readable
// while the set is not empty.
//
// Owned by the thread that polls. Any thread may notify(); a token that waits already is not added again, so the set
// never holds more than there are sources. Tokens are dense numbers from 0, the owner's choice.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/event_fd.h"
#include "base/mutex.h"

namespace sluice {

class ReadySignal {
 public:
  void notify(std::uint32_t token) {
    {
      const MutexLock lock(mutex_);
      if (token >= waits_.size()) waits_.resize(token + 1);
      if (waits_[token]) return;
      waits_[token] = true;
      tokens_.push_back(token);
      if (tokens_.size() > 1) return;  // rung already
    }
    event_.notify();
  }
  // Rings without a token, for other news of the owner's.
  void ring() const { event_.notify(); }

  // The tokens since the last call, in the order of their arrival, and stops the ringing.
  std::vector<std::uint32_t> take() {
    event_.drain();
    const MutexLock lock(mutex_);
    for (const auto token : tokens_) waits_[token] = false;
    return std::exchange(tokens_, {});
  }

  int fd() const { return event_.fd(); }

 private:
  EventFd event_;
  Mutex mutex_;
  std::vector<bool> waits_ GUARDED_BY(mutex_);
  std::vector<std::uint32_t> tokens_ GUARDED_BY(mutex_);
};

}  // namespace sluice

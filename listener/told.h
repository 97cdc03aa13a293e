// Lets a text pass once a minute: librdkafka says some of its errors ten times a second.
//
// Private to listener/. Any thread.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"

namespace sluice::listener {

class Told {
 public:
  bool is_new(const std::string& text) {
    const auto now = Clock::now();
    const MutexLock lock(mutex_);
    std::erase_if(at_, [&](const auto& one) { return now - one.second >= std::chrono::minutes(1); });
    if (at_.size() >= remembered_max) at_.clear();
    return at_.emplace(text, now).second;
  }

 private:
  static constexpr std::size_t remembered_max = 100;
  Mutex mutex_;
  std::map<std::string, Clock::time_point> at_ GUARDED_BY(mutex_);
};

}  // namespace sluice::listener

// The end of a session: asked for from any thread, carried out by the session's. The first reason stays.
#pragma once

#include <string>
#include <utility>

#include "base/mutex.h"

namespace sluice::console {

class SessionEnd {
 public:
  struct Reason {
    std::string text;  // that the client reads; empty: it just ends
    int code = 0;
  };

  // False if it was asked for before.
  bool request(std::string text, int code) {
    const MutexLock lock(mutex_);
    if (std::exchange(requested_, true)) return false;
    reason_ = {std::move(text), code};
    return true;
  }
  bool requested() const {
    const MutexLock lock(mutex_);
    return requested_;
  }
  Reason reason() const {
    const MutexLock lock(mutex_);
    return reason_;
  }

 private:
  mutable Mutex mutex_;
  bool requested_ GUARDED_BY(mutex_) = false;
  Reason reason_ GUARDED_BY(mutex_);
};

}  // namespace sluice::console

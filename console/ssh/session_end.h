// The end of a session: asked for from any thread, carried out by the session's. The first reason stays.
#pragma once

#include <mutex>
#include <string>
#include <utility>

namespace sluice::console {

class SessionEnd {
 public:
  struct Reason {
    std::string text;  // that the client reads; empty: it just ends
    int code = 0;
  };

  // False if it was asked for before.
  bool request(std::string text, int code) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(requested_, true)) return false;
    reason_ = {std::move(text), code};
    return true;
  }
  bool requested() const {
    const std::lock_guard lock(mutex_);
    return requested_;
  }
  Reason reason() const {
    const std::lock_guard lock(mutex_);
    return reason_;
  }

 private:
  mutable std::mutex mutex_;
  bool requested_ = false;
  Reason reason_;
};

}  // namespace sluice::console

// What is typed while a command runs that listens to it, and the size of the window as it is now.
//
// Owned by a channel with a terminal. The session's thread gives, the command's thread listens; a lock is held for an
// instant. What is typed faster than it is read is dropped beyond a limit: these are keys, not text.
#pragma once

#include <chrono>
#include <condition_variable>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace sluice::console {

struct WindowSize {
  int columns = 80, rows = 24;
  bool operator==(const WindowSize&) const = default;
};

class Keyboard {
 public:
  static constexpr std::size_t most_bytes = 1024;

  // The session's thread. Returns false if no command listens: then the bytes are for who comes next.
  bool give(std::string_view bytes) EXCLUDES(mutex_);
  void resize(const WindowSize& size) EXCLUDES(mutex_);

  // The command's thread. While it lives, what is typed is the command's.
  class Listener {
   public:
    explicit Listener(Keyboard& keyboard);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // Keys by their names (`up`, `page down`, `enter`, `escape`, `erase`) or as the character; none when the time is
    // over, the window has changed, or stop was requested.
    std::vector<std::string> next(std::chrono::milliseconds within, const std::stop_token& stop);

   private:
    Keyboard& keyboard_;
    std::string begun_;  // of a key that came in pieces
  };
  WindowSize size() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  bool listening_ GUARDED_BY(mutex_) = false, resized_ GUARDED_BY(mutex_) = false;
  std::string typed_ GUARDED_BY(mutex_);
  WindowSize size_ GUARDED_BY(mutex_);
};

// Takes the whole keys off the beginning of what was typed; a key that is not whole yet stays, a lone escape is one.
std::vector<std::string> take_keys(std::string& typed);

}  // namespace sluice::console

// What is typed while a command runs that listens to it, and the size of the window as it is now.
//
// Owned by a channel with a terminal. The session's thread gives, the command's thread listens; a lock is held for an
// instant. Nothing is lost: what does not fit, and what the command leaves unread, is for who comes next.
#pragma once

#include <chrono>
#include <condition_variable>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/mutex.h"

namespace sluice::console {

struct WindowSize {
  int columns = 80, rows = 24;
  bool operator==(const WindowSize&) const = default;
};

class Keyboard {
 public:
  static constexpr std::size_t most_bytes = 1024;

  // The session's thread. Returns how many of the bytes were taken; 0 if no command listens.
  std::size_t give(std::string_view bytes) EXCLUDES(mutex_);
  // What was typed up to now is for nobody.
  void forget() EXCLUDES(mutex_);
  // What no command has read, once none listens any more.
  std::string take_unread() EXCLUDES(mutex_);
  void resize(const WindowSize& size) EXCLUDES(mutex_);

  // The command's thread. While it lives, what is typed is the command's.
  class Listener {
   public:
    explicit Listener(Keyboard& keyboard);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // A key by its name (`up`, `page down`, `enter`, `escape`, `erase`) or as the character; nothing when the time is
    // over, the window has changed, or stop was requested. One at a time, as it may be the command's last.
    std::optional<std::string> next(std::chrono::milliseconds within, const std::stop_token& stop);

   private:
    Keyboard& keyboard_;
  };
  WindowSize size() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  bool listening_ GUARDED_BY(mutex_) = false, resized_ GUARDED_BY(mutex_) = false;
  std::string typed_ GUARDED_BY(mutex_);
  WindowSize size_ GUARDED_BY(mutex_);
};

// Takes the first whole key off the beginning of what was typed; one that is not whole yet stays, a lone escape is one.
std::optional<std::string> take_key(std::string& typed);

}  // namespace sluice::console

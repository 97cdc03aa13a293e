// Queue of a channel's output: filled by a command's thread, emptied by the session's.
//
// Bounded. A command that writes faster than its reader reads waits above the soft limit, until there is room or the
// queue is closed (the reader went away, or made no progress for too long); nothing is dropped while it is open. Sizes
// are bytes.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "console/terminal.h"

namespace sluice::console {

class OutputQueue final : public Output {
 public:
  static constexpr std::size_t soft_limit = 1 << 20, hard_limit = 4 << 20;

  explicit OutputQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

  // With a pty there is one stream, as a terminal has, and \n becomes \r\n.
  void use_pty() { pty_ = true; }

  // A command's thread; each may wait.
  void out(std::string_view text) override { add(text, false, true); }
  void err(std::string_view text) override { add(text, true, true); }
  bool all_taken() const override { return size() == 0; }

  // The session's thread; none waits.
  void put(std::string_view text, bool err = false) { add(text, err, false); }
  struct Piece {
    bool err = false;
    std::string text;
  };
  Piece front(std::size_t most) const;
  void consume(std::size_t bytes);
  void close();
  // Returns true if what the client has been sent, or is to be sent, leaves the alternate screen switched on. What
  // switches it off counts when it has been consumed, for close() may drop it.
  bool full_screen() const;

  std::size_t size() const;

 private:
  void add(std::string_view text, bool err, bool may_wait) EXCLUDES(mutex_);
  void append(std::string_view text, bool err) REQUIRES(mutex_);

  std::function<void()> wake_;
  bool pty_ = false;  // set before the first command
  mutable Mutex mutex_;
  std::condition_variable_any room_;
  std::deque<Piece> pieces_ GUARDED_BY(mutex_);
  std::size_t taken_ GUARDED_BY(mutex_) = 0;  // of the front piece
  std::size_t size_ GUARDED_BY(mutex_) = 0;
  char last_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
  bool full_screen_ GUARDED_BY(mutex_) = false;
  std::optional<std::size_t> left_after_ GUARDED_BY(mutex_);  // bytes still to be consumed until it is switched off
};

}  // namespace sluice::console

// Writes lines to a descriptor that may not be read, and never waits for its reader: lanes write the log.
//
// What the descriptor does not take at once is kept, up to a limit, and written before the next line; what exceeds the
// limit is dropped whole lines at a time, and counted, as is what an error such as a full disk costs. Any thread. Owned
// by the log (base/log.h), as the only writer of its descriptor in this process.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "base/mutex.h"

namespace sluice {

class LineWriter {
 public:
  static constexpr std::size_t kept_at_most = 1 << 20;  // bytes

  // `fd` is borrowed. `note` makes the line that says how many lines were lost.
  LineWriter(int fd, std::string (*note)(std::int64_t lost));
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // A line with its end.
  void write(std::string line);
  // Writes what is kept, as far as the reader takes it within the time.
  void flush(std::chrono::milliseconds within);
  std::int64_t lost() const;  // lines, so far

 private:
  struct Line {
    std::string text;
    std::int64_t tells = 0;  // of so many lost lines; 0: it is not a note
    bool begun = false;      // written in part
  };

  void keep(Line line) REQUIRES(mutex_);
  bool write_all() REQUIRES(mutex_);   // with the note about what was lost; false: the descriptor takes no more
  bool write_kept() REQUIRES(mutex_);  // false: the descriptor takes no more
  void drop_first(int problem) REQUIRES(mutex_);
  int open_without_blocking() const;

  const int fd_;
  const int own_;  // the same file, opened anew, so that not to block is our property alone; -1: cannot be had
  const bool is_socket_;
  std::string (*const note_)(std::int64_t lost);
  mutable Mutex mutex_;
  std::deque<Line> kept_ GUARDED_BY(mutex_);
  bool torn_ GUARDED_BY(mutex_) = false;  // the last line that was written has no end
  std::size_t kept_bytes_ GUARDED_BY(mutex_) = 0;
  std::int64_t lost_ GUARDED_BY(mutex_) = 0;
  std::int64_t told_ GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice

#include "base/line_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <thread>
#include <utility>

namespace sluice {
namespace {

bool is_of_kind(int fd, mode_t kind) {
  struct stat about{};
  return fstat(fd, &about) == 0 && (about.st_mode & S_IFMT) == kind;
}

}  // namespace

LineWriter::LineWriter(int fd, std::string (*note)(std::int64_t lost))
    : fd_(fd), own_(open_without_blocking()), is_socket_(is_of_kind(fd, S_IFSOCK)), note_(note) {}

LineWriter::~LineWriter() {
  if (own_ >= 0) close(own_);
}

// The descriptor's own mode is shared with whoever else has it (a shell, say), so it stays as it is. A regular file
// never blocks, and opened anew it would be written from its beginning.
int LineWriter::open_without_blocking() const {
  if (!is_of_kind(fd_, S_IFIFO) && !is_of_kind(fd_, S_IFCHR)) return -1;
  return open(fmt::format("/proc/self/fd/{}", fd_).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_APPEND);
}

void LineWriter::write(std::string line) {
  const MutexLock lock(mutex_);
  const bool takes_more = write_all();
  if (kept_bytes_ + line.size() > kept_at_most) {
    ++lost_;
  } else {
    keep({std::move(line)});
  }
  if (takes_more) write_all();
}

void LineWriter::keep(Line line) {
  kept_bytes_ += line.text.size();
  kept_.push_back(std::move(line));
}

// The note about lost lines comes as soon as nothing else is waiting.
bool LineWriter::write_all() {
  if (!write_kept()) return false;
  if (lost_ == told_) return true;
  const auto news = lost_ - told_;
  keep({(torn_ ? "\n" : "") + note_(news), news});
  told_ = lost_;
  return write_kept();
}

// An error is not a reader that stands still: what cannot be written is not kept. Nothing is missed by the reader of a
// closed pipe, because there is none; a full disk costs the line, and the note is tried again with the next one.
void LineWriter::drop_first(int problem) {
  const Line& line = kept_.front();
  const bool nobody_reads = problem == EPIPE || problem == ECONNRESET || problem == ENOTCONN;
  if (line.tells > 0 && !nobody_reads) told_ -= line.tells;
  if (line.tells == 0 && !nobody_reads) ++lost_;
  torn_ = torn_ || line.begun;
  kept_bytes_ -= line.text.size();
  kept_.pop_front();
}

bool LineWriter::write_kept() {
  while (!kept_.empty()) {
    auto& line = kept_.front().text;
    ssize_t written = 0;
    if (is_socket_) {
      written = send(fd_, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (own_ >= 0) {
      written = ::write(own_, line.data(), line.size());
    } else {
      // A descriptor that says it can be written takes so many bytes of a pipe, or of any file, without blocking.
      pollfd descriptor{fd_, POLLOUT, 0};
      if (poll(&descriptor, 1, 0) != 1) return false;
      written = ::write(fd_, line.data(), std::min<std::size_t>(line.size(), PIPE_BUF));
    }
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (written < 0) {
      drop_first(errno);
      continue;
    }
    const auto taken = static_cast<std::size_t>(written);
    kept_bytes_ -= taken;
    if (taken == line.size()) {
      kept_.pop_front();
      torn_ = false;
    } else {
      line.erase(0, taken);
      kept_.front().begun = true;
    }
  }
  return true;
}

void LineWriter::flush(std::chrono::milliseconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (write_all()) return;
    }
    if (std::chrono::steady_clock::now() >= until) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::int64_t LineWriter::lost() const {
  const MutexLock lock(mutex_);
  return lost_;
}

}  // namespace sluice

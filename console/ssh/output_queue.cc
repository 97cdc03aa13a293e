#include "console/ssh/output_queue.h"

#include <algorithm>

namespace sluice::console {
namespace {

constexpr std::size_t piece_size = 16 * 1024;

}  // namespace

void OutputQueue::add(std::string_view text, bool err, bool may_wait) {
  while (!text.empty()) {
    {
      MutexLock lock(mutex_);
      if (may_wait) room_.wait(lock, [this]() REQUIRES(mutex_) { return closed_ || size_ < soft_limit; });
      if (closed_) return;
      const auto part = text.substr(0, piece_size);
      text.remove_prefix(part.size());
      append(part, err && !pty_);
    }
    wake_();
  }
}

void OutputQueue::append(std::string_view text, bool err) {
  if (pieces_.empty() || pieces_.back().err != err || pieces_.back().text.size() >= piece_size) {
    pieces_.push_back({err, {}});
  }
  auto& to = pieces_.back().text;
  const auto before = to.size();
  if (!pty_) {
    to += text;
  } else {
    for (const char c : text) {
      if (c == '\n' && last_ != '\r') to += '\r';
      to += last_ = c;
    }
  }
  size_ += to.size() - before;
  if (text.find("\x1b[?1049h") != text.npos) {
    full_screen_ = true;
    left_after_.reset();
  }
  if (full_screen_ && text.find("\x1b[?1049l") != text.npos) left_after_ = size_;
}

OutputQueue::Piece OutputQueue::front(std::size_t most) const {
  const MutexLock lock(mutex_);
  if (pieces_.empty()) return {};
  return {pieces_.front().err, pieces_.front().text.substr(taken_, std::min(most, piece_size))};
}

void OutputQueue::consume(std::size_t bytes) {
  {
    const MutexLock lock(mutex_);
    if (pieces_.empty()) return;
    taken_ += bytes;
    size_ -= bytes;
    if (left_after_ && *left_after_ <= bytes) {
      full_screen_ = false;
      left_after_.reset();
    } else if (left_after_) {
      *left_after_ -= bytes;
    }
    if (taken_ >= pieces_.front().text.size()) {
      pieces_.pop_front();
      taken_ = 0;
    }
  }
  room_.notify_all();
}

void OutputQueue::close() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    pieces_.clear();
    taken_ = size_ = 0;
  }
  room_.notify_all();
}

bool OutputQueue::full_screen() const {
  const MutexLock lock(mutex_);
  return full_screen_;
}

std::size_t OutputQueue::size() const {
  const MutexLock lock(mutex_);
  return size_;
}

}  // namespace sluice::console

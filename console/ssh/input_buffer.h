// What a client typed or sent and nobody has used yet: appended at the end, used from the front, in linear time.
//
// A value, of its channel; used by the session's thread. Its owner limits the size. Bytes.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace sluice::console {

class InputBuffer {
 public:
  void append(std::string_view bytes) { text_ += bytes; }
  void prepend(std::string_view bytes) { text_.replace(0, std::exchange(used_, 0), bytes); }
  std::string_view rest() const { return std::string_view(text_).substr(used_); }
  bool empty() const { return used_ == text_.size(); }
  std::size_t size() const { return text_.size() - used_; }
  void consume(std::size_t bytes) {
    used_ += bytes;
    // Moving what is left only once it is the smaller half keeps the cost of a byte constant.
    if (used_ * 2 < text_.size()) return;
    text_.erase(0, used_);
    used_ = 0;
  }
  void clear() {
    text_.clear();
    used_ = 0;
  }

 private:
  std::string text_;
  std::size_t used_ = 0;
};

}  // namespace sluice::console

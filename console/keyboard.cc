#include "console/keyboard.h"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::console {
namespace {

constexpr char escape_key = 0x1b;
constexpr std::size_t longest_sequence = 16;

// The name of a control sequence by its final letter, or by its number where that is ~; empty: none of ours.
std::string named(std::string_view parameters, char final) {
  static const std::map<std::string, std::string, std::less<>> names{
      {"A", "up"},         {"B", "down"},  {"H", "home"}, {"F", "end"},   {"5~", "page up"},
      {"6~", "page down"}, {"1~", "home"}, {"4~", "end"}, {"7~", "home"}, {"8~", "end"}};
  const auto found = names.find(final == '~' ? std::string(parameters) + '~' : std::string(1, final));
  return found == names.end() ? std::string() : found->second;
}

// The length of the escape sequence that `typed` begins with, 0 if it goes on; its key.
std::pair<std::size_t, std::string> sequence(std::string_view typed) {
  if (typed.size() == 1) return {1, "escape"};
  if (typed[1] != '[' && typed[1] != 'O') return {1, "escape"};
  for (std::size_t at = 2; at < typed.size(); ++at) {
    const char c = typed[at];
    if (c >= 0x40 && c <= 0x7e) return {at + 1, named(typed.substr(2, at - 2), c)};
    if (c < 0x20 || at > longest_sequence) return {at, ""};
  }
  return {typed.size() > longest_sequence ? typed.size() : 0, ""};
}

std::size_t character_length(unsigned char first) {
  return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
}

}  // namespace

std::optional<std::string> take_key(std::string& typed) {
  while (!typed.empty()) {
    std::size_t length = character_length(static_cast<unsigned char>(typed.front()));
    std::string key;
    if (typed.front() == escape_key) {
      std::tie(length, key) = sequence(typed);
      if (length == 0) return std::nullopt;
    } else if (typed.size() < length) {
      return std::nullopt;
    } else {
      key = typed.substr(0, length);
      if (key == "\r" || key == "\n") key = "enter";
      if (key == "\x7f" || key == "\b") key = "erase";
    }
    typed.erase(0, length);
    if (!key.empty()) return key;
  }
  return std::nullopt;
}

std::size_t Keyboard::give(std::string_view bytes) {
  {
    const MutexLock lock(mutex_);
    if (!listening_) return 0;
    bytes = bytes.substr(0, most_bytes - std::min(most_bytes, typed_.size()));
    typed_ += bytes;
  }
  changed_.notify_all();
  return bytes.size();
}

void Keyboard::forget() {
  const MutexLock lock(mutex_);
  typed_.clear();
}

std::string Keyboard::take_unread() {
  const MutexLock lock(mutex_);
  return std::exchange(typed_, {});
}

void Keyboard::resize(const WindowSize& size) {
  {
    const MutexLock lock(mutex_);
    resized_ = resized_ || size != size_;
    size_ = size;
  }
  changed_.notify_all();
}

WindowSize Keyboard::size() const {
  const MutexLock lock(mutex_);
  return size_;
}

Keyboard::Listener::Listener(Keyboard& keyboard) : keyboard_(keyboard) {
  const MutexLock lock(keyboard_.mutex_);
  keyboard_.listening_ = true;
  keyboard_.typed_.clear();
}

Keyboard::Listener::~Listener() {
  const MutexLock lock(keyboard_.mutex_);
  keyboard_.listening_ = false;
}

std::optional<std::string> Keyboard::Listener::next(std::chrono::milliseconds within, const std::stop_token& stop) {
  std::optional<std::string> key;
  MutexLock lock(keyboard_.mutex_);
  keyboard_.changed_.wait_for(lock, stop, within, [&]() NO_THREAD_SAFETY_ANALYSIS {
    // What is typed behind a Ctrl-C is not for the command that it ends.
    if (!stop.stop_requested()) key = take_key(keyboard_.typed_);
    return key || keyboard_.resized_;
  });
  if (!key) keyboard_.resized_ = false;
  return key;
}

}  // namespace sluice::console

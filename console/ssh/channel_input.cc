// What a client types or sends: kept within limits, and used line by line.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "console/ssh/channel.h"
#include "console/ssh/channel_limits.h"

namespace sluice::console {
namespace {

constexpr std::size_t most_input = 1 << 20;
constexpr std::size_t most_held = 4 << 20;  // by the library: more than the window is sent by no honest client
constexpr int blank_lines_per_turn = 1000;
constexpr char interrupt = 0x03;

}  // namespace

// `bytes` is all that the library has. Returns how many were taken.
std::size_t Channel::take(std::string_view bytes) {
  const std::size_t length = bytes.size();
  context_.keystroke();
  if (terminal_.pty && running_) {
    if (const auto last = bytes.rfind(interrupt); last != bytes.npos) {
      stop_command();
      output_.put("^C\n");
      input_.clear();
      bytes.remove_prefix(last + 1);
    }
  }
  if (running_ && keyboard_.give(bytes)) return length;
  if (mode_ != Mode::shell && mode_ != Mode::batch) return length;  // a single command reads nothing else
  const std::size_t room = most_input - input_.size();
  if (mode_ == Mode::batch && bytes.size() > room) {
    // Its lines are read as fast as they are run; meanwhile the client waits.
    input_.append(bytes.substr(0, room));
    held_ = bytes.size() - room;
    overflow_ = overflow_ || held_ > most_held;
    return room;
  }
  held_ = 0;
  overflow_ = overflow_ || bytes.size() > room;
  if (!overflow_) input_.append(bytes);
  return length;
}

void Channel::take_held() {
  if (held_ == 0 || input_.size() > most_input / 2) return;
  std::string block(std::min(held_, most_input / 2), '\0');
  const int got = ssh_channel_read_nonblocking(channel_, block.data(), static_cast<std::uint32_t>(block.size()), 0);
  if (got <= 0) {
    held_ = 0;  // an error, or less than was said to be there: nothing to wait for
    return;
  }
  held_ -= std::min(held_, static_cast<std::size_t>(got));
  input_.append(std::string_view(block).substr(0, static_cast<std::size_t>(got)));
}

// Takes a line of stdin, without a terminal. Returns true if another may follow at once.
bool Channel::next_of_batch() {
  take_held();
  for (int blank = 0; blank < blank_lines_per_turn; ++blank) {
    const auto rest = input_.rest();
    const auto end = rest.find('\n');
    const bool ended = eof_ && held_ == 0;
    if (end == rest.npos && rest.size() <= longest_command && (!ended || rest.empty())) {
      if (ended) finish(Code::done);
      return false;
    }
    std::string line(rest.substr(0, end));
    // Editors of some systems write a byte order mark at the begin of a file.
    if (++batch_line_ == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    if (line.size() > longest_command) {
      output_.put(
          fmt::format("error: line {} is longer than {} KiB; send it in parts\n", batch_line_, longest_command / 1024),
          true);
      finish(Code::not_understood);
      return false;
    }
    input_.consume(end == rest.npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.pop_back();
    const auto first = line.find_first_not_of(" \t");
    if (first == line.npos || line[first] == '#') continue;
    start_command(line);
    return false;
  }
  return true;
}

// Takes what was typed, up to the next line. Returns true if there is more.
bool Channel::next_of_shell() {
  if (std::exchange(resized_, false)) output_.put(shown(editor_->resize(terminal_.columns)));
  if (input_.empty()) {
    if (eof_) finish(Code::done);
    return false;
  }
  const auto step = editor_->feed(input_.rest().substr(0, write_size));
  input_.consume(step.taken);
  output_.put(shown(step.output));
  const auto first = step.line.find_first_not_of(' ');
  if (step.event == Editor::Event::end) {
    output_.put("bye\n");
    finish(Code::done);
  } else if (step.event == Editor::Event::line && first != step.line.npos && step.line[first] != '#') {
    start_command(step.line);
    return false;
  } else if (step.event != Editor::Event::none) {
    output_.put(shown(editor_->start()));
  }
  return !input_.empty();
}

}  // namespace sluice::console

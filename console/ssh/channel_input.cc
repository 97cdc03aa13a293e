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
// No terminal halts in the middle of a paste for so long, but behind a key that was pressed.
constexpr auto quiet_after_key = std::chrono::milliseconds(250);

}  // namespace

// `bytes` is all that the library has. Returns how many were taken. What comes before the client has said what the
// channel is for waits for that.
std::size_t Channel::take(std::string_view bytes) {
  const std::size_t length = bytes.size();
  context_.keystroke();
  last_input_ = Clock::now();
  if (running_) {
    if (const auto used = interrupt_by(bytes); used > 0) {
      input_.clear();
      keyboard_.forget();
      bytes.remove_prefix(used);
    }
    give_keys();
    if (input_.empty()) bytes.remove_prefix(keyboard_.give(bytes));
    if (bytes.empty()) return length;
  }
  if (mode_ == Mode::exec) {  // a single command reads nothing but keys
    const std::size_t kept = terminal_.pty ? Keyboard::most_bytes - std::min(Keyboard::most_bytes, input_.size()) : 0;
    input_.append(bytes.substr(0, kept));
    return length;
  }
  const std::size_t room = most_input - input_.size();
  if (mode_ != Mode::shell && bytes.size() > room) {
    // Lines are read as fast as they are run; meanwhile the client waits.
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

// A Ctrl-C among what was typed ends the command that runs, and counts for what was typed before it, too. Returns how
// many bytes that were; 0: there is none.
std::size_t Channel::interrupt_by(std::string_view typed) {
  const auto last = terminal_.pty ? typed.rfind(interrupt) : typed.npos;
  if (last == typed.npos) return 0;
  stop_command();
  output_.put("^C\n");
  return last + 1;
}

// What was typed before a command listened to keys is for it.
void Channel::give_keys() {
  if (running_ && !input_.empty()) input_.consume(keyboard_.give(input_.rest()));
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
    if (std::exchange(after_return_, false) && input_.rest().starts_with('\n')) input_.consume(1);
    const auto rest = input_.rest();
    const auto end = rest.find_first_of("\r\n");
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
    after_return_ = end != rest.npos && rest[end] == '\r';  // a line end, as some systems write it, or the half of one
    input_.consume(end == rest.npos ? rest.size() : end + 1);
    const auto first = line.find_first_not_of(" \t");
    if (first == line.npos || line[first] == '#') continue;
    start_command(line);
    return false;
  }
  return true;
}

// Takes what was typed, up to the next line. Returns true if there is more.
bool Channel::next_of_shell(Clock::time_point now) {
  take_held();
  if (std::exchange(resized_, false)) output_.put(shown(editor_->resize(terminal_.columns)));
  const bool quiet = input_.empty() && editor_->waits_for_quiet() && now - last_input_ >= quiet_after_key;
  if (input_.empty() && !quiet) {
    if (eof_) finish(Code::done);
    return false;
  }
  const auto step = quiet ? editor_->quiet() : editor_->feed(input_.rest().substr(0, write_size));
  input_.consume(step.taken);
  output_.put(shown(step.output));
  const auto first = step.line.find_first_not_of(' ');
  if (step.event == Editor::Event::end) {
    output_.put("bye\n");
    finish(Code::done);
  } else if (step.event == Editor::Event::line && first != step.line.npos && step.line[first] != '#') {
    start_command(step.line);
    if (running_) input_.consume(interrupt_by(input_.rest()));
    return false;
  } else if (step.event != Editor::Event::none) {
    output_.put(shown(editor_->start()));
  }
  return !input_.empty();
}

}  // namespace sluice::console

#include "console/ssh/channel.h"

#include <fmt/format.h>
#include <libssh/server.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/parse.h"
#include "base/printable.h"
#include "console/command.h"
#include "console/guarded.h"
#include "console/ssh/channel_limits.h"
#include "console/ssh/first_write.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t writes_per_turn = 16;
constexpr int most_env_requests = 64;
// Of SSH_MSG_CHANNEL_REQUEST without the command (RFC 4254, 6.5).
constexpr std::size_t exec_message_size = 1 + 4 + 4 + std::string_view("exec").size() + 1 + 4;
constexpr auto without_progress = 60s;
constexpr int accepted = 0, refused = -1;

// TERM comes raw from the client; what is not a plain name is a dumb terminal.
std::string terminal_name(const char* term) {
  const std::string_view name = term == nullptr ? "" : term;
  const bool plain = !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return is_letter(c) || is_digit(c) || std::strchr("+._-", c) != nullptr;
  });
  return plain && name != "dumb" ? std::string(name) : std::string();
}

Channel& of(void* self) {
  return *static_cast<Channel*>(self);
}

}  // namespace

Channel::Channel(ssh_session session, ChannelContext context)
    : session_(session), channel_(ssh_channel_new(session)), context_(std::move(context)), output_(context_.wake) {
  callbacks_.userdata = this;
  callbacks_.channel_pty_request_function = on_pty;
  callbacks_.channel_pty_window_change_function = on_resize;
  callbacks_.channel_shell_request_function = on_shell;
  callbacks_.channel_exec_request_function = on_exec;
  callbacks_.channel_env_request_function = on_env;
  callbacks_.channel_subsystem_request_function = on_subsystem;
  callbacks_.channel_signal_function = on_signal;
  callbacks_.channel_data_function = on_data;
  callbacks_.channel_eof_function = on_eof;
  callbacks_.channel_close_function = on_close;
  ssh_callbacks_init(&callbacks_);
  if (channel_ != nullptr) ssh_set_channel_callbacks(channel_, &callbacks_);
}

// The library keeps calling the callbacks of a freed channel until its peer closes it, so they are removed first.
void Channel::release() {
  output_.close();
  if (channel_ == nullptr) return;
  ssh_remove_channel_callbacks(channel_, &callbacks_);
  ssh_channel_free(std::exchange(channel_, nullptr));
}

Channel::~Channel() {
  release();
}

int Channel::on_pty(ssh_session, ssh_channel, const char* term, int columns, int rows, int, int, void* self) noexcept {
  auto& channel = of(self);
  channel.context_.message_size();
  if (!channel.context_.pty_allowed || channel.terminal_.pty || channel.mode_ != Mode::none) return refused;
  const auto take = [&] {
    channel.term_ = terminal_name(term);
    channel.terminal_.pty = true;
    channel.resize(columns, rows);
    return accepted;
  };
  return guarded(channel.broken_, take, refused);
}

int Channel::on_resize(ssh_session, ssh_channel, int columns, int rows, int, int, void* self) noexcept {
  of(self).context_.message_size();
  of(self).resize(columns, rows);
  return accepted;
}

// The 32 bits of the wire arrive as a signed int.
void Channel::resize(int columns, int rows) {
  terminal_.columns = columns <= 0 ? 80 : std::clamp(columns, 20, 500);
  terminal_.rows = rows <= 0 ? 24 : std::clamp(rows, 5, 200);
  keyboard_.resize({terminal_.columns, terminal_.rows});
  resized_ = true;
}

int Channel::on_shell(ssh_session, ssh_channel, void* self) noexcept {
  auto& channel = of(self);
  if (channel.mode_ != Mode::none) return refused;
  channel.mode_ = channel.terminal_.pty ? Mode::shell : Mode::batch;
  return accepted;
}

int Channel::on_exec(ssh_session, ssh_channel, const char* command, void* self) noexcept {
  auto& channel = of(self);
  if (channel.mode_ != Mode::none) return refused;
  const auto take = [&] {
    const auto length = strnlen(command, longest_command + 1);
    channel.line_.assign(command, length);
    // The library cuts it at a NUL. Such a line is refused as any other with one is, and not run in part.
    const auto sent = channel.context_.message_size();
    if (sent && length <= longest_command && *sent > exec_message_size + length) channel.line_ += '\0';
    channel.mode_ = Mode::exec;
    channel.context_.keystroke();
    return accepted;
  };
  return guarded(channel.broken_, take, refused);
}

// NO_COLOR and the locale say something to us; what else a client sends unasked is not noted as refused.
int Channel::on_env(ssh_session, ssh_channel, const char* name, const char* value, void* self) noexcept {
  auto& channel = of(self);
  channel.context_.message_size();
  if (++channel.env_requests_ > most_env_requests) return refused;
  if (std::strcmp(name, "NO_COLOR") == 0) {
    channel.no_color_ = *value != '\0';
    return accepted;
  }
  const bool known = channel.charset_.hear(name, value);
  return known ? accepted : refused;
}

int Channel::on_subsystem(ssh_session, ssh_channel, const char* name, void* self) noexcept {
  const auto note = [&] {
    of(self).context_.message_size();
    of(self).context_.refused("subsystem", name);
    return refused;
  };
  return guarded(of(self).broken_, note, refused);
}

// Those that end a program (RFC 4254, 6.10), and no other.
void Channel::on_signal(ssh_session, ssh_channel, const char* name, void* self) noexcept {
  of(self).context_.message_size();
  constexpr std::array<std::string_view, 6> ending{"INT", "TERM", "HUP", "QUIT", "KILL", "ABRT"};
  if (std::ranges::find(ending, std::string_view(name)) != ending.end()) of(self).stop_command();
}

// What is left to the library it keeps without regard to the window, which a hostile client may ignore: so there is a
// limit for that, too.
int Channel::on_data(ssh_session, ssh_channel, void* data, std::uint32_t length, int is_stderr, void* self) noexcept {
  auto& channel = of(self);
  channel.context_.message_size();
  if (is_stderr != 0) return static_cast<int>(length);
  const auto take = [&] { return channel.take({static_cast<const char*>(data), length}); };
  return static_cast<int>(guarded(channel.broken_, take, length));
}

void Channel::on_eof(ssh_session, ssh_channel, void* self) noexcept {
  of(self).context_.message_size();
  of(self).eof_ = true;
}

void Channel::on_close(ssh_session, ssh_channel, void* self) noexcept {
  of(self).context_.message_size();
  of(self).peer_closed_ = true;
}

// The editor echoes what is typed and completed, which may be beyond ASCII.
std::string Channel::shown(std::string text) const {
  return terminal_.utf8 ? std::move(text) : ascii(text);
}

void Channel::begin() {
  begun_ = true;
  const bool dumb = term_.empty();
  terminal_.cursor = terminal_.pty && !dumb;
  terminal_.utf8 = charset_.utf8(terminal_.pty ? term_ : "xterm");  // a pipe takes all bytes
  terminal_.color = terminal_.cursor && !no_color_ && !context_.login->no_color;
  if (terminal_.pty) {
    output_.use_pty();
    terminal_.keyboard = &keyboard_;
  }
  if (mode_ == Mode::exec) {
    if (!terminal_.pty) input_.clear();
    if (line_.size() <= longest_command) {
      start_command(line_);
      if (running_) input_.consume(interrupt_by(input_.rest()));
      return;
    }
    output_.put(fmt::format("error: the command is longer than {} KiB; send it in parts\n", longest_command / 1024),
                true);
    finish(Code::not_understood);
  } else if (mode_ == Mode::shell) {
    resized_ = false;
    terminal_.pager = &pager_;
    editor_.emplace(
        context_.prompt, dumb, terminal_.columns,
        [this](std::string_view before) { return context_.interpreter->complete(before, *context_.login); },
        [this](std::string_view before) { return context_.interpreter->hints(before, *context_.login); });
    output_.put(context_.interpreter->greeting(*context_.login, terminal_));
    output_.put(shown(editor_->start()));
  }
}

// As the session has it, and as its operator has set it.
Terminal Channel::terminal_of_command() {
  Terminal terminal = terminal_;
  if (!editor_) return terminal;
  terminal.settings = &settings_;
  terminal.history = &editor_->history();
  terminal.color = terminal.cursor && settings_.color.value_or(terminal.color);
  terminal.columns = settings_.columns.value_or(terminal.columns);
  if (!settings_.page) terminal.pager = nullptr;
  return terminal;
}

void Channel::start_command(const std::string& line) {
  command_.join();
  stop_ = std::stop_source();
  finished_ = false;
  const auto masked = masked_line(line);
  if (masked && editor_) editor_->forget();
  context_.running(masked.value_or(line));
  auto started =
      Thread::start("console command", [this, line, terminal = terminal_of_command(), stop = stop_.get_token()] {
        const log::SessionScope log_lines(context_.login->session);
        outcome_ = context_.interpreter->execute(line, *context_.login, terminal, output_, stop);
        finished_ = true;
        context_.wake();
      });
  running_ = started.has_value();
  if (running_) {
    command_ = std::move(*started);
    return;
  }
  output_.put(fmt::format("error: busy: {}; try again\n", started.error().message), true);
  outcome_ = {Code::failed};
  conclude_command();
}

void Channel::conclude_command() {
  command_.join();
  running_ = false;
  context_.running({});
  context_.keystroke();
  input_.prepend(keyboard_.take_unread());
  if (mode_ == Mode::shell && outcome_.leave) output_.put("bye\n");
  if (mode_ == Mode::exec || outcome_.leave) return finish(outcome_.code);
  if (mode_ == Mode::shell) return output_.put(shown(editor_->start()));
  if (outcome_.code != Code::done) {
    output_.put(fmt::format("error: line {} ended with {}; what follows it was not run\n", batch_line_, outcome_.code),
                true);
    finish(outcome_.code);
  }
}

bool Channel::service(Clock::time_point now) {
  if (channel_ == nullptr) return false;
  if (peer_closed_) {
    output_.close();
    stop_command();
  }
  if (running_ && finished_) conclude_command();
  give_keys();
  bool more = false;
  if (mode_ != Mode::none && !peer_closed_ && !running_ && !ending_) {
    if (!begun_) begin();
    // A client that types and does not read gets no further than the soft limit.
    const bool ready = begun_ && !running_ && !ending_ && output_.size() < OutputQueue::soft_limit;
    if (ready && mode_ == Mode::batch) more = next_of_batch();
    if (ready && mode_ == Mode::shell) more = next_of_shell(now);
  }
  if (!end_sent_ && write_some(now)) more = true;
  if (ending_ && !end_sent_ && !peer_closed_ && output_.size() == 0) send_end();
  return more;
}

// Only what the client has room for and the socket has taken: the library would buffer the rest without bound.
bool Channel::write_some(Clock::time_point now) {
  for (std::size_t i = 0; i < writes_per_turn; ++i) {
    const std::size_t window = ssh_channel_window_size(channel_);
    const auto piece = output_.front(std::min(window, write_size));
    if (output_.size() == 0) {
      stuck_since_.reset();
      return false;
    }
    if (!stuck_since_) stuck_since_ = now;
    if (piece.text.empty() || (ssh_get_status(session_) & SSH_WRITE_PENDING) != 0) return false;
    const int written = write(piece.text, piece.err);
    if (written <= 0) return false;  // keys are being exchanged, or it is over
    output_.consume(static_cast<std::size_t>(written));
    stuck_since_ = now;
  }
  return true;
}

int Channel::write(std::string_view text, bool err) {
  if (nothing_fits_) return nothing_fits;
  if (!has_written_) {
    const int written = write_first(channel_, text, err);
    nothing_fits_ = written == nothing_fits;
    has_written_ = written > 0;
    return written;
  }
  const auto length = static_cast<std::uint32_t>(text.size());
  return err ? ssh_channel_write_stderr(channel_, text.data(), length)
             : ssh_channel_write(channel_, text.data(), length);
}

std::optional<std::string> Channel::end_reason(Clock::time_point now) const {
  if (broken_) return "the server has no memory for this channel";
  if (nothing_fits_) return "its client takes packets in which nothing fits";
  if (overflow_) return "more input than is being read";
  if (output_.size() > OutputQueue::hard_limit) return "output is not being read";
  if (stuck_since_ && now - *stuck_since_ >= without_progress) return "output has not been read for 60 s";
  return std::nullopt;
}

void Channel::finish(int code) {
  ending_ = true;
  exit_code_ = code;
}

void Channel::send_end() {
  end_sent_ = true;
  ssh_channel_request_send_exit_status(channel_, exit_code_);
  ssh_channel_send_eof(channel_);
  ssh_channel_close(channel_);
}

void Channel::close(const std::string& reason, int code) {
  stop_command();
  const bool blocked = stuck_since_.has_value() && output_.size() > 0;
  const bool full_screen = output_.full_screen();
  output_.close();
  if (channel_ == nullptr || end_sent_ || peer_closed_ || mode_ == Mode::none) return;
  if (terminal_.pty && !blocked) {
    // The queue is closed; this little goes out directly.
    std::string last = full_screen ? "\x1b[?1049l\x1b[?25h\x1b[0m" : "";
    last += editor_ && !term_.empty() ? "\x1b[?2004l" : "";
    last += "\r\n" + reason + "\r\n";
    if (ssh_channel_window_size(channel_) >= last.size()) write(last, false);
  }
  if (!terminal_.pty && !blocked) {
    const std::string last = fmt::format("error: {}\n", escape(reason));
    if (ssh_channel_window_size(channel_) >= last.size()) write(last, true);
  }
  exit_code_ = code;
  send_end();
}

}  // namespace sluice::console

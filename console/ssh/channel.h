// One channel of a connection: a shell with an editor, a batch of lines from stdin, or one command.
//
// Owned by a session and used in its thread only, but for the command that runs: that has a thread of its own and
// touches nothing here except the output queue. The library's callbacks only append to queues and set flags; everything
// is written, closed and freed in service(), which the session's loop calls. A channel must not be destroyed while
// busy().
#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/thread.h"
#include "console/interpreter.h"
#include "console/keyboard.h"
#include "console/pager.h"
#include "console/ssh/charset.h"
#include "console/ssh/input_buffer.h"
#include "console/ssh/line_editor.h"
#include "console/ssh/output_queue.h"

namespace sluice::console {

// What a channel knows of its session.
struct ChannelContext {
  const Interpreter* interpreter = nullptr;
  const Login* login = nullptr;
  bool pty_allowed = true;
  std::string prompt;
  std::function<void()> wake;                                       // any thread
  std::function<void()> keystroke;                                  // something was typed or sent
  std::function<void(std::string_view, std::string_view)> refused;  // what, its name
  std::function<void(const std::string& command)> running;          // empty: none
  // Bytes of the message that is being handled, where known: it is, if this was called for the one before.
  std::function<std::optional<std::size_t>()> message_size;
};

class Channel {
 public:
  Channel(ssh_session session, ChannelContext context);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  ssh_channel handle() const { return channel_; }
  // One turn: concludes and starts commands, writes what the client takes. Returns true if there is more to do at once.
  bool service(Clock::time_point now);
  // The reason to end the session because of this channel; nothing if there is none.
  std::optional<std::string> end_reason(Clock::time_point now) const;
  // The session ends: the command is asked to stop, the terminal is restored, the reason is shown, the exit code is
  // sent.
  void close(const std::string& reason, int code);
  // The library's channel is given back; the command may still run.
  void release();
  void stop_command() { stop_.request_stop(); }

  // Its client has said what it is for: a command or a shell.
  bool has_purpose() const { return mode_ != Mode::none; }
  bool busy() const { return running_; }
  // It has to have another turn soon, though nothing may happen until then.
  bool waits_for_quiet() const { return editor_ && editor_->waits_for_quiet(); }
  bool over() const { return peer_closed_ && !running_; }
  std::size_t queued() const { return output_.size(); }

 private:
  enum class Mode : unsigned char { none, exec, batch, shell };

  // The library is C: what throws in one of these ends the channel instead.
  static int on_pty(ssh_session, ssh_channel, const char* term, int columns, int rows, int, int, void* self) noexcept;
  static int on_resize(ssh_session, ssh_channel, int columns, int rows, int, int, void* self) noexcept;
  static int on_shell(ssh_session, ssh_channel, void* self) noexcept;
  static int on_exec(ssh_session, ssh_channel, const char* command, void* self) noexcept;
  static int on_env(ssh_session, ssh_channel, const char* name, const char* value, void* self) noexcept;
  static int on_subsystem(ssh_session, ssh_channel, const char* name, void* self) noexcept;
  static void on_signal(ssh_session, ssh_channel, const char* name, void* self) noexcept;
  static int on_data(ssh_session, ssh_channel, void* data, std::uint32_t length, int is_stderr, void* self) noexcept;
  static void on_eof(ssh_session, ssh_channel, void* self) noexcept;
  static void on_close(ssh_session, ssh_channel, void* self) noexcept;

  std::size_t take(std::string_view bytes);
  std::size_t interrupt_by(std::string_view typed);
  void give_keys();
  void take_held();
  void resize(int columns, int rows);
  std::string shown(std::string text) const;
  Terminal terminal_of_command();
  void begin();
  void start_command(const std::string& line);
  void conclude_command();
  bool next_of_batch();
  bool next_of_shell(Clock::time_point now);
  bool write_some(Clock::time_point now);
  int write(std::string_view text, bool err);
  void finish(int code);
  void send_end();

  ssh_session session_;
  ssh_channel channel_;
  const ChannelContext context_;
  ssh_channel_callbacks_struct callbacks_{};
  OutputQueue output_;

  Mode mode_ = Mode::none;
  Terminal terminal_;
  Pager pager_;
  Keyboard keyboard_;
  SessionSettings settings_;
  std::string term_;  // empty: none, or dumb
  bool no_color_ = false;
  Charset charset_;
  std::string line_;  // of exec
  InputBuffer input_;
  std::size_t held_ = 0;  // bytes of a batch that the library keeps, so that its client gets no more window
  std::optional<Editor> editor_;
  int batch_line_ = 0;
  bool after_return_ = false;  // in a batch
  int env_requests_ = 0;

  std::stop_source stop_;
  Thread command_;
  std::atomic<bool> finished_{false};
  CommandResult outcome_;  // written by the command's thread before finished_
  bool running_ = false;

  bool begun_ = false, eof_ = false, peer_closed_ = false, overflow_ = false, broken_ = false, resized_ = false;
  bool has_written_ = false, nothing_fits_ = false;
  bool ending_ = false, end_sent_ = false;
  int exit_code_ = 0;
  Clock::time_point last_input_{};
  std::optional<Clock::time_point> stuck_since_;  // the queue is not empty and nothing of it was taken
};

}  // namespace sluice::console

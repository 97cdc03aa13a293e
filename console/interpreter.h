// One line of text in, a command's result and exit code out. The transport (session) calls it; commands reach the
// service through Admin only.
//
// One Interpreter serves all sessions: execute() may run in many threads at once, and keeps nothing between calls. It
// blocks as long as the command does: until its deadline, or until `stop` is requested (Ctrl-C, the client went away),
// which ends the waiting and undoes nothing. It never throws.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/admin.h"
#include "config/pipeline.h"

namespace sluice::console {

// Exit codes of the contract that commands use; 255 is ssh's own.
enum Code : int {
  done = 0,
  failed = 1,
  not_understood = 2,
  not_allowed = 3,
  wrong_state = 4,
  no_such_thing = 5,
  deadline_passed = 6,
  confirmation_missing = 7,
  stale = 8,
  partly_done = 9,
  interrupted = 130,
  reader_gone = 141,
};

// What the client's side can show. Without a pty there are no colours and lines end with \n; with one the transport
// turns \n into \r\n.
struct Terminal {
  bool pty = false;
  bool color = false;
  bool utf8 = true;
  int columns = 80, rows = 24;
};

// Where a command's result goes. Any thread; never blocks for long: the transport queues, bounded.
class Output {
 public:
  virtual ~Output() = default;
  virtual void out(std::string_view text) = 0;
  virtual void err(std::string_view text) = 0;
};

// A session as `sessions` shows it.
struct SessionInfo {
  std::int64_t id = 0;
  Caller who;
  WallClock::time_point since{};
  std::chrono::milliseconds idle{0};  // since the last keystroke or command
  std::string command;                // that runs now, empty at the prompt
  std::size_t queued = 0;             // bytes that the client has not taken yet
};

// Whose keys may run what (keys.h). `commands` empty: any of the role.
struct Login {
  Caller caller;
  std::vector<std::string> commands;
};

struct CommandResult {
  int code = 0;
  bool leave = false;  // `exit`: the session ends
};

class Interpreter {
 public:
  Interpreter(std::shared_ptr<const config::Pipeline> pipeline, Admin& admin,
              std::vector<std::pair<std::string, std::string>> versions,
              std::function<std::vector<SessionInfo>()> sessions);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  CommandResult execute(std::string_view line, const Login& login, const Terminal& terminal, Output& output,
                        std::stop_token stop) const;

  // What a shell session is greeted with: name, state, what is paused and by whom. From snapshots, at once.
  std::string greeting(const Login& login, const Terminal& terminal) const;
  // What may follow the text before the cursor, as whole words; from the table and snapshots, at once.
  std::vector<std::string> complete(std::string_view before_cursor, const Login& login) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// docs/console.md's part that is generated: every command, its arguments, role, examples, and the exit codes.
std::string reference();

}  // namespace sluice::console

// One line of text in, a command's result and exit code out. The transport (console/ssh) calls it; commands reach the
// service through its capabilities only.
//
// One Interpreter serves all sessions: execute() may run in many threads at once, and keeps nothing between calls. It
// blocks as long as the command does: until its deadline, or until `stop` is requested (Ctrl-C, the client went away),
// which ends the waiting and undoes nothing. It never throws.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/capabilities.h"
#include "config/pipeline.h"
#include "console/exit_code.h"
#include "console/login.h"
#include "console/sessions.h"
#include "console/terminal.h"

namespace sluice::console {

struct CommandResult {
  int code = 0;
  bool leave = false;  // `exit`: the session ends
};

class Interpreter {
 public:
  Interpreter(std::shared_ptr<const config::Pipeline> pipeline, const Capabilities& admin,
              std::vector<std::pair<std::string, std::string>> versions, Sessions sessions);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  CommandResult execute(std::string_view line, const Login& login, const Terminal& terminal, Output& output,
                        std::stop_token stop) const noexcept;

  // The greeting of a shell session: name, state, what is paused and by whom. From snapshots, at once.
  std::string greeting(const Login& login, const Terminal& terminal) const;
  // Words that may follow the text before the cursor; from the table and snapshots, at once.
  std::vector<std::string> complete(std::string_view before_cursor, const Login& login) const;
  // Lines about what may follow it, not escaped; nothing where a ? is a character of the text.
  std::optional<std::vector<std::string>> hints(std::string_view before_cursor, const Login& login) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// docs/console.md's part that is generated: every command, its arguments, role, examples, and the exit codes.
std::string reference();
// docs/console.schema.json: the JSON Schema of what commands print with --json.
std::string json_schema();

}  // namespace sluice::console

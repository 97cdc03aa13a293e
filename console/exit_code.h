// Exit codes of commands, as ssh hands them to its caller. Values; 255 is ssh's own.
#pragma once

#include <array>
#include <string_view>

namespace sluice::console {

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
  warning = 10,
  critical = 11,
  unknown = 12,
  interrupted = 130,
  reader_gone = 141,
};

struct CodeInfo {
  Code code;
  std::string_view meaning;
};

// For docs/console.md.
inline constexpr std::array<CodeInfo, 15> exit_codes{{
    {Code::done, "done, or nothing to do"},
    {Code::failed, "the service tried and failed"},
    {Code::not_understood, "not understood"},
    {Code::not_allowed, "not allowed"},
    {Code::wrong_state, "wrong state"},
    {Code::no_such_thing, "no such thing"},
    {Code::deadline_passed, "the deadline passed; the request stays in force"},
    {Code::confirmation_missing, "a confirmation is missing"},
    {Code::stale, "stale"},
    {Code::partly_done, "partly done"},
    {Code::warning, "`check` only: warning"},
    {Code::critical, "`check` only: critical"},
    {Code::unknown, "`check` only: unknown"},
    {Code::interrupted, "ended by Ctrl-C; the request stays in force"},
    {Code::reader_gone, "the reader was too slow, or went away"},
}};

}  // namespace sluice::console

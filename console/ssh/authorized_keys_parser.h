// The text of a keys file: lines in the syntax of `authorized_keys`, with options of our own.
//
//   role="operator",name="alice",from="10.0.0.0/8",expiry-time="20271231Z",max-sessions="3" ssh-ed25519 AAAA…
//   alice role="viewer",name="probe",commands="status,count",no-pty ssh-ed25519 AAAA… monitoring
//
// Pure: no file, no clock, no libssh. Names of commands are compared with the command table. An error reads `FILE:LINE:
// what; what to do`, and nothing of a file with an error is used.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "console/ssh/network.h"

namespace sluice::console {

struct KeyLine {
  int line = 0;
  std::string type, base64;
  std::string role;           // viewer | operator | admin: always written, never implied
  std::string name;           // of the option, or else the comment's first word
  std::vector<Network> from;  // empty: anywhere
  std::vector<std::string> commands;
  std::optional<WallClock::time_point> expires;
  int max_sessions = 4;
  bool pty = true, no_color = false, four_eyes = false;
};

std::expected<std::vector<KeyLine>, std::string> parse_keys(std::string_view text, std::string_view file);

}  // namespace sluice::console

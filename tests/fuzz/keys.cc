// The keys file: whatever it holds, the parser ends, and what it accepts is complete; an error is one line of plain
// text that names file and line.
#include <algorithm>

#include "console/ssh/authorized_keys_parser.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto keys = sluice::console::parse_keys({reinterpret_cast<const char*>(data), size}, "keys");
  if (!keys) {
    const auto& error = keys.error();
    REQUIRE(error.starts_with("keys:") && error.size() < 1000);
    REQUIRE(std::none_of(error.begin(), error.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
    return 0;
  }
  for (const auto& key : *keys) {
    REQUIRE(key.role == "viewer" || key.role == "operator" || key.role == "admin");
    REQUIRE(!key.name.empty() && !key.base64.empty() && key.line > 0);
    REQUIRE(key.max_sessions >= 1);
    REQUIRE(std::none_of(key.commands.begin(), key.commands.end(), [](const auto& word) { return word.empty(); }));
  }
  return 0;
}

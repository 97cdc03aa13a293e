// escape() and its kin: whatever comes in, nothing harmful comes out, it is UTF-8, and its width is what cut() says.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/terminal_text.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/utf8.h"

namespace {

using namespace sluice;
using sluice::fuzz::harmless;

void check(std::string_view text, int columns) {
  const std::string shown = escape(text);
  REQUIRE(harmless(shown));
  REQUIRE(escape(shown) == shown);
  REQUIRE(harmless(escape_lines(text), true));

  REQUIRE(width(shown) >= 0);
  const std::string part = cut(shown, columns);
  REQUIRE(harmless(part));
  REQUIRE(width(part) <= columns);
  REQUIRE(width(shown) > columns || part == shown);

  const std::string letters = ascii(shown);
  REQUIRE(std::all_of(letters.begin(), letters.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; }));

  const std::string valid = valid_utf8(text);
  REQUIRE(sluice::fuzz::decode(valid).has_value());
  const std::string document = escape_json(nlohmann::json(valid).dump());
  REQUIRE(harmless(document));
  REQUIRE(nlohmann::json::parse(document).get<std::string>() == valid);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  check({reinterpret_cast<const char*>(data) + 1, size - 1}, data[0] % 100 + 1);
  return 0;
}

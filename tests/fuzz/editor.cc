// The line editor: whatever is typed, lines hold nothing harmful and stay within bounds, a dumb terminal sees no escape
// code, others see only ours, and it makes no difference in which pieces the bytes arrive.
#include <algorithm>

#include "console/ssh/line_editor.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/utf8.h"

namespace {

using sluice::console::Editor;

std::vector<std::string> complete(std::string_view before) {
  if (before.ends_with(' ')) return {"one", "other", "中文"};
  return before.empty() ? std::vector<std::string>{} : std::vector<std::string>{"pause", "partitions"};
}

std::optional<std::vector<std::string>> hints(std::string_view before) {
  if (before.find('"') != before.npos) return std::nullopt;
  return std::vector<std::string>{std::string(before), "\x1b[2J \xff", "中文"};
}

// Removes what we send ourselves: control sequences with a letter at the end, \r, \n, \a, \b.
bool only_ours(std::string_view output, bool dumb) {
  std::string rest;
  for (std::size_t at = 0; at < output.size(); ++at) {
    const char c = output[at];
    if (c == '\r' || c == '\n' || c == '\a' || c == '\b') continue;
    if (c != '\x1b') {
      rest += c;
      continue;
    }
    if (dumb || at + 1 >= output.size() || output[++at] != '[') return false;
    do {
      if (++at >= output.size()) return false;
    } while (output[at] == ';' || output[at] == '?' || (output[at] >= '0' && output[at] <= '9'));
    if (!std::isalpha(static_cast<unsigned char>(output[at]))) return false;
  }
  return sluice::fuzz::harmless(rest);
}

std::vector<std::string> lines_of(Editor& editor, std::string_view bytes, std::size_t piece, bool dumb) {
  std::vector<std::string> lines;
  REQUIRE(only_ours(editor.start(), dumb));
  while (!bytes.empty()) {
    auto now = bytes.substr(0, piece);
    bytes.remove_prefix(now.size());
    while (!now.empty()) {
      auto step = editor.feed(now);
      REQUIRE(step.taken > 0 && step.taken <= now.size());
      REQUIRE(step.taken == now.size() || step.event != Editor::Event::none);
      REQUIRE(only_ours(step.output, dumb));
      now.remove_prefix(step.taken);
      if (step.event == Editor::Event::none) continue;
      REQUIRE(sluice::fuzz::harmless(step.line) && step.line.size() <= Editor::most_bytes);
      lines.push_back(std::to_string(static_cast<int>(step.event)) + step.line);
      if (step.event == Editor::Event::end) return lines;
    }
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool dumb = (data[0] & 1) != 0;
  const int columns = 20 + data[1];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  Editor whole("sluice> ", dumb, columns, complete, hints);
  Editor pieces("sluice> ", dumb, columns, complete, hints);
  const auto lines = lines_of(whole, bytes, bytes.size() + 1, dumb);
  REQUIRE(lines == lines_of(pieces, bytes, 1 + data[0] % 5, dumb));
  REQUIRE(only_ours(whole.resize(columns / 2), dumb));
  return 0;
}

// The tokenizer: it ends, whatever a line holds; words that are printed in quotes and read again are the same; spans
// and times that it accepts are printed and read as the same.
#include "base/time_text.h"
#include "console/command_line.h"

#include "tests/fuzz/require.h"

namespace {

std::string quoted(const std::string& word) {
  std::string text = "\"";
  for (const char c : word) text += (c == '"' || c == '\\') ? std::string{'\\', c} : std::string{c};
  return text + '"';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using namespace sluice::console;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto line = parse_line(text)) {
    REQUIRE(size <= line_at_most);
    std::string again;
    for (const Word& word : line->words) again += quoted(word.text) + ' ';
    if (again.size() <= line_at_most) {
      const auto second = parse_line(again);
      REQUIRE(second.has_value() && second->words.size() == line->words.size() && second->filters.empty());
      for (std::size_t at = 0; at < line->words.size(); ++at) REQUIRE(second->words[at].text == line->words[at].text);
    }
    const std::vector<report::ReportLine> lines{{"one"}, {"two", 0}, {"three", 1}};
    REQUIRE(filtered(lines, line->filters).size() <= lines.size());
  } else {
    REQUIRE(!line.error().empty());
  }
  if (const auto span = parse_span(text)) REQUIRE(span->count() >= 0 && !span_text(*span).empty());
  const auto now = WallClock::time_point(std::chrono::seconds(1'795'000'000));
  if (const auto time = parse_time(text, now)) REQUIRE(!time_text(*time).empty());
  if (const auto number = parse_number(text)) REQUIRE(*number >= 0);
  return 0;
}

// Expressions: parsing ends with a tree or with one sentence and a column in the text; LIKE ends for any text.
#include "base/expression/expression.h"

#include "base/expression/matching.h"

#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = Expression::parse(text);
  if (!parsed) {
    REQUIRE(!parsed.error().text.empty() && parsed.error().column >= 1 && parsed.error().column <= size + 1);
    return 0;
  }
  REQUIRE(parsed->text() == text);
  for (const ExpressionNode& node : parsed->nodes()) {
    for (const std::uint32_t part : node.parts) REQUIRE(part < parsed->nodes().size());
    if (node.kind == ExpressionNode::Kind::like) matches_like(text, node.text);
  }
  return 0;
}

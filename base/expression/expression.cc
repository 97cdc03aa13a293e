#include "base/expression/expression.h"

#include <algorithm>
#include <utility>

#include "base/expression/lexer.h"
#include "base/expression/parser.h"

namespace sluice {

std::expected<Expression, ExpressionError> Expression::parse(std::string_view text) {
  auto tokens = tokenize(text);
  if (!tokens) return std::unexpected(std::move(tokens.error()));
  auto nodes = parse_tokens(std::move(*tokens));
  if (!nodes) return std::unexpected(std::move(nodes.error()));
  Expression expression;
  expression.text_ = text;
  expression.nodes_ = std::make_shared<const std::vector<ExpressionNode>>(std::move(*nodes));
  return expression;
}

bool Expression::names(std::string_view field, std::string_view delimiter) const {
  return !empty() && std::ranges::any_of(nodes(), [&](const ExpressionNode& node) {
    if (node.kind != ExpressionNode::Kind::field) return false;
    std::string joined = node.path.front();
    for (std::size_t n = 1; !delimiter.empty() && n < node.path.size() && joined != field; ++n)
      joined.append(delimiter).append(node.path[n]);
    return joined == field;
  });
}

}  // namespace sluice

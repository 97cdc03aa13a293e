// Builds the tree of an expression from its tokens, by recursive descent with PostgreSQL's precedence; the root comes
// last. What can be known without a record is checked here: types of literals, patterns, depth and size.
#pragma once

#include <expected>
#include <vector>

#include "base/expression/expression.h"
#include "base/expression/lexer.h"

namespace sluice {

std::expected<std::vector<ExpressionNode>, ExpressionError> parse_tokens(std::vector<Token> tokens);

}  // namespace sluice

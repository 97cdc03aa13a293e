// Splits the text of an expression into tokens. Owned by the parser; the tokens' texts are copies.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/expression/expression.h"

namespace sluice {

struct Token {
  enum class Kind : std::uint8_t { word, name, fact, number, text, symbol, end };

  Kind kind = Kind::end;
  std::string text = {};   // of a word, a quoted name, a fact without its @, a literal, a symbol
  std::size_t column = 1;  // counted in characters from 1

  bool is(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
  // Compares a word with one of the language, without case.
  bool is_word(std::string_view wanted) const;
};

// The last token is the end.
std::expected<std::vector<Token>, ExpressionError> tokenize(std::string_view text);

}  // namespace sluice

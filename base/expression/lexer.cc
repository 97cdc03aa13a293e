#include "base/expression/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/parse.h"
#include "base/utf8.h"

namespace sluice {
namespace {

// Any character beyond ASCII may be part of a name, as in SQL.
bool begins_name(char c) {
  return is_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool continues_name(char c) {
  return begins_name(c) || is_digit(c) || c == '$';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::expected<std::vector<Token>, ExpressionError> run() {
    while (skip_space(), at_ < text_.size()) {
      begin_ = at_;
      if (auto wrong = next(); !wrong.text.empty()) return std::unexpected(std::move(wrong));
    }
    begin_ = at_;
    add(Token::Kind::end, "");
    return std::move(tokens_);
  }

 private:
  ExpressionError next() {
    const char c = text_[at_];
    if (c == '\'') return quoted('\'', Token::Kind::text, "the text has no closing quote; add '");
    if (c == '"') return quoted('"', Token::Kind::name, "the name has no closing quote; add \"");
    if (c == '@') {
      ++at_;
      const std::string word = take_name();
      if (word.empty()) return wrong("@ needs a name behind it, as in @op or @topic");
      return add(Token::Kind::fact, word);
    }
    if (begins_name(c)) return add(Token::Kind::word, take_name());
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number();
    return symbol();
  }

  ExpressionError quoted(char quote, Token::Kind kind, const char* unclosed) {
    std::string inner;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        if (at_ + 1 == text_.size() || text_[at_ + 1] != quote) break;
        ++at_;  // doubled: one of them belongs to the text
      }
      inner += text_[at_];
    }
    if (at_ == text_.size()) return wrong(unclosed);
    ++at_;
    if (kind == Token::Kind::name && inner.empty()) return wrong("the name is empty; write one between the quotes");
    return add(kind, inner);
  }

  ExpressionError number() {
    const auto digits = [&] {
      while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    };
    digits();
    if (at_ < text_.size() && text_[at_] == '.') ++at_, digits();
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      std::size_t exponent = at_ + 1;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
      if (exponent == text_.size() || !is_digit(text_[exponent])) return wrong("the number's exponent has no digits");
      at_ = exponent;
      digits();
    }
    if (at_ < text_.size() && continues_name(text_[at_]))
      return wrong("a number ends in a letter; put a space between");
    return add(Token::Kind::number, std::string(text_.substr(begin_, at_ - begin_)));
  }

  ExpressionError symbol() {
    constexpr std::array<std::string_view, 14> symbols{"<>", "!=", "<=", ">=", "=", "<", ">",
                                                       "~",  "(",  ")",  ",",  ".", "-", "+"};
    const auto found =
        std::ranges::find_if(symbols, [&](std::string_view one) { return text_.substr(at_).starts_with(one); });
    if (found == symbols.end())
      return wrong("this character has no meaning here; texts are written in single quotes, names as they are");
    at_ += found->size();
    return add(Token::Kind::symbol, std::string(*found));
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || (text_[at_] >= '\t' && text_[at_] <= '\r'))) ++at_;
  }

  std::string take_name() {
    const std::size_t begin = at_;
    if (at_ < text_.size() && begins_name(text_[at_])) {
      while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  // Counts characters, of which each but the first byte of a sequence in UTF-8 is a part; from where it counted last.
  std::size_t column() {
    column_ += count_characters(text_.substr(counted_, begin_ - counted_));
    counted_ = begin_;
    return column_;
  }

  ExpressionError wrong(std::string text) { return {column(), std::move(text)}; }

  ExpressionError add(Token::Kind kind, std::string text) {
    tokens_.push_back({kind, std::move(text), column()});
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0, begin_ = 0, counted_ = 0, column_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

bool Token::is_word(std::string_view wanted) const {
  return kind == Kind::word && std::ranges::equal(text, wanted, {}, lower);
}

std::expected<std::vector<Token>, ExpressionError> tokenize(std::string_view text) {
  return Lexer(text).run();
}

}  // namespace sluice

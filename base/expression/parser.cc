#include "base/expression/parser.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/expression/matching.h"
#include "base/parse.h"

namespace sluice {
namespace {

using Kind = ExpressionNode::Kind;

constexpr int deepest = 100;                // parentheses and NOT, which recurse
constexpr std::size_t most_nodes = 10'000;  // a list of thousands of keys is a table's business
constexpr std::array<std::string_view, 10> reserved{"and", "or",   "not",  "is",    "null",
                                                    "in",  "like", "true", "false", "header"};

// Thrown and caught in this file only: the first error ends the parsing.
struct Wrong {
  ExpressionError error;
};

// What can be known of a node before there is a record.
enum class Sort { any, boolean, number, text, time };

Sort sort_of(const ExpressionNode& node) {
  switch (node.kind) {
    case Kind::field:
    case Kind::null:
      return Sort::any;
    case Kind::number:
      return Sort::number;
    case Kind::text:
      return Sort::text;
    case Kind::fact:
      switch (node.fact) {
        case RecordFact::partition:
        case RecordFact::offset:
          return Sort::number;
        case RecordFact::op:
        case RecordFact::topic:
        case RecordFact::header:
          return Sort::text;
        case RecordFact::timestamp:
          return Sort::time;
        default:
          return Sort::any;
      }
    default:
      return Sort::boolean;
  }
}

// What @op may be; m is a logical message of PostgreSQL's.
constexpr std::array<std::string_view, 6> operations{"c", "r", "u", "d", "t", "m"};
constexpr const char* no_operation = "@op is never that; it is c, r, u, d, t or m";

bool ends_in_escape(std::string_view pattern) {
  bool escape = false;
  for (const char c : pattern) escape = !escape && c == '\\';
  return escape;
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  std::vector<ExpressionNode> run() {
    const std::uint32_t root = disjunction();
    if (next().kind != Token::Kind::end) wrong(next(), fmt::format("{} was not expected here", shown(next())));
    require_condition(root, "the expression");
    return std::move(nodes_);
  }

 private:
  const Token& next() const { return tokens_[at_]; }
  bool take(std::string_view symbol) { return next().is(symbol) && (++at_, true); }
  bool take_word(std::string_view word) { return next().is_word(word) && (++at_, true); }

  static std::string shown(const Token& token) {
    return token.kind == Token::Kind::end ? "the end" : fmt::format("\"{}\"", token.text);
  }

  [[noreturn]] static void wrong(const Token& at, std::string text) { throw Wrong{{at.column, std::move(text)}}; }
  [[noreturn]] static void wrong(const ExpressionNode& at, std::string text) {
    throw Wrong{{at.column, std::move(text)}};
  }

  std::uint32_t add(ExpressionNode node) {
    if (nodes_.size() == most_nodes) wrong(node, fmt::format("the expression has more than {} parts", most_nodes));
    nodes_.push_back(std::move(node));
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }

  void require_condition(std::uint32_t node, std::string_view what) const {
    const Sort sort = sort_of(nodes_[node]);
    if (sort == Sort::number || sort == Sort::text || sort == Sort::time)
      wrong(nodes_[node], fmt::format("{} is a {}, not a condition; compare it with something", what,
                                      sort == Sort::number ? "number"
                                      : sort == Sort::text ? "text"
                                                           : "time"));
  }

  // Both sides must be of one sort, as far as that is known; a text literal takes the other side's.
  void require_comparable(std::uint32_t left, std::uint32_t right) const {
    for (const auto& [literal, other] : {std::pair{left, right}, std::pair{right, left}}) {
      const ExpressionNode& node = nodes_[literal];
      if (node.kind != Kind::text) continue;
      const Sort sort = sort_of(nodes_[other]);
      if (is_operation(other) && std::ranges::find(operations, node.text) == operations.end())
        wrong(node, no_operation);
      if (sort == Sort::time && node.text.find_first_of("0123456789") == std::string::npos &&
          !lowered(node.text).contains("infinity"))
        wrong(node, "this text is compared with @timestamp; write a time such as '2026-01-31 08:30:00+00'");
      if (sort == Sort::number && !is_number(node.text))
        wrong(node, "this text is compared with a number; write a number");
      if (sort == Sort::boolean && !parse_boolean(node.text))
        wrong(node, "this text is compared with a condition; write true or false");
      return;
    }
    const Sort one = sort_of(nodes_[left]), two = sort_of(nodes_[right]);
    const bool read_as_time = one == Sort::time ? two == Sort::text : two == Sort::time && one == Sort::text;
    if (one != two && one != Sort::any && two != Sort::any && !read_as_time)
      wrong(nodes_[right], "the two sides can never be of one type");
  }

  bool is_operation(std::uint32_t node) const {
    return nodes_[node].kind == Kind::fact && nodes_[node].fact == RecordFact::op;
  }

  static bool is_number(std::string_view text) {
    const auto tokens = tokenize(text.substr(text.starts_with('-') ? 1 : 0));
    return tokens && tokens->size() == 2 && tokens->front().kind == Token::Kind::number;
  }

  std::uint32_t disjunction() { return chain(Kind::any_of, "or", &Parser::conjunction); }
  std::uint32_t conjunction() { return chain(Kind::all_of, "and", &Parser::negation); }

  std::uint32_t chain(Kind kind, std::string_view word, std::uint32_t (Parser::*part)()) {
    const std::uint32_t first = (this->*part)();
    if (!next().is_word(word)) return first;
    ExpressionNode node{.kind = kind, .column = nodes_[first].column, .parts = {first}};
    require_condition(first, "what stands here");
    while (take_word(word)) {
      node.parts.push_back((this->*part)());
      require_condition(node.parts.back(), "what stands here");
    }
    return add(std::move(node));
  }

  std::uint32_t negation() {
    const std::size_t column = next().column;
    if (!take_word("not")) return null_test();
    const Deeper deeper(*this);
    const std::uint32_t inner = negation();
    require_condition(inner, "what stands behind NOT");
    return add({.kind = Kind::negation, .column = column, .parts = {inner}});
  }

  std::uint32_t null_test() {
    std::uint32_t node = comparison();
    while (take_word("is")) {
      const bool negated = take_word("not");
      if (!take_word("null")) wrong(next(), "IS needs NULL or NOT NULL behind it; compare with = otherwise");
      node = add({.kind = Kind::is_null, .negated = negated, .column = nodes_[node].column, .parts = {node}});
    }
    return node;
  }

  bool take_comparison(Comparison& found) {
    constexpr std::array<std::pair<std::string_view, Comparison>, 7> table{{{"=", Comparison::equal},
                                                                            {"<>", Comparison::unequal},
                                                                            {"!=", Comparison::unequal},
                                                                            {"<", Comparison::less},
                                                                            {"<=", Comparison::less_or_equal},
                                                                            {">", Comparison::greater},
                                                                            {">=", Comparison::greater_or_equal}}};
    const auto* const row = std::ranges::find_if(table, [&](const auto& one) { return next().is(one.first); });
    if (row == table.end()) return false;
    found = row->second;
    ++at_;
    return true;
  }

  std::uint32_t comparison() {
    const std::uint32_t left = membership();
    Comparison how{};
    if (!take_comparison(how)) return left;
    const std::uint32_t right = membership();
    require_comparable(left, right);
    if (Comparison again{}; take_comparison(again)) {
      --at_;
      wrong(next(), "comparisons cannot be chained; join two of them with AND");
    }
    return add({.kind = Kind::comparison, .comparison = how, .column = nodes_[left].column, .parts = {left, right}});
  }

  std::uint32_t membership() {
    const std::uint32_t left = pattern_match();
    const bool negated = next().is_word("not");
    if (negated) ++at_;
    if (take_word("like")) return like(left, negated);
    if (take_word("in")) return list(left, negated);
    if (negated) wrong(next(), "NOT needs LIKE or IN behind it here; to negate a condition, write NOT in front of it");
    return left;
  }

  std::uint32_t like(std::uint32_t left, bool negated) {
    require_text(left);
    const Token pattern = next();
    if (pattern.kind != Token::Kind::text) wrong(pattern, "LIKE needs a pattern in single quotes behind it");
    if (ends_in_escape(pattern.text)) wrong(pattern, "the pattern ends in \\, which must have a character behind it");
    ++at_;
    require_operation(left, pattern, [&](std::string_view one) { return matches_like(one, pattern.text); });
    return add(
        {.kind = Kind::like, .negated = negated, .column = nodes_[left].column, .text = pattern.text, .parts = {left}});
  }

  std::uint32_t list(std::uint32_t left, bool negated) {
    ExpressionNode node{.kind = Kind::in, .negated = negated, .column = nodes_[left].column, .parts = {left}};
    if (!take("(")) wrong(next(), "IN needs a list in parentheses behind it, as in id in (1, 2)");
    const Deeper deeper(*this);
    do {
      node.parts.push_back(disjunction());
      require_comparable(left, node.parts.back());
    } while (take(","));
    if (!take(")"))
      wrong(next(), fmt::format("the list is not closed; {} stands where , or ) was expected", shown(next())));
    return add(std::move(node));
  }

  std::uint32_t pattern_match() {
    const std::uint32_t left = operand();
    if (!take("~")) return left;
    require_text(left);
    const Token literal = next();
    if (literal.kind != Token::Kind::text) wrong(literal, "~ needs a regular expression in single quotes behind it");
    ++at_;
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);  // as in PostgreSQL
    auto pattern = std::make_shared<const re2::RE2>(literal.text, options);
    if (!pattern->ok()) wrong(literal, fmt::format("the regular expression is not valid in RE2: {}", pattern->error()));
    require_operation(left, literal, [&](std::string_view one) { return matches_regex(one, *pattern); });
    if (next().is("~")) wrong(next(), "~ cannot be chained; join two of them with AND");
    return add({.kind = Kind::regex,
                .column = nodes_[left].column,
                .text = literal.text,
                .parts = {left},
                .pattern = std::move(pattern)});
  }

  // A pattern for @op matches one of its values.
  void require_operation(std::uint32_t node, const Token& pattern, const auto& matches) const {
    if (is_operation(node) && std::ranges::none_of(operations, matches)) wrong(pattern, no_operation);
  }

  void require_text(std::uint32_t node) const {
    const Sort sort = sort_of(nodes_[node]);
    if (sort == Sort::boolean || sort == Sort::number || sort == Sort::time)
      wrong(nodes_[node], "only a text can be matched with a pattern");
  }

  std::uint32_t operand() {
    const Token token = next();
    if (take("(")) {
      const Deeper deeper(*this);
      const std::uint32_t inner = disjunction();
      if (!take(")"))
        wrong(next(), fmt::format("the parenthesis is not closed; {} stands where ) was expected", shown(next())));
      return inner;
    }
    if (token.is("-") || token.is("+")) {
      ++at_;
      if (next().kind != Token::Kind::number) wrong(next(), "a sign needs a number behind it");
      std::string digits = tokens_[at_++].text;
      return add({.kind = Kind::number, .column = token.column, .text = (token.is("-") ? "-" : "") + digits});
    }
    ++at_;
    switch (token.kind) {
      case Token::Kind::number:
        return add({.kind = Kind::number, .column = token.column, .text = token.text});
      case Token::Kind::text:
        return add({.kind = Kind::text, .column = token.column, .text = token.text});
      case Token::Kind::fact:
        return record_fact(token);
      case Token::Kind::word:
      case Token::Kind::name:
        return word(token);
      default:
        --at_;
        wrong(token, fmt::format("{} stands where a field, a text, a number or ( was expected", shown(token)));
    }
  }

  std::uint32_t word(const Token& token) {
    if (token.is_word("true") || token.is_word("false"))
      return add({.kind = Kind::boolean, .truth = token.is_word("true"), .column = token.column});
    if (token.is_word("null")) return add({.kind = Kind::null, .column = token.column});
    if (token.is_word("header") && next().is("(")) return header(token);
    const bool known = token.kind == Token::Kind::word && !token.is_word("header") &&
                       std::ranges::any_of(reserved, [&](std::string_view one) { return token.is_word(one); });
    if (known)
      wrong(token,
            fmt::format("{} was not expected here; a field of that name is written in double quotes", shown(token)));
    if (next().is("("))
      wrong(token, fmt::format("there is no function {}; header('name') is the only one", shown(token)));
    ExpressionNode node{.kind = Kind::field, .column = token.column, .path = {token.text}};
    take_path(node.path);
    return add(std::move(node));
  }

  void take_path(std::vector<std::string>& path) {
    while (take(".")) {
      const Token& part = next();
      if (part.kind != Token::Kind::word && part.kind != Token::Kind::name)
        wrong(part, "a dot needs the name of a field behind it");
      path.push_back(part.text);
      ++at_;
    }
  }

  std::uint32_t header(const Token& token) {
    ++at_;
    const Token name = next();
    if (name.kind != Token::Kind::text) wrong(name, "header needs a name in single quotes, as in header('tenant')");
    ++at_;
    if (!take(")")) wrong(next(), fmt::format("{} stands where ) was expected", shown(next())));
    return add({.kind = Kind::fact, .fact = RecordFact::header, .column = token.column, .text = name.text});
  }

  std::uint32_t record_fact(const Token& token) {
    constexpr std::array<std::pair<std::string_view, RecordFact>, 7> table{{{"op", RecordFact::op},
                                                                            {"topic", RecordFact::topic},
                                                                            {"partition", RecordFact::partition},
                                                                            {"offset", RecordFact::offset},
                                                                            {"timestamp", RecordFact::timestamp},
                                                                            {"key", RecordFact::key},
                                                                            {"source", RecordFact::source}}};
    const auto* const row =
        std::ranges::find(table, std::string_view(token.text), &std::pair<std::string_view, RecordFact>::first);
    if (row == table.end())
      wrong(token,
            fmt::format("there is no @{}; use @op, @topic, @partition, @offset, @timestamp, @key or @source.FIELD",
                        token.text));
    ExpressionNode node{.kind = Kind::fact, .fact = row->second, .column = token.column};
    if (node.fact == RecordFact::source || node.fact == RecordFact::key) take_path(node.path);
    if (node.fact == RecordFact::source && node.path.empty())
      wrong(token, "@source needs a field of the event's source behind it, as in @source.lsn");
    return add(std::move(node));
  }

  // Bounds the recursion: an expression of a million parentheses is an error, not a crash.
  class Deeper {
   public:
    explicit Deeper(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > deepest) wrong(parser_.next(), fmt::format("is nested more than {} levels deep", deepest));
    }
    ~Deeper() { --parser_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Parser& parser_;
  };

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<ExpressionNode> nodes_;
};

}  // namespace

std::expected<std::vector<ExpressionNode>, ExpressionError> parse_tokens(std::vector<Token> tokens) {
  try {
    return Parser(std::move(tokens)).run();
  } catch (Wrong& wrong) {
    return std::unexpected(std::move(wrong.error));
  }
}

}  // namespace sluice

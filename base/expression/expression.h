// One subset of SQL's boolean expressions, for filter and delete_when: parsed here, evaluated by
// mapping/expression on an event's values.
//
// Precedence and three-valued logic are PostgreSQL's: OR, AND, NOT, IS [NOT] NULL, comparisons, [NOT] LIKE and [NOT]
// IN, ~. Names of fields are taken as they are written, with or without quotes: JSON knows case. The pattern of ~ is
// RE2's and that of LIKE is PostgreSQL's; both are literals, so that a wrong one is an error when the configuration is
// loaded and matching takes linear time. An Expression is immutable and shared by copies; any thread may read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace sluice {

// What a name that begins with @ stands for, and what a header is: facts of the record beside its fields.
enum class RecordFact : std::uint8_t { op, topic, partition, offset, timestamp, key, source, header };

enum class Comparison : std::uint8_t { equal, unequal, less, less_or_equal, greater, greater_or_equal };

struct ExpressionNode {
  enum class Kind : std::uint8_t {
    // operands
    field,
    fact,
    number,
    text,
    boolean,
    null,
    // conditions
    all_of,
    any_of,
    negation,
    is_null,
    comparison,
    in,
    like,
    regex,
  };

  Kind kind = Kind::null;
  Comparison comparison = Comparison::equal;
  RecordFact fact = RecordFact::op;
  bool truth = false;                     // of a boolean
  bool negated = false;                   // IS NOT NULL, NOT IN, NOT LIKE
  std::size_t column = 1;                 // where it begins in the text, counted in characters from 1
  std::string text = {};                  // of a literal: digits, characters; the name of a header; a pattern
  std::vector<std::string> path = {};     // of a field or a part of @source
  std::vector<std::uint32_t> parts = {};  // the operands' nodes; a list's candidate comes first
  std::shared_ptr<const re2::RE2> pattern = nullptr;  // of ~
};

struct ExpressionError {
  std::size_t column = 1;  // counted in characters from 1
  std::string text;        // what is wrong and what to do
};

class Expression {
 public:
  Expression() = default;  // empty: no condition
  static std::expected<Expression, ExpressionError> parse(std::string_view text);

  bool empty() const { return nodes_ == nullptr; }
  const std::string& text() const { return text_; }
  const std::vector<ExpressionNode>& nodes() const { return *nodes_; }
  const ExpressionNode& root() const { return nodes_->back(); }
  // Returns true if a field of this name is asked about, or a field within it. With a delimiter also if the name is
  // that of a nested field, put together with it.
  bool names(std::string_view field, std::string_view delimiter = {}) const;

 private:
  std::string text_;
  std::shared_ptr<const std::vector<ExpressionNode>> nodes_;
};

}  // namespace sluice

// Evaluates an expression on one event: a route's filter and delete_when, and conditions on the values of a row.
//
// Values are compared exactly: numbers of any length as decimals, texts by code point, times by the moment that they
// mean. A text meets a number, a boolean or a time as PostgreSQL's input of that type reads it. What can never be
// compared is the record's fault, and not a condition that does not hold: no record is skipped because a field holds
// rubbish. Owned by a Mapper, used by its thread; holds scratch space only.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/expression/expression.h"
#include "base/record.h"
#include "base/value.h"
#include "mapping/encode/datetime.h"
#include "mapping/encode/number.h"
#include "mapping/expression/record_facts.h"
#include "mapping/formats/event.h"

namespace sluice::mapping {

// The truths that a condition may have: one of SQL's three, or several where the event does not carry a field.
class Truth {
 public:
  static constexpr Truth no() { return Truth(1); }
  static constexpr Truth yes() { return Truth(2); }
  static constexpr Truth unknown() { return Truth(4); }
  static constexpr Truth any() { return Truth(7); }
  static constexpr Truth of(bool truth) { return truth ? yes() : no(); }

  bool operator==(const Truth&) const = default;
  bool may_be_yes() const { return (bits_ & 2) != 0; }
  bool is_yes() const { return bits_ == 2; }

  Truth operator!() const;
  Truth operator&&(Truth other) const;
  Truth operator||(Truth other) const { return !(!*this && !other); }
  // IS NULL of the condition.
  Truth is_unknown() const;

 private:
  constexpr explicit Truth(unsigned bits) : bits_(static_cast<std::uint8_t>(bits)) {}
  bool has(Truth one) const { return (bits_ & one.bits_) != 0; }

  std::uint8_t bits_;
};

struct ExpressionFault {
  std::string sqlstate;
  std::string reason;  // without the record's data
};

class Evaluator {
 public:
  // A field that the row lacks is NULL; if `partial`, it may be anything: a delete has little more than its key, and
  // the other columns of an update may be in the table.
  std::expected<Truth, ExpressionFault> evaluate(const Expression& expression, const Subject& subject, bool partial);

 private:
  struct Term {
    enum class Kind : std::uint8_t { null, not_carried, boolean, integer, decimal, real, text, time, other };

    Kind kind = Kind::null;
    bool truth = false;
    std::int64_t integer = 0;
    double real = 0;
    Decimal decimal;
    std::string_view text;
    Moment moment;
    std::string scratch;  // what `text` points into, if it had to be put together

    bool is_number() const { return kind == Kind::integer || kind == Kind::decimal || kind == Kind::real; }
  };
  using Node = ExpressionNode;

  class Terms;

  Truth condition(const Node& node);
  template <class Judge>
  Truth judge(std::initializer_list<const Term*> terms, Judge judge);
  Truth null_test(const Node& node);
  Truth boolean(const Node& node);
  Truth comparison(const Node& left, const Node& right, Comparison how);
  Truth membership(const Node& node);
  Truth match(const Node& node);
  std::optional<int> compare(const Node& left, Term& one, const Node& right, Term& two);
  std::optional<int> compare_times(const Node& left, Term& one, const Node& right, Term& two);

  void read(const Node& node, Term& term);
  void read_literal(const Node& node, Term& term);
  void read_fact(const Node& node, Term& term);
  void read_field(const Node& node, const Value* value, std::size_t depth, Term& term);
  void read_value(const Node& node, const Value& value, Term& term);
  void read_number(std::string_view digits, Term& term);

  bool as_number(const Node& node, Term& term);
  bool as_boolean(const Node& node, Term& term);
  bool as_time(const Node& node, Term& term);
  Truth refuse(const Node& node, const char* sqlstate, std::string_view what);

  const Node& part(const Node& node, std::size_t index) const { return expression_->nodes()[node.parts[index]]; }

  const Expression* expression_ = nullptr;
  const Subject* subject_ = nullptr;
  bool partial_ = false;
  std::optional<ExpressionFault> fault_;
  std::deque<Term> terms_;  // of the conditions that are being judged now: a deque keeps them where they are
  std::size_t taken_ = 0;
  std::vector<Field> members_;
  ValueArena arena_;
};

}  // namespace sluice::mapping

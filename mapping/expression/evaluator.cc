#include "mapping/expression/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/expression/matching.h"

namespace sluice::mapping {
namespace {

using Kind = ExpressionNode::Kind;

template <class T>
int order(const T& one, const T& two) {
  return one < two ? -1 : two < one ? 1 : 0;
}

// PostgreSQL's order of float8: NaN equals itself and is above everything.
int order_of_reals(double one, double two) {
  if (std::isnan(one) || std::isnan(two)) return order(std::isnan(one) ? 1 : 0, std::isnan(two) ? 1 : 0);
  return order(one, two);
}

bool holds(Comparison comparison, int order) {
  switch (comparison) {
    case Comparison::equal:
      return order == 0;
    case Comparison::unequal:
      return order != 0;
    case Comparison::less:
      return order < 0;
    case Comparison::less_or_equal:
      return order <= 0;
    case Comparison::greater:
      return order > 0;
    case Comparison::greater_or_equal:
      break;
  }
  return order >= 0;
}

// How the node is written, for messages; literals are the configuration's and no data of the record.
std::string shown(const ExpressionNode& node) {
  if (node.kind == Kind::field) return fmt::format("{}", fmt::join(node.path, "."));
  if (node.kind == Kind::fact && node.fact == RecordFact::header) return fmt::format("header('{}')", node.text);
  return node.kind == Kind::fact ? "what begins with @" : "the value";
}

}  // namespace

Truth Truth::operator!() const {
  return Truth((bits_ & 4u) | (bits_ & 1u) << 1 | (bits_ & 2u) >> 1);
}

Truth Truth::operator&&(Truth other) const {
  unsigned bits = (bits_ | other.bits_) & 1u;
  if (has(yes()) && other.has(yes())) bits |= 2;
  if ((has(unknown()) && other.bits_ != 1) || (other.has(unknown()) && bits_ != 1)) bits |= 4;
  return Truth(bits);
}

Truth Truth::is_unknown() const {
  return Truth((has(unknown()) ? 2u : 0u) | (bits_ != 4 ? 1u : 0u));
}

std::expected<Truth, ExpressionFault> Evaluator::evaluate(const Expression& expression, const Subject& subject,
                                                          bool partial) {
  expression_ = &expression;
  subject_ = &subject;
  partial_ = partial;
  fault_.reset();
  taken_ = 0;
  arena_.clear();
  const Truth truth = condition(expression.root());
  if (fault_) return std::unexpected(std::move(*fault_));
  return truth;
}

// From left to right, and no further than the answer is known; a fault ends it all.
Truth Evaluator::condition(const Node& node) {
  switch (node.kind) {
    case Kind::all_of:
    case Kind::any_of: {
      const bool all = node.kind == Kind::all_of;
      Truth truth = Truth::of(all);
      for (std::size_t n = 0; n < node.parts.size() && !fault_ && truth != Truth::of(!all); ++n) {
        const Truth next = condition(part(node, n));
        truth = all ? truth && next : truth || next;
      }
      return truth;
    }
    case Kind::negation:
      return !condition(part(node, 0));
    case Kind::comparison:
      return compare_nodes(node);
    case Kind::in:
      return membership(node);
    case Kind::like:
    case Kind::regex:
      return match(node);
    default:
      break;
  }
  const std::size_t before = taken_;
  Term& term = take_term();
  Truth truth = Truth::unknown();
  if (node.kind == Kind::is_null) {
    read(part(node, 0), term);
    truth = term.kind == Term::Kind::not_carried ? Truth::any().is_unknown() : Truth::of(term.kind == Term::Kind::null);
    if (node.negated) truth = !truth;
  } else {  // a boolean by itself
    read(node, term);
    if (term.kind == Term::Kind::not_carried)
      truth = Truth::any();
    else if (term.kind != Term::Kind::null && as_boolean(node, term))
      truth = Truth::of(term.truth);
  }
  taken_ = before;
  return truth;
}

Truth Evaluator::compare_nodes(const Node& node) {
  const std::size_t before = taken_;
  Term& one = take_term();
  Term& two = take_term();
  read(part(node, 0), one);
  read(part(node, 1), two);
  Truth truth = Truth::unknown();
  if (one.kind != Term::Kind::null && two.kind != Term::Kind::null && !fault_) {
    if (one.kind == Term::Kind::not_carried || two.kind == Term::Kind::not_carried)
      truth = Truth::any();
    else if (const auto found = compare(node, one, two))
      truth = Truth::of(holds(node.comparison, *found));
  }
  taken_ = before;
  return truth;
}

Truth Evaluator::membership(const Node& node) {
  const std::size_t before = taken_;
  Term& wanted = take_term();
  Term& candidate = take_term();
  Term& copy = take_term();
  read(part(node, 0), wanted);
  Truth truth = wanted.kind == Term::Kind::null          ? Truth::unknown()
                : wanted.kind == Term::Kind::not_carried ? Truth::any()
                                                         : Truth::no();
  if (truth == Truth::no()) {
    for (std::size_t n = 1; n < node.parts.size() && !fault_ && !truth.is_yes(); ++n) {
      read(part(node, n), candidate);
      copy = wanted;  // a comparison may turn a text into a number
      if (copy.text.data() == wanted.scratch.data()) copy.text = copy.scratch;
      Truth equal = Truth::unknown();
      if (candidate.kind == Term::Kind::not_carried)
        equal = Truth::any();
      else if (candidate.kind != Term::Kind::null && !fault_) {
        if (const auto found = compare(node, copy, candidate)) equal = Truth::of(*found == 0);
      }
      truth = truth || equal;
    }
  }
  taken_ = before;
  return node.negated ? !truth : truth;
}

Truth Evaluator::match(const Node& node) {
  const std::size_t before = taken_;
  Term& term = take_term();
  read(part(node, 0), term);
  Truth truth = Truth::unknown();
  if (term.kind == Term::Kind::not_carried)
    truth = Truth::any();
  else if (term.kind == Term::Kind::text)
    truth = Truth::of(node.kind == Kind::like ? matches_like(term.text, node.text)
                                              : matches_regex(term.text, *node.pattern));
  else if (term.kind != Term::Kind::null && !fault_)
    truth = refuse(part(node, 0), "42883", "is not a text, and only a text can be matched with a pattern");
  taken_ = before;
  return node.negated ? !truth : truth;
}

std::optional<int> Evaluator::compare(const Node& node, Term& one, Term& two) {
  using enum Term::Kind;
  if (one.kind == time || two.kind == time) return compare_times(node, one, two);
  if (one.kind == text && two.kind == text) return order(one.text, two.text);
  if (one.kind == boolean || two.kind == boolean) {
    if (!as_boolean(part(node, 0), one) || !as_boolean(part(node, 1), two)) return std::nullopt;
    return order(one.truth, two.truth);
  }
  if (one.kind == integer && two.kind == integer) return order(one.integer, two.integer);
  if (!as_number(part(node, 0), one) || !as_number(part(node, 1), two)) return std::nullopt;
  if (one.kind == integer && two.kind == integer) return order(one.integer, two.integer);
  if (one.kind == real || two.kind == real) {
    const auto as_real = [](const Term& term) {
      if (term.kind == real) return term.real;
      return term.kind == integer ? static_cast<double>(term.integer) : term.decimal.to_real();
    };
    return order_of_reals(as_real(one), as_real(two));
  }
  for (Term* term : {&one, &two}) {
    if (term->kind == integer) term->decimal.assign(term->integer);
  }
  return one.decimal.compare(two.decimal);
}

std::optional<int> Evaluator::compare_times(const Node& node, Term& one, Term& two) {
  if (!as_time(part(node, 0), one) || !as_time(part(node, 1), two)) return std::nullopt;
  if (one.moment.infinity != two.moment.infinity || one.moment.infinity != Moment::Infinity::none) {
    const auto rank = [](const Moment& moment) {
      return moment.infinity == Moment::Infinity::positive ? 1 : moment.infinity == Moment::Infinity::negative ? -1 : 0;
    };
    return order(rank(one.moment), rank(two.moment));
  }
  if (one.moment.has_date != two.moment.has_date) {
    refuse(part(node, 1), "42883", "is a time of day, and the other side is a date");
    return std::nullopt;
  }
  return order(std::pair(one.moment.days, one.moment.micros), std::pair(two.moment.days, two.moment.micros));
}

Truth Evaluator::refuse(const Node& node, const char* sqlstate, std::string_view what) {
  if (!fault_)
    fault_ = ExpressionFault{sqlstate, fmt::format("the expression cannot be judged (its character {}): {} {}",
                                                   node.column, shown(node), what)};
  return Truth::unknown();
}

Evaluator::Term& Evaluator::take_term() {
  if (taken_ == terms_.size()) terms_.emplace_back();
  return terms_[taken_++];
}

}  // namespace sluice::mapping

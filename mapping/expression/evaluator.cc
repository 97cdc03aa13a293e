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

// Terms are given back when the condition that took them is judged.
class Evaluator::Terms {
 public:
  explicit Terms(Evaluator& of) : of_(of), before_(of.taken_) {}
  ~Terms() { of_.taken_ = before_; }
  Terms(const Terms&) = delete;
  Terms& operator=(const Terms&) = delete;

  Term& read(const Node& node) {
    if (of_.taken_ == of_.terms_.size()) of_.terms_.emplace_back();
    Term& term = of_.terms_[of_.taken_++];
    of_.read(node, term);
    return term;
  }

 private:
  Evaluator& of_;
  std::size_t before_;
};

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
    case Kind::is_null:
      return null_test(node);
    case Kind::comparison:
      return comparison(part(node, 0), part(node, 1), node.comparison);
    case Kind::in:
      return membership(node);
    case Kind::like:
    case Kind::regex:
      return match(node);
    default:
      return boolean(node);
  }
}

// The truth of a condition on these terms: unknown if one is NULL, anything if one is not carried.
template <class Judge>
Truth Evaluator::judge(std::initializer_list<const Term*> terms, Judge judge) {
  const auto has = [&](Term::Kind kind) {
    return std::ranges::any_of(terms, [&](const Term* term) { return term->kind == kind; });
  };
  if (fault_ || has(Term::Kind::null)) return Truth::unknown();
  return has(Term::Kind::not_carried) ? Truth::any() : judge();
}

Truth Evaluator::null_test(const Node& node) {
  Terms terms(*this);
  const Term& term = terms.read(part(node, 0));
  const Truth truth =
      term.kind == Term::Kind::not_carried ? Truth::any().is_unknown() : Truth::of(term.kind == Term::Kind::null);
  return node.negated ? !truth : truth;
}

Truth Evaluator::boolean(const Node& node) {
  Terms terms(*this);
  Term& term = terms.read(node);
  return judge({&term}, [&] { return as_boolean(node, term) ? Truth::of(term.truth) : Truth::unknown(); });
}

Truth Evaluator::comparison(const Node& left, const Node& right, Comparison how) {
  Terms terms(*this);
  Term& one = terms.read(left);
  Term& two = terms.read(right);
  return judge({&one, &two}, [&] {
    const auto order = compare(left, one, right, two);
    return order ? Truth::of(holds(how, *order)) : Truth::unknown();
  });
}

Truth Evaluator::membership(const Node& node) {
  Truth truth = Truth::no();
  for (std::size_t n = 1; n < node.parts.size() && !fault_ && !truth.is_yes(); ++n)
    truth = truth || comparison(part(node, 0), part(node, n), Comparison::equal);
  return node.negated ? !truth : truth;
}

Truth Evaluator::match(const Node& node) {
  Terms terms(*this);
  const Term& term = terms.read(part(node, 0));
  const Truth truth = judge({&term}, [&] {
    if (term.kind != Term::Kind::text)
      return refuse(part(node, 0), "42883", "is not a text, and only a text can be matched with a pattern");
    return Truth::of(node.kind == Kind::like ? matches_like(term.text, node.text)
                                             : matches_regex(term.text, *node.pattern));
  });
  return node.negated ? !truth : truth;
}

std::optional<int> Evaluator::compare(const Node& left, Term& one, const Node& right, Term& two) {
  using enum Term::Kind;
  if (one.kind == time || two.kind == time) return compare_times(left, one, right, two);
  if (one.kind == text && two.kind == text) return order(one.text, two.text);
  if (one.kind == boolean || two.kind == boolean) {
    if (!as_boolean(left, one) || !as_boolean(right, two)) return std::nullopt;
    return order(one.truth, two.truth);
  }
  if (!as_number(left, one) || !as_number(right, two)) return std::nullopt;
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

std::optional<int> Evaluator::compare_times(const Node& left, Term& one, const Node& right, Term& two) {
  if (!as_time(left, one) || !as_time(right, two)) return std::nullopt;
  if (one.moment.infinity != two.moment.infinity || one.moment.infinity != Moment::Infinity::none) {
    const auto rank = [](const Moment& moment) {
      return moment.infinity == Moment::Infinity::positive ? 1 : moment.infinity == Moment::Infinity::negative ? -1 : 0;
    };
    return order(rank(one.moment), rank(two.moment));
  }
  if (one.moment.has_date != two.moment.has_date) {
    refuse(right, "42883", "is a time of day, and the other side is a date");
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

}  // namespace sluice::mapping

// The operands of an expression: literals, fields and facts of the record, read as terms and turned into each other.
#include <charconv>

#include "base/parse.h"
#include "mapping/expression/evaluator.h"

namespace sluice::mapping {
namespace {

using Kind = ExpressionNode::Kind;

}  // namespace

void Evaluator::read(const Node& node, Term& term) {
  term.kind = Term::Kind::null;
  switch (node.kind) {
    case Kind::field:
      return read_field(node, find(subject_->row.row.fields, node.path.front()), 1, term);
    case Kind::fact:
      return read_fact(node, term);
    case Kind::number:
    case Kind::text:
    case Kind::boolean:
    case Kind::null:
      return read_literal(node, term);
    default:
      break;
  }
  const Truth truth = condition(node);
  if (truth == Truth::unknown()) return;
  if (truth != Truth::yes() && truth != Truth::no()) {
    term.kind = Term::Kind::not_carried;
    return;
  }
  term.kind = Term::Kind::boolean;
  term.truth = truth.is_yes();
}

void Evaluator::read_literal(const Node& node, Term& term) {
  switch (node.kind) {
    case Kind::number:
      return read_number(node.text, term);
    case Kind::text:
      term.kind = Term::Kind::text;
      term.text = node.text;
      return;
    case Kind::boolean:
      term.kind = Term::Kind::boolean;
      term.truth = node.truth;
      return;
    default:
      return;
  }
}

void Evaluator::read_fact(const Node& node, Term& term) {
  if (node.fact == RecordFact::key && !node.path.empty())
    return read_field(node, key_field(*subject_, node.path.front()), 1, term);
  const Value value = record_fact(node.fact, node.text, *subject_);
  if (node.fact != RecordFact::source) return read_value(node, value, term);
  read_field(node, value.kind() == ValueKind::null ? nullptr : &value, 0, term);
}

// Follows the node's path from `depth` on.
void Evaluator::read_field(const Node& node, const Value* value, std::size_t depth, Term& term) {
  if (value == nullptr || value->kind() == ValueKind::absent) {
    term.kind = partial_ && node.kind == Kind::field ? Term::Kind::not_carried : Term::Kind::null;
    return;
  }
  Value at = *value;
  for (; depth < node.path.size(); ++depth) {
    if (at.kind() == ValueKind::null) return;
    std::span<const Field> members;
    if (at.kind() != ValueKind::structure || !at.members(members_, arena_, members)) {
      refuse(node, "42804", fmt::format("has no field {}: what is there is not an object", node.path[depth]));
      return;
    }
    const Value* inner = find(members, node.path[depth]);
    if (inner == nullptr) return;
    at = *inner;
  }
  read_value(node, at, term);
}

void Evaluator::read_number(std::string_view digits, Term& term) {
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, term.integer);
  term.kind = at == end && error == std::errc{} ? Term::Kind::integer : Term::Kind::decimal;
  if (term.kind == Term::Kind::decimal && !term.decimal.parse(digits)) term.kind = Term::Kind::other;
}

void Evaluator::read_value(const Node& node, const Value& value, Term& term) {
  switch (value.kind()) {
    case ValueKind::null:
    case ValueKind::absent:
      return;
    case ValueKind::boolean:
      term.kind = Term::Kind::boolean;
      term.truth = value.is_true();
      return;
    case ValueKind::integer:
      term.kind = Term::Kind::integer;
      term.integer = value.integer();
      return;
    case ValueKind::real:
      term.kind = Term::Kind::real;
      term.real = value.real();
      return;
    case ValueKind::number_text:
      return read_number(value.digits(), term);
    case ValueKind::decimal:
      term.scratch.clear();
      term.kind = Term::Kind::decimal;
      if (!value.append_bytes(term.scratch) || term.decimal.assign(term.scratch, value.scale()))
        refuse(node, "22P02", "holds a decimal that cannot be read");
      return;
    case ValueKind::text:
    case ValueKind::escaped_text:
      term.kind = Term::Kind::text;
      if (const ValueError error = of_text(value.characters(term.scratch, term.text)))
        refuse(node, error.sqlstate, "holds a text that cannot be read");
      return;
    case ValueKind::temporal: {
      std::int64_t count = value.is_lazy() ? 0 : value.integer();
      ValueError error = value.is_lazy() ? to_integer(value.digits(), count) : ValueError{};
      if (!error) error = moment_of_count(count, value.unit(), term.moment);
      term.kind = Term::Kind::time;
      if (error) refuse(node, error.sqlstate, "holds a time that cannot be compared");
      return;
    }
    default:
      term.kind = Term::Kind::other;
  }
}

bool Evaluator::as_number(const Node& node, Term& term) {
  if (term.is_number()) return true;
  const bool was_text = term.kind == Term::Kind::text;
  if (was_text) read_number(trimmed(term.text), term);
  if (term.is_number()) return true;
  refuse(node, was_text ? "22P02" : "42883", "is not a number, and the other side is one");
  return false;
}

bool Evaluator::as_boolean(const Node& node, Term& term) {
  if (term.kind == Term::Kind::boolean) return true;
  if (term.kind == Term::Kind::text) {
    const auto truth = parse_boolean(term.text);
    if (!truth) refuse(node, "22P02", "is not true or false");
    term.truth = truth.value_or(false);
    return truth.has_value();
  }
  refuse(node, "42883", "is not true or false");
  return false;
}

bool Evaluator::as_time(const Node& node, Term& term) {
  if (term.kind == Term::Kind::text) {
    if (const ValueError error = parse_moment(term.text, term.moment, MomentShape::either)) {
      refuse(node, error.sqlstate, "is not a date or time, and the other side is one");
      return false;
    }
    term.kind = Term::Kind::time;
  }
  if (term.kind != Term::Kind::time) {
    refuse(node, "42883", "is not a date or time, and the other side is one");
    return false;
  }
  to_utc(term.moment);
  return true;
}

}  // namespace sluice::mapping

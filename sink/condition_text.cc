#include "sink/condition_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/expression/row_condition.h"
#include "base/printable.h"
#include "base/table_name.h"
#include "sink/literal_text.h"

namespace sluice::sink {
namespace {

using Node = ExpressionNode;
using Kind = ExpressionNode::Kind;

// What values compare as. A quoted literal takes the sort of the other side.
enum class Sort { null, literal, number, boolean, text, label, uuid, moment, time_of_day, other };

// Thrown and caught in this file only: the first column that does not fit ends the translation.
struct Unfit {
  std::string what;
};

struct Operand {
  Sort sort = Sort::null;
  std::string sql;
  const std::string* text = nullptr;  // of a quoted literal
  const Column* column = nullptr;     // of a column
};

Sort sort_of(const Column& column) {
  if (column.array) return Sort::other;
  if (column.enumeration) return Sort::label;
  switch (column.encoding) {
    case Encoding::int2:
    case Encoding::int4:
    case Encoding::int8:
    case Encoding::float4:
    case Encoding::float8:
    case Encoding::numeric:
      return Sort::number;
    case Encoding::boolean:
      return Sort::boolean;
    case Encoding::text:
      return column.type_name == "char" ? Sort::other : Sort::text;
    case Encoding::uuid:
      return Sort::uuid;
    case Encoding::date:
    case Encoding::timestamp:
    case Encoding::timestamptz:
      return Sort::moment;
    case Encoding::time:
      return Sort::time_of_day;
    default:
      return Sort::other;
  }
}

std::string_view sign_of(Comparison how) {
  switch (how) {
    case Comparison::equal:
      return "=";
    case Comparison::unequal:
      return "<>";
    case Comparison::less:
      return "<";
    case Comparison::less_or_equal:
      return "<=";
    case Comparison::greater:
      return ">";
    case Comparison::greater_or_equal:
      break;
  }
  return ">=";
}

std::string by_code_point(std::string_view sql) {
  return fmt::format("({}::pg_catalog.text COLLATE pg_catalog.\"C\")", sql);
}

std::string matches(std::string_view sql, const Node& node) {
  const bool like = node.kind == Kind::like;
  const auto pattern = like ? node.text : as_postgres_pattern(node.text).value_or("");
  return fmt::format("({} OPERATOR(pg_catalog.{}) {}::pg_catalog.text)", by_code_point(sql), like ? "~~" : "~",
                     quoted_literal(pattern));
}

class Translation {
 public:
  Translation(const Expression& expression, const Table& table) : expression_(expression), table_(table) {}

  RowCondition run() {
    made_.sql = condition(expression_.root());
    return std::move(made_);
  }

 private:
  const Node& part(const Node& node, std::size_t n) const { return expression_.nodes()[node.parts[n]]; }

  std::string joined(const Node& node, std::string_view word) {
    std::string out = "(";
    for (std::size_t n = 0; n < node.parts.size(); ++n)
      out += fmt::format("{}{}", n ? fmt::format(" {} ", word) : "", condition(part(node, n)));
    return out + ")";
  }

  std::string condition(const Node& node) {
    switch (node.kind) {
      case Kind::all_of:
        return joined(node, "AND");
      case Kind::any_of:
        return joined(node, "OR");
      case Kind::negation:
        return fmt::format("(NOT {})", condition(part(node, 0)));
      case Kind::is_null:
        return fmt::format("({} IS {}NULL)", null_tested(part(node, 0)), node.negated ? "NOT " : "");
      case Kind::comparison:
        return comparison(operand(part(node, 0)), operand(part(node, 1)), node.comparison);
      case Kind::in:
        return membership(node);
      case Kind::like:
      case Kind::regex:
        return match(node);
      default:
        return typed(operand(node), Sort::boolean).sql;
    }
  }

  std::string membership(const Node& node) {
    std::string out = node.negated ? "(NOT (" : "((";
    for (std::size_t n = 1; n < node.parts.size(); ++n)
      out += (n > 1 ? " OR " : "") + comparison(operand(part(node, 0)), operand(part(node, n)), Comparison::equal);
    return out + "))";
  }

  std::string match(const Node& node) {
    const Operand of = operand(part(node, 0));
    if (of.sort != Sort::text && of.sort != Sort::label && of.sort != Sort::literal && of.sort != Sort::null)
      throw Unfit{fmt::format("matches {} with a pattern, which only a text can be", shown(of))};
    const auto sql = matches(of.sql, node);
    return node.negated ? fmt::format("(NOT {})", sql) : sql;
  }

  std::string null_tested(const Node& node) {
    if (node.kind == Kind::field) return fmt::format("target.{}", quoted(column_of(node).name));
    const Operand of = operand(node);
    return of.sort == Sort::literal ? typed(of, Sort::text).sql : of.sql;
  }

  const Column& column_of(const Node& node) {
    const auto found = std::ranges::find(table_.columns, node.path.front(), &Column::name);
    if (found == table_.columns.end())
      throw Unfit{fmt::format("names the column {}, which does not exist", printable(node.path.front()))};
    const auto index = static_cast<std::uint16_t>(found - table_.columns.begin());
    if (std::ranges::find(made_.columns, index) == made_.columns.end()) made_.columns.push_back(index);
    return *found;
  }

  Operand operand(const Node& node) {
    switch (node.kind) {
      case Kind::field: {
        const Column& column = column_of(node);
        const auto name = "target." + quoted(column.name);
        const bool zoned = column.encoding == Encoding::timestamptz && !column.array;
        return {sort_of(column), zoned ? fmt::format("pg_catalog.timezone('UTC', {})", name) : name, nullptr, &column};
      }
      case Kind::number:
        return {Sort::number, fmt::format("'{}'::pg_catalog.numeric", node.text)};
      case Kind::text:
        return {Sort::literal, quoted_literal(node.text), &node.text};
      case Kind::boolean:
        return {Sort::boolean, node.truth ? "TRUE" : "FALSE"};
      case Kind::null:
        return {Sort::null, "NULL"};
      case Kind::fact:
        throw Unfit{"asks about the event"};
      default:
        return {Sort::boolean, condition(node)};
    }
  }

  std::string comparison(Operand left, Operand right, Comparison how) {
    if (left.sort == Sort::null || right.sort == Sort::null) return "NULL::pg_catalog.bool";
    if (left.sort == Sort::literal && right.sort == Sort::literal) left = typed(std::move(left), Sort::text);
    if (left.sort == Sort::literal) left = typed(std::move(left), right.sort);
    if (right.sort == Sort::literal) right = typed(std::move(right), left.sort);
    for (const Operand* of : {&left, &right}) {
      if (of->sort == Sort::other)
        throw Unfit{fmt::format("compares {}, of which it can only ask IS NULL", shown(*of))};
      if (of->sort == Sort::label && how != Comparison::equal && how != Comparison::unequal)
        throw Unfit{fmt::format("asks for the order of {}; use = or IN", shown(*of))};
    }
    const auto is_text = [](Sort sort) { return sort == Sort::text || sort == Sort::label || sort == Sort::uuid; };
    const bool texts = is_text(left.sort) && is_text(right.sort);
    if (!texts && left.sort != right.sort)
      throw Unfit{fmt::format("compares {} with {}, which are of two kinds", shown(left), shown(right))};
    return fmt::format("({} OPERATOR(pg_catalog.{}) {})", texts ? by_code_point(left.sql) : left.sql, sign_of(how),
                       texts ? by_code_point(right.sql) : right.sql);
  }

  // A literal as one of the sort; whatever else must be of it.
  static Operand typed(Operand of, Sort sort) {
    if (of.sort == Sort::null) return {sort, "NULL::pg_catalog.bool"};
    if (of.sort != Sort::literal) {
      if (of.sort == sort) return of;
      throw Unfit{fmt::format("takes {} as a condition, which only a boolean can be", shown(of))};
    }
    const auto need = [&](LiteralOf kind) {
      if (const char* expected = misspelt(kind, *of.text))
        throw Unfit{fmt::format("compares '{}', expected {}", printable(*of.text), expected)};
    };
    switch (sort) {
      case Sort::number:
        need(LiteralOf::number);
        return {sort, of.sql + "::pg_catalog.numeric"};
      case Sort::boolean:
        need(LiteralOf::boolean);
        return {sort, of.sql + "::pg_catalog.bool"};
      case Sort::uuid:
        need(LiteralOf::uuid);
        return {sort, of.sql};
      case Sort::time_of_day:
        need(LiteralOf::time_of_day);
        return {sort, of.sql + "::pg_catalog.time"};
      case Sort::moment:
        need(LiteralOf::moment);
        return {sort, has_zone(*of.text) ? fmt::format("pg_catalog.timezone('UTC', {}::pg_catalog.timestamptz)", of.sql)
                                         : of.sql + "::pg_catalog.timestamp"};
      case Sort::label:
      case Sort::other:
        return {sort, of.sql};
      default:
        return {Sort::text, of.sql};
    }
  }

  static std::string shown(const Operand& of) {
    if (of.column != nullptr) return fmt::format("the column {} ({})", printable(of.column->name), of.column->declared);
    if (of.text != nullptr) return fmt::format("'{}'", printable(*of.text));
    return of.sort == Sort::number ? "a number" : of.sort == Sort::boolean ? "a condition" : "a literal";
  }

  const Expression& expression_;
  const Table& table_;
  RowCondition made_;
};

}  // namespace

Result<RowCondition> condition_of(const Expression& where, const Table& table) {
  try {
    return Translation(where, table).run();
  } catch (Unfit& unfit) {
    return fail(
        ErrorClass::stop_partition,
        fmt::format("the condition of {} {}; alter the table or change [[route]].where", table.name, unfit.what));
  }
}

std::string condition_probe(const Expression& where, const Table& table) {
  std::string patterns, columns;
  // Against NULL, which the columns are here, PostgreSQL would not even read them.
  for (const Node& node : where.nodes()) {
    if (node.kind == Kind::regex) patterns += (patterns.empty() ? " " : ", ") + matches("''", node);
  }
  for (const auto index : table.condition.columns) {
    const Column& column = table.columns[index];
    columns += fmt::format("{}NULL::{} AS {}", columns.empty() ? "" : ", ", column.cast, quoted(column.name));
  }
  return fmt::format("SELECT{} FROM (SELECT {}) AS target WHERE {}", patterns, columns, table.condition.sql);
}

}  // namespace sluice::sink

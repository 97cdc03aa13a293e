// The same expressions and rows, judged by us and by PostgreSQL: whatever we accept means what it means there, and so
// does what a condition on rows is translated to.
#include <random>

#include "mapping/expression/evaluator.h"
#include "sink/condition_text.h"
#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

enum class Sort { number, real, text, time, boolean };

struct ColumnOf {
  const char* name;
  const char* type;
  Sort sort;
};

constexpr ColumnOf columns[] = {
    {"i", "bigint", Sort::number},           {"n", "numeric", Sort::number},          {"f", "float8", Sort::real},
    {"t", "text collate \"C\"", Sort::text}, {"u", "text collate \"C\"", Sort::text}, {"b", "boolean", Sort::boolean},
    {"d", "timestamptz", Sort::time}};

// Expressions without an error of type, so that PostgreSQL has an answer to each.
class ExpressionGenerator {
 public:
  explicit ExpressionGenerator(unsigned seed) : random_(seed) {}

  std::string condition(int depth) {
    if (depth > 0 && pick(2) == 0) {
      switch (pick(4)) {
        case 0:
          return fmt::format("({} and {})", condition(depth - 1), condition(depth - 1));
        case 1:
          return fmt::format("{} or {} and {}", grouped(depth), grouped(depth), grouped(depth));
        case 2:
          return fmt::format("not {}", grouped(depth));
        default:
          return fmt::format("({}) is {}null", condition(depth - 1), pick(2) ? "not " : "");
      }
    }
    switch (pick(7)) {
      case 0:
        return fmt::format("{} is {}null", columns[pick(7)].name, pick(2) ? "not " : "");
      case 1:
        return fmt::format("{} {}in ({}, {}, {})", field(Sort::text), maybe_not(), literal(Sort::text),
                           literal(Sort::text), pick(4) ? literal(Sort::text) : "null");
      case 2:
        return fmt::format("{} {}in ({}, {})", field(Sort::number), maybe_not(), operand(Sort::number),
                           literal(Sort::number));
      case 3:
        return fmt::format("{} {}like '{}'", field(Sort::text), maybe_not(), pattern());
      case 4:
        return "b";
      case 5:
        return fmt::format("{} ~ '{}'", field(Sort::text), one_of({"^a", "b$", "[ab]+c", "a.c", "x|y", "é"}));
      default: {
        const auto sort = static_cast<Sort>(pick(5));
        const std::string left = sort == Sort::time ? field(sort) : operand(sort);
        return fmt::format("{} {} {}", left, one_of({"=", "<>", "!=", "<", "<=", ">", ">="}), operand(sort));
      }
    }
  }

  std::string literal(Sort sort) {
    switch (sort) {
      case Sort::number:
        return one_of(
            {"0", "1", "-1", "2.50", "9007199254740993", "1e3", "-0.0001", "123456789012345678901234567890", "2.5"});
      case Sort::real:
        return one_of({"0", "0.1", "-2.5", "1e10", "3"});
      case Sort::text:
        return one_of({"''", "'a'", "'abc'", "'b'", "'é'", "'Z'", "'it''s'", "'10'"});
      case Sort::time:
        return one_of(
            {"'2026-01-01 00:00:00Z'", "'1999-12-31 23:59:59.999999+01'", "'2026-01-01T00:00:00+00:00'", "'infinity'"});
      case Sort::boolean:
        break;
    }
    return one_of({"true", "false"});
  }

  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }
  std::string one_of(std::initializer_list<const char*> words) {
    return words.begin()[pick(static_cast<unsigned>(words.size()))];
  }

 private:
  std::string grouped(int depth) { return "(" + condition(depth - 1) + ")"; }
  std::string maybe_not() { return pick(3) ? "" : "not "; }
  std::string field(Sort sort) {
    switch (sort) {
      case Sort::number:
        return one_of({"i", "n"});
      case Sort::real:
        return "f";
      case Sort::text:
        return one_of({"t", "u"});
      case Sort::time:
        return "d";
      case Sort::boolean:
        break;
    }
    return "b";
  }
  // A literal may be quoted where the other side gives it its type; two literals would be two texts.
  std::string operand(Sort sort) {
    if (pick(2)) return field(sort);
    return literal(sort);
  }
  std::string pattern() { return one_of({"%", "a%", "%c", "_", "a_c", "%b%", "", "\\\\%", "é_%", "%%a"}); }

  std::mt19937 random_;
};

Encoding encoding_of(Sort sort, std::string_view name) {
  switch (sort) {
    case Sort::number:
      return name == "i" ? Encoding::int8 : Encoding::numeric;
    case Sort::real:
      return Encoding::float8;
    case Sort::text:
      return Encoding::text;
    case Sort::time:
      return Encoding::timestamptz;
    case Sort::boolean:
      break;
  }
  return Encoding::boolean;
}

class ExpressionProperty : public SinkTest {};

TEST_F(ExpressionProperty, ten_thousand_random_expressions_mean_what_they_mean_to_postgresql) {
  constexpr unsigned seed = 20261126;
  constexpr int rounds = 100, expressions = 100;
  struct Choice {
    const char* sql;
    sluice::Value ours;
  };
  using Ours = sluice::Value;
  const std::vector<std::vector<Choice>> choices = {
      {{"null", {}},
       {"0", Ours::integer(0)},
       {"-1", Ours::number_text("-1")},
       {"9007199254740993", Ours::number_text("9007199254740993")}},
      {{"null", {}},
       {"2.5", Ours::number_text("2.50")},
       {"1000", Ours::number_text("1E+3")},
       {"-0.0001", Ours::decimal("\xff", 4)},
       {"'NaN'", Ours::text("NaN")}},
      {{"null", {}},
       {"0.1", Ours::real(0.1)},
       {"'NaN'", Ours::real(std::bit_cast<double>(0x7FF8000000000000))},
       {"-2.5", Ours::real(-2.5)},
       {"3", Ours::real(3)}},
      {{"null", {}},
       {"'abc'", Ours::text("abc")},
       {"''", Ours::text("")},
       {"'é'", Ours::escaped_text("\\u00e9")},
       {"'it''s'", Ours::text("it's")}},
      {{"null", {}},
       {"'a'", Ours::text("a")},
       {"'éa'", Ours::text("éa")},
       {"'10'", Ours::text("10")},
       {"'%'", Ours::text("%")}},
      {{"null", {}}, {"true", Ours::boolean(true)}, {"false", Ours::boolean(false)}},
      {{"null", {}},
       {"'2026-01-01Z'", Ours::temporal(1767225600000, TemporalUnit::timestamp_millis)},
       {"'1970-01-01Z'", Ours::temporal(0, TemporalUnit::timestamp_micros)}}};
  ExpressionGenerator generator(seed);
  mapping::Evaluator evaluator;
  const TopicPartition place{"t", 0};
  Record record;
  record.at = &place;
  const mapping::Event event;
  Table target;
  for (const auto& [name, type, sort] : columns) {
    auto& column = target.columns.emplace_back();
    column.name = name;
    column.encoding = encoding_of(sort, name);
  }
  int held = 0, translated = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string values;
    std::vector<sluice::Field> fields;
    for (std::size_t n = 0; n < std::size(columns); ++n) {
      const auto& all = choices[n];
      const Choice& choice = all[generator.pick(static_cast<unsigned>(all.size()))];
      values += fmt::format("{}{}::{}", n ? "," : "", choice.sql,
                            std::string_view(columns[n].type).substr(0, std::string_view(columns[n].type).find(' ')));
      if (std::string_view(columns[n].type).ends_with('"')) values += " collate \"C\"";
      values += fmt::format(" as {}", columns[n].name);
      fields.push_back({columns[n].name, choice.ours});
    }
    std::vector<std::string> texts;
    std::string query = "select concat(";
    for (int n = 0; n < expressions; ++n) {
      texts.push_back(generator.condition(3));
      query += fmt::format("{}(({}) is true)::int", n ? "," : "", texts.back());
    }
    const std::string answers = sql(query + ") from (select " + values + ") row");
    ASSERT_EQ(answers.size(), texts.size()) << answers;
    std::string conditions = "select concat(";
    for (const auto& text : texts) {
      const auto condition = condition_of(*Expression::parse(text), target);
      translated += condition.has_value();
      conditions += fmt::format("{}{}", conditions.ends_with('(') ? "" : ",",
                                condition ? fmt::format("(({}) is true)::int", condition->sql) : "'-'");
    }
    const std::string of_rows = sql(conditions + ") from (select " + values + ") target");
    ASSERT_EQ(of_rows.size(), texts.size()) << of_rows;
    const mapping::Image image{.row = {fields, no_schema}, .present = true};
    for (std::size_t n = 0; n < texts.size(); ++n) {
      const auto expression = Expression::parse(texts[n]);
      ASSERT_TRUE(expression) << texts[n] << ": " << expression.error().text;
      const auto truth = evaluator.evaluate(*expression, {event, image, record}, false);
      ASSERT_TRUE(truth) << texts[n] << " with " << values << ": " << truth.error().reason;
      ASSERT_EQ(truth->is_yes(), answers[n] == '1') << texts[n] << "\nwith " << values << "\nseed " << seed;
      if (of_rows[n] != '-') {
        ASSERT_EQ(of_rows[n], answers[n]) << texts[n] << "\nwith " << values << "\nseed " << seed;
      }
      held += truth->is_yes();
    }
  }
  EXPECT_GT(held, rounds * expressions / 10) << "the expressions are worth asking";
  EXPECT_LT(held, rounds * expressions * 9 / 10);
  EXPECT_EQ(translated, rounds * expressions);
}

}  // namespace
}  // namespace sluice::sink::test

// Evaluation on values of an event, where PostgreSQL is not needed to know the answer.
#include "mapping/expression/evaluator.h"

#include <gtest/gtest.h>

#include "base/json_text.h"

namespace sluice::mapping {
namespace {

class ExpressionEvaluation : public testing::Test {
 protected:
  void SetUp() override {
    record_.at = &at_;
    record_.offset = 41;
    record_.timestamp_ms = 1'700'000'000'000;
  }

  // "yes", "no", "unknown", "any", or the fault.
  std::string judge(std::string_view text, const std::string& row, bool partial = false) {
    const auto expression = Expression::parse(text);
    EXPECT_TRUE(expression) << text;
    if (!expression) return "not parsed";
    json_ = row;
    arena_.clear();
    EXPECT_TRUE(read_json_object(json_, arena_, fields_)) << row;
    image_ = {.row = {fields_, no_schema}, .present = true};
    const auto truth = evaluator_.evaluate(*expression, {event_, image_, record_}, partial);
    if (!truth) return truth.error().sqlstate;
    return *truth == Truth::yes()       ? "yes"
           : *truth == Truth::no()      ? "no"
           : *truth == Truth::unknown() ? "unknown"
                                        : "any";
  }

  Event event_;
  TopicPartition at_{"shop.orders", 3};
  Record record_;

 private:
  std::string json_;
  ValueArena arena_;
  std::vector<Field> fields_;
  Image image_;
  Evaluator evaluator_;
};

TEST_F(ExpressionEvaluation, numbers_are_exact_at_any_length) {
  const std::string row = R"({"n":9007199254740993.0000000000000000001,"i":-5,"z":1.50,"s":" 12 "})";
  EXPECT_EQ(judge("n > 9007199254740993", row), "yes");
  EXPECT_EQ(judge("n = 9007199254740993.00000000000000000010", row), "yes");
  EXPECT_EQ(judge("i < -4.999", row), "yes");
  EXPECT_EQ(judge("z = 1.5 and z in (1, 15e-1)", row), "yes");
  EXPECT_EQ(judge("s >= '12'", row), "no") << "two texts compare as texts, and the blank comes first";
  EXPECT_EQ(judge("s = 12", row), "yes");
  EXPECT_EQ(judge("i <> 1e400", row), "yes");
}

TEST_F(ExpressionEvaluation, null_and_a_missing_field_are_sqls_null) {
  const std::string row = R"({"a":null,"b":1})";
  EXPECT_EQ(judge("a = 1", row), "unknown");
  EXPECT_EQ(judge("a = 1 or b = 1", row), "yes");
  EXPECT_EQ(judge("missing = 1 and b = 2", row), "no");
  EXPECT_EQ(judge("missing is null", row), "yes");
  EXPECT_EQ(judge("not (a = 1)", row), "unknown");
  EXPECT_EQ(judge("b in (2, null)", row), "unknown");
  EXPECT_EQ(judge("b not in (1, null)", row), "no");
  EXPECT_EQ(judge("(a = 1) is null", row), "yes");
}

TEST_F(ExpressionEvaluation, a_field_that_is_not_carried_may_be_anything) {
  const std::string row = R"({"id":1})";
  EXPECT_EQ(judge("status = 'new'", row, true), "any");
  EXPECT_EQ(judge("status = 'new' and id = 2", row, true), "no");
  EXPECT_EQ(judge("status = 'new' or id = 1", row, true), "yes");
  EXPECT_EQ(judge("not (status = 'new' and id = 2)", row, true), "yes");
  EXPECT_EQ(judge("status is not null", row, true), "any");
  EXPECT_EQ(judge("status = null", row, true), "unknown");
}

TEST_F(ExpressionEvaluation, text_compares_by_code_point_and_meets_other_types_as_their_input_reads_it) {
  const std::string row = R"({"t":"Zürich","e":"\u005a","flag":true,"off":"off","n":20})";
  EXPECT_EQ(judge("t > 'Zurich'", row), "yes");
  EXPECT_EQ(judge("t < 'a'", row), "yes");
  EXPECT_EQ(judge("e = 'Z'", row), "yes");
  EXPECT_EQ(judge("t like 'Z_rich' and t ~ 'r.ch$'", row), "yes");
  EXPECT_EQ(judge("flag = 'true' and flag and off = false", row), "yes");
  EXPECT_EQ(judge("n >= '20'", row), "yes");
}

TEST_F(ExpressionEvaluation, what_can_never_be_compared_is_a_fault_and_not_a_no) {
  const std::string row = R"({"t":"abc","flag":true,"o":{"x":1},"n":1})";
  EXPECT_EQ(judge("t > 20", row), "22P02");
  EXPECT_EQ(judge("flag > 20", row), "42883");
  EXPECT_EQ(judge("n like '1%'", row), "42883");
  EXPECT_EQ(judge("t = true", row), "22P02");
  EXPECT_EQ(judge("t.x = 1", row), "42804");
  EXPECT_EQ(judge("n = 2 and t > 20", row), "no") << "decided before the fault is met";
}

TEST_F(ExpressionEvaluation, a_path_leads_into_objects) {
  const std::string row = R"({"a":{"b":{"c":7},"n":null}})";
  EXPECT_EQ(judge("a.b.c = 7", row), "yes");
  EXPECT_EQ(judge("a.b.d is null", row), "yes");
  EXPECT_EQ(judge("a.n.x = 1", row), "unknown");
}

TEST_F(ExpressionEvaluation, facts_of_the_record_are_known) {
  event_.operation = Operation::update;
  record_.headers = {{"tenant", "a"}, {"tenant", "b"}, {"none", std::nullopt}};
  EXPECT_EQ(judge("@op = 'u' and @topic like 'shop.%' and @partition = 3 and @offset > 40", "{}"), "yes");
  EXPECT_EQ(judge("@timestamp = '2023-11-14 22:13:20Z'", "{}"), "yes");
  EXPECT_EQ(judge("header('tenant') = 'b'", "{}"), "yes");
  EXPECT_EQ(judge("header('none') is null and header('other') is null", "{}"), "yes");
  EXPECT_EQ(judge("@key is null", "{}"), "yes");
}

}  // namespace
}  // namespace sluice::mapping

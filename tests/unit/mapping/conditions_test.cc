// What a route's filter and delete_when do to events.
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

class RouteCondition : public testing::Test {
 protected:
  Fixture& with(const char* filter, const char* delete_when = "") {
    fixture_.emplace(table({{"id", "int8"}, {"name", "text"}, {"age", "int4"}}));
    if (*filter) fixture_->route.filter = Expression::parse(filter).value();
    if (*delete_when) fixture_->route.delete_when = Expression::parse(delete_when).value();
    return *fixture_;
  }

 private:
  std::optional<Fixture> fixture_;
};

TEST_F(RouteCondition, events_that_do_not_match_the_filter_are_skipped_and_null_does_not_match) {
  const Changes changes = with("age >= 20")
                              .map({{{}, R"({"id":1,"age":20})"},
                                    {{}, R"({"id":2,"age":19})"},
                                    {{}, R"({"id":3,"age":null})"},
                                    {{}, R"({"id":4})"}});
  EXPECT_EQ(text_of(changes), "write id=1 age=20\n");
  EXPECT_EQ(outcomes(changes), "asss");
}

TEST_F(RouteCondition, a_field_that_cannot_be_compared_makes_a_dead_letter_and_no_skip) {
  const Changes changes = with("age >= 20").map({{{}, R"({"id":1,"age":"old"})"}});
  EXPECT_EQ(outcomes(changes), "d");
  EXPECT_EQ(changes.dead.at(0).sqlstate, "22P02");
  EXPECT_EQ(changes.dead.at(0).reason.find("old"), std::string::npos);
}

TEST_F(RouteCondition, a_delete_is_held_back_only_by_fields_that_it_carries) {
  const std::string removed = R"({"op":"d","before":{"id":3,"age":5},"after":null,"source":{}})";
  const Changes changes =
      with("age >= 20")
          .map({{"1", {}}, {R"({"id":2})", R"({"op":"d","before":{"id":2},"after":null})"}, {{}, removed}});
  EXPECT_EQ(text_of(changes), "remove id=1\nremove id=2\n");
  EXPECT_EQ(outcomes(changes), "aas");
}

TEST_F(RouteCondition, the_operation_is_a_fact_that_a_delete_carries_too) {
  const Changes changes = with("@op <> 'd' and age > 1")
                              .map({{"1", {}},
                                    {{}, R"({"op":"r","before":null,"after":{"id":2,"age":2},"source":{}})"},
                                    {{}, R"({"id":3,"age":3})"}});
  EXPECT_EQ(text_of(changes), "write id=2 age=2\nwrite id=3 age=3\n");
  EXPECT_EQ(
      outcomes(with("@op <> 'r'").map({{{}, R"({"op":"r","before":null,"after":{"id":2,"age":2},"source":{}})"}})),
      "s");
}

TEST_F(RouteCondition, a_row_that_delete_when_marks_is_a_delete_and_its_mark_needs_no_column) {
  const Changes changes = with("", "__deleted = 'true'")
                              .map({{{}, R"({"id":1,"name":"a","__deleted":"false"})"},
                                    {{}, R"({"id":2,"name":"b","__deleted":"true"})"},
                                    {{}, R"({"id":3,"__deleted":true})"},
                                    {R"({"id":4})", R"({"name":null,"__deleted":"true"})"}});
  EXPECT_EQ(text_of(changes), "write id=1 name=a\nremove id=2\nremove id=3\nremove id=4\n");
  EXPECT_EQ(outcomes(changes), "aaaa");
}

TEST_F(RouteCondition, fields_that_no_condition_names_are_still_unknown) {
  EXPECT_EQ(outcomes(with("extra = 1", "__deleted").map({{{}, R"({"id":1,"extra":1})"}})), "d");
}

}  // namespace
}  // namespace sluice::mapping::test

// Rounds: what a delete does to rows of other tables comes between the changes before it and those behind it.
#include <deque>

#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

// A delete of a parent changes rows of `children`, as ON DELETE CASCADE does.
struct Linked {
  explicit Linked(bool cascades = true) {
    auto pipeline = std::make_shared<config::Pipeline>();
    for (const char* name : {"parents", "children"}) {
      auto& route = pipeline->routes.emplace_back();
      route.topics = {name};
      route.table = std::string("public.") + name;
      route.key = {"id"};
      const auto made = tables.emplace_back(table({{"id", "int4"}, {"v", "text"}}));
      made->name = made->sql_name = route.table;
      made->tree = static_cast<std::uint32_t>(tables.size());
      made->delete_acts = true;
    }
    if (cascades) tables[0]->delete_changes = {2};
    mapper = std::make_unique<Mapper>(pipeline);
    for (std::size_t i = 0; i < tables.size(); ++i)
      mapper->set_table({&pipeline->routes[i], pipeline->routes[i].table}, tables[i]);
    kept = pipeline;
  }

  void is(const char* topic, int id, bool written) {
    const auto& place = places.emplace_back(TopicPartition{topic, 0});
    const auto& key = texts.emplace_back(std::to_string(id));
    Record record;
    record.at = &place;
    record.key = key;
    if (written) record.value = R"({"v":"x"})";
    ASSERT_TRUE(mapper->map(record, set));
  }

  // "p0 +1 -2 | ": the steps of each table with their rounds.
  std::string text() const {
    std::string out;
    for (const auto& changed : set.changes().tables) {
      for (const auto& step : changed.steps) {
        if (step.rows.empty()) continue;
        out += fmt::format("{}{}", changed.table->name[7], step.round);
        for (const auto& row : step.rows)
          out += row.kind == ChangeKind::remove ? " -" : row.kind == ChangeKind::replace ? " !" : " +";
        out += "; ";
      }
    }
    return out;
  }

  std::vector<std::shared_ptr<Table>> tables;
  std::shared_ptr<const config::Pipeline> kept;
  std::unique_ptr<Mapper> mapper;
  std::deque<TopicPartition> places;
  std::deque<std::string> texts;
  ChangeSet set;
};

TEST(MappingRounds, a_child_that_is_written_after_a_delete_that_changes_children_is_in_the_next_round) {
  Linked linked;
  linked.is("children", 1, true);
  linked.is("parents", 7, false);
  linked.is("parents", 8, false);
  linked.is("children", 2, false);
  EXPECT_EQ(linked.text(), "c0 + -; p0 - -; ") << "what goes as well needs no other round";
  linked.is("children", 1, true);
  EXPECT_EQ(linked.text(), "c0 + -; c1 +; p0 - -; ");
  linked.is("parents", 7, true);
  EXPECT_EQ(linked.text(), "c0 + -; c1 +; p0 - -; p1 +; ");
}

TEST(MappingRounds, a_parent_that_comes_back_does_not_hide_that_it_was_gone) {
  Linked linked;
  linked.is("children", 1, true);
  linked.is("parents", 7, false);
  linked.is("parents", 7, true);
  EXPECT_EQ(linked.text(), "c0 +; p0 -; p1 +; ");
  Linked alone;
  alone.is("parents", 7, false);
  alone.is("parents", 7, true);
  EXPECT_EQ(alone.text(), "p0 !; ") << "no child is written";
}

TEST(MappingRounds, a_parent_that_goes_again_does_not_hide_that_it_was_there) {
  Linked linked;
  linked.is("parents", 7, true);
  linked.is("children", 1, true);
  linked.is("parents", 7, false);
  EXPECT_EQ(linked.text(), "p0 +; p1 -; c0 +; ");
  linked.is("children", 2, true);
  EXPECT_EQ(linked.text(), "p0 +; p1 -; c0 +; c2 +; ") << "what comes behind the delete is behind it";
  Linked alone;
  alone.is("parents", 7, true);
  alone.is("parents", 7, false);
  EXPECT_EQ(alone.text(), "p0 -; ") << "no child is written";
}

TEST(MappingRounds, tables_whose_deletes_change_nothing_else_have_one) {
  Linked linked(false);
  for (const bool written : {true, false, true}) {
    linked.is("children", 1, written);
    linked.is("parents", 7, written);
  }
  EXPECT_EQ(linked.text(), "c0 !; p0 !; ");
}

TEST(MappingRounds, a_batch_that_is_cleared_begins_with_the_first_again) {
  Linked linked;
  linked.is("parents", 7, false);
  linked.is("children", 1, true);
  EXPECT_EQ(linked.text(), "p0 -; c1 +; ");
  linked.set.clear();
  linked.is("children", 1, true);
  EXPECT_EQ(linked.text(), "c0 +; ");
}

}  // namespace
}  // namespace sluice::mapping::test

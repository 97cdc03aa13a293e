// Which moves a partition may make, and the page that shows them.
#include "runtime/pipeline/assignment.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "admin/partition_state.h"
#include "tests/unit/pipeline/fakes.h"

namespace sluice::runtime::test {
namespace {

TEST(Assignment, every_phase_can_be_reached_and_left) {
  for (const auto phase : {Phase::claiming, Phase::streaming, Phase::stopping, Phase::stopped}) {
    const auto moves = assignment_transitions();
    EXPECT_TRUE(std::ranges::any_of(moves, [&](const auto& one) { return one.to == phase; })) << name(phase);
    EXPECT_TRUE(std::ranges::any_of(moves, [&](const auto& one) { return one.from == phase; })) << name(phase);
  }
}

TEST(Assignment, an_event_leads_from_a_phase_to_one_other) {
  for (const auto& one : assignment_transitions()) {
    for (const auto& other : assignment_transitions()) {
      if (one.from == other.from && one.event == other.event) {
        EXPECT_EQ(one.to, other.to) << name(one.from) << " " << name(one.event);
      }
    }
  }
}

TEST(AssignmentDeathTest, a_move_that_is_not_in_the_table_ends_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  FakePartition partition({"t", 0});
  EXPECT_DEATH(Assignment(partition, 0).on(AssignmentEvent::recorded, Stopped{}), "internal error");
}

TEST(Assignment, the_page_of_states_is_the_one_made_from_the_two_tables) {
  std::ifstream page(SLUICE_SOURCE_DIR "/docs/states.md");
  std::stringstream text;
  text << page.rdbuf();
  EXPECT_EQ(text.str(), states_reference() + transitions_reference())
      << "write docs/states.md anew with: sluice config states";
}

}  // namespace
}  // namespace sluice::runtime::test

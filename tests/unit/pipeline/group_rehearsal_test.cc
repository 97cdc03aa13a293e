// What a rehearsal counts.
#include "runtime/control/group_rehearsal.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

TEST(GroupRehearsal, changes_are_folded_once_each_of_their_rows_is_written_again) {
  FoldedChanges folded;
  folded.add({"a"});
  folded.add({"b", "c", "b"});
  EXPECT_EQ(folded.count(), 0) << "a key that is written twice by one record is its own";
  folded.add({"a", "b"});
  EXPECT_EQ(folded.count(), 1) << "c of the second one stands";
  folded.add({"c"});
  EXPECT_EQ(folded.count(), 2);
  folded.add({"c"});
  folded.add({});
  folded.add({});
  EXPECT_EQ(folded.count(), 3) << "changes without keys are never written over";
}

TEST(GroupRehearsal, refusals_are_counted_by_reason_and_the_most_frequent_comes_first) {
  RehearsedLetters rehearsed;
  add_reason(rehearsed, "23514", "small");
  add_reason(rehearsed, "", "no such field");
  add_reason(rehearsed, "23505", "small");
  add_reason(rehearsed, "23505", "small");
  ASSERT_EQ(rehearsed.reasons.size(), 3u);
  EXPECT_EQ(rehearsed.refused, 4);
  EXPECT_EQ(rehearsed.reasons[0].sqlstate, "23505");
  EXPECT_EQ(rehearsed.reasons[0].letters, 2);
  EXPECT_EQ(rehearsed.reasons[1].sqlstate, "23514");
  EXPECT_EQ(rehearsed.reasons[2].reason, "no such field");
}

}  // namespace
}  // namespace sluice::runtime

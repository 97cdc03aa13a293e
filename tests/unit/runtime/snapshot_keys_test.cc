// What a snapshot leaves of a topic's keys.
#include "runtime/snapshot_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace sluice::runtime {
namespace {

using Gone = std::vector<std::pair<std::string, std::int32_t>>;

Gone gone(const SnapshotKeys& keys) {
  Gone all;
  EXPECT_TRUE(keys.each_gone([&](std::string_view key, std::int32_t partition) {
    all.emplace_back(key, partition);
    return true;
  }));
  std::ranges::sort(all);
  return all;
}

TEST(SnapshotKeys, a_live_key_that_is_not_kept_is_gone_where_its_records_are) {
  SnapshotKeys keys;
  keys.see(0, "a", false);
  keys.see(1, "b", false);
  keys.see(1, "c", false);
  keys.see(1, "", false);
  keys.keep("b");
  keys.keep("new");
  EXPECT_EQ(gone(keys), (Gone{{"", 1}, {"a", 0}, {"c", 1}}));
  EXPECT_EQ(keys.live(), 4u);
  EXPECT_EQ(keys.kept(), 1u);
}

TEST(SnapshotKeys, the_last_record_of_a_partition_decides_if_a_key_lives_there) {
  SnapshotKeys keys;
  for (const bool tombstone : {false, true}) keys.see(0, "dead", tombstone);
  for (const bool tombstone : {false, true, false}) keys.see(0, "back", tombstone);
  keys.see(2, "never", true);
  EXPECT_EQ(gone(keys), (Gone{{"back", 0}}));
  EXPECT_EQ(keys.live(), 1u);
  EXPECT_EQ(keys.partition_of("dead"), 0) << "its next record follows the tombstone";
}

TEST(SnapshotKeys, a_key_of_several_partitions_is_gone_in_each_that_it_lives_in) {
  SnapshotKeys keys;
  for (const std::int32_t partition : {0, 1, 2}) keys.see(partition, "k", false);
  keys.see(1, "k", true);
  keys.see(3, "moved", false);
  keys.see(3, "moved", true);
  keys.see(4, "moved", false);
  EXPECT_EQ(gone(keys), (Gone{{"k", 0}, {"k", 2}, {"moved", 4}}));
  EXPECT_EQ(keys.partition_of("k"), std::nullopt);
  EXPECT_EQ(keys.live(), 2u);
  keys.keep("moved");
  keys.keep("moved");
  EXPECT_EQ(keys.kept(), 1u);
  EXPECT_EQ(gone(keys), (Gone{{"k", 0}, {"k", 2}})) << "a tombstone beside the new row might come after it";
}

TEST(SnapshotKeys, a_record_without_a_key_is_counted_and_an_end_is_obeyed) {
  SnapshotKeys keys;
  keys.see(0, std::nullopt, false);
  keys.see(0, "a", false);
  keys.see(0, "b", false);
  keys.see(1, std::nullopt, false);
  EXPECT_EQ(keys.without_key(), 2);
  keys.begin_again(0);
  keys.see(0, std::nullopt, false);
  keys.see(0, "a", false);
  EXPECT_EQ(keys.without_key(), 2) << "a partition that is read once more is counted once";
  int visits = 0;
  EXPECT_FALSE(keys.each_gone([&](std::string_view, std::int32_t) { return ++visits < 1; }));
  EXPECT_EQ(visits, 1);
}

}  // namespace
}  // namespace sluice::runtime

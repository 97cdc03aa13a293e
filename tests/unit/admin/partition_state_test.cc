#include "admin/partition_state.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(PartitionState, the_table_is_in_the_order_of_the_enum_and_every_name_reads_back) {
  std::size_t index = 0;
  for (const auto& one : partition_states()) {
    EXPECT_EQ(static_cast<std::size_t>(one.state), index++);
    EXPECT_EQ(parse_partition_state(one.name), one.state);
    EXPECT_FALSE(one.text.empty() || one.remedy.empty()) << one.name;
  }
  EXPECT_EQ(parse_partition_state("retrying"), std::nullopt);
}

TEST(PartitionState, only_ok_lets_records_take_effect_and_claiming_is_no_stop) {
  for (const auto& one : partition_states()) {
    EXPECT_EQ(one.severity == Severity::good, one.state == PartitionState::ok) << one.name;
    EXPECT_EQ(is_stopped(one.state), one.state != PartitionState::ok && one.state != PartitionState::claiming)
        << one.name;
  }
}

}  // namespace
}  // namespace sluice

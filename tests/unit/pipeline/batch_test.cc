#include "runtime/pipeline/batch.h"

#include <gtest/gtest.h>

#include <map>

#include "base/crc32c.h"

namespace sluice::runtime {
namespace {

const TopicPartition orders{"orders", 0};
const TopicPartition customers{"customers", 1};

Record record(const TopicPartition& at, Offset offset) {
  Record made;
  made.at = &at;
  made.offset = offset;
  made.value = "x";
  return made;
}

sink::Claim claim(const TopicPartition& at) {
  sink::Claim made;
  made.at = &at;
  made.epoch = 7;
  return made;
}

std::map<TopicPartition, BatchPlace> places;

void collect(Batch& batch, const TopicPartition& at, Offset expected, Offset offset) {
  batch.extend(claim(at), places[at], expected, offset + 1, Clock::now());
  batch.add(record(at, offset), places[at]);
}

// As if the mapper had found these.
void seal(Batch& batch, const std::vector<Outcome>& outcomes) {
  for (std::size_t i = 0; i < outcomes.size(); ++i) batch.set().begin_record(orders);
  batch.seal();
  batch.recount(outcomes);
}

std::int64_t accounted(const PartitionRange& range) {
  return range.counts.total();
}

TEST(Batch, counts_every_offset_of_a_range_once) {
  Batch batch;
  collect(batch, orders, 10, 10);
  collect(batch, customers, 5, 5);
  collect(batch, orders, 11, 14);  // 11 to 13 have no record
  seal(batch, {Outcome::folded, Outcome::dead, Outcome::applied});
  ASSERT_EQ(batch.ranges().size(), 2u);
  const auto& first = batch.ranges()[0];
  EXPECT_EQ(first.from, 10);
  EXPECT_EQ(first.to, 15);
  EXPECT_EQ(first.counts.folded, 1);
  EXPECT_EQ(first.counts.applied, 1);
  EXPECT_EQ(first.counts.gaps, 3);
  EXPECT_EQ(first.anchor_offset, 14);
  EXPECT_EQ(batch.ranges()[1].counts.dead, 1);
  for (const auto& range : batch.ranges()) EXPECT_EQ(accounted(range), range.to - range.from);
}

TEST(Batch, a_range_without_records_is_all_gap_and_keeps_the_old_anchor) {
  Batch batch;
  batch.extend(claim(orders), places[orders], 3, 6, Clock::now());
  seal(batch, {});
  EXPECT_EQ(batch.ranges()[0].counts.gaps, 3);
  EXPECT_EQ(batch.ranges()[0].anchor_offset, -1);
}

TEST(Batch, an_excluded_record_leaves_no_dead_letter_and_is_not_counted) {
  Batch batch;
  collect(batch, orders, 0, 0);
  batch.add_excluded(record(orders, 1));
  batch.set().begin_record(orders);
  batch.set().begin_record(orders);
  batch.set().reject(Stage::decode, "", "22032", "bad");
  batch.seal();
  EXPECT_TRUE(batch.changes().dead.empty());
  EXPECT_EQ(batch.ranges()[0].to, 1);
  EXPECT_EQ(batch.ranges()[0].counts.dead, 0);
}

TEST(Batch, cutting_ends_the_range_in_front_of_the_record_and_spares_other_partitions) {
  Batch batch;
  collect(batch, orders, 0, 0);
  collect(batch, customers, 0, 0);
  collect(batch, orders, 1, 1);
  collect(batch, orders, 2, 2);
  batch.cut(orders, 1);
  seal(batch, {Outcome::applied, Outcome::applied, Outcome::applied, Outcome::applied});
  EXPECT_EQ(batch.ranges()[0].to, 1);
  EXPECT_EQ(batch.ranges()[0].counts.applied, 1);
  EXPECT_TRUE(batch.excluded(2));
  EXPECT_TRUE(batch.excluded(3));
  batch.cut(orders, 0);
  ASSERT_EQ(batch.ranges().size(), 1u);
  EXPECT_EQ(batch.ranges()[0].at, &customers);
  batch.recount({Outcome::applied, Outcome::applied, Outcome::applied, Outcome::applied});
  EXPECT_EQ(batch.ranges()[0].counts.applied, 1);
}

TEST(Batch, fingerprints_tell_records_apart) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);  // the check value of CRC-32C
  auto one = record(orders, 1);
  auto other = record(orders, 1);
  EXPECT_EQ(fingerprint(one), fingerprint(other));
  other.value = "y";
  EXPECT_NE(fingerprint(one), fingerprint(other));
}

}  // namespace
}  // namespace sluice::runtime

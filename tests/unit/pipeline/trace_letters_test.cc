// Which stored dead letter is the one of a record that names the row that is looked for.
#include <gtest/gtest.h>

#include "runtime/control/trace.h"

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;

const TopicPartition orders_0{"shop.orders", 0}, orders_1{"shop.orders", 1};
const WallClock::time_point moment{1'000'000ms};

class TraceLetters : public testing::Test {
 protected:
  TraceLetters() {
    found.mentions = {{orders_0, 10, moment, "write", true, 0}, {orders_0, 11, std::nullopt, "write", true, 0}};
  }
  // As it is listed: without contents, and larger than all that would be read.
  static DeadLetterRow listed(std::int64_t id, const TopicPartition& at, Offset offset) {
    DeadLetterRow letter;
    letter.id = id;
    letter.at = at;
    letter.offset = offset;
    letter.timestamp = moment;
    letter.stage = "write";
    letter.reason = "not null";
    letter.bytes = 1 << 30;
    return letter;
  }
  Trace found;
};

TEST_F(TraceLetters, a_letter_is_found_by_place_and_moment_however_large_it_is) {
  auto letter = listed(7, orders_0, 10);
  letter.resolution = "replayed by ann";
  EXPECT_TRUE(note_letter_of_mention(letter, found));
  EXPECT_EQ(found.mentions[0].letter, 7);
  EXPECT_EQ(found.mentions[1].letter, 0);
  ASSERT_EQ(found.letters.size(), 1u);
  EXPECT_EQ(found.letters[0].id, 7);
  EXPECT_EQ(found.letters[0].offset, 10);
  EXPECT_EQ(found.letters[0].reason, "not null");
  EXPECT_EQ(found.letters[0].resolution, "replayed by ann");
  EXPECT_FALSE(found.letters[0].by_kafka_key);
}

TEST_F(TraceLetters, a_letter_of_another_place_or_of_an_earlier_topic_is_left) {
  auto earlier = listed(7, orders_0, 10);
  earlier.timestamp = moment - 1ms;
  for (const auto& letter : {listed(8, orders_1, 10), listed(9, orders_0, 12), listed(10, orders_0, 11), earlier})
    EXPECT_FALSE(note_letter_of_mention(letter, found)) << letter.id;
  auto without = listed(11, orders_0, 11);
  without.timestamp.reset();
  EXPECT_TRUE(note_letter_of_mention(without, found));
  EXPECT_EQ(found.mentions[0].letter, 0);
  EXPECT_EQ(found.mentions[1].letter, 11);
}

TEST_F(TraceLetters, of_several_letters_of_a_record_the_newest_tells_what_became_of_it) {
  EXPECT_TRUE(note_letter_of_mention(listed(9, orders_0, 10), found));
  EXPECT_TRUE(note_letter_of_mention(listed(4, orders_0, 10), found));
  EXPECT_EQ(found.mentions[0].letter, 9);
  EXPECT_EQ(found.letters.size(), 2u);
}

TEST_F(TraceLetters, only_a_replayed_letter_has_taken_effect) {
  EXPECT_TRUE(was_replayed("replayed by ann"));
  for (const auto* other : {"", "discarded by ann", "discarded by ann: replayed elsewhere", "resolved"})
    EXPECT_FALSE(was_replayed(other)) << other;
}

}  // namespace
}  // namespace sluice::runtime

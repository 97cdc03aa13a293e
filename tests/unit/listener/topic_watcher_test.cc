#include "listener/topic_watcher.h"

#include "tests/unit/listener/cluster.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;
using Names = std::vector<std::string>;
using Listing = Result<std::vector<Topic>>;

// Gives the watcher one listing after the other, the last one for ever, and keeps what it says.
class TopicWatcherTest : public ::testing::Test {
 protected:
  void watch(std::vector<Listing> listings, Names subscribed) {
    listings_ = std::move(listings);
    watcher_ = std::make_unique<TopicWatcher>(
        [this] {
          const std::lock_guard lock(mutex_);
          return listings_[std::min(calls_++, listings_.size() - 1)];
        },
        [this] { return answers_.load(); }, *TopicSelection::make({"fixed", "^cdc"}), std::move(subscribed), pauses_,
        [this](Names names) {
          const std::lock_guard lock(mutex_);
          said_.emplace_back(calls_, std::move(names));
        },
        [this](Names names) {
          const std::lock_guard lock(mutex_);
          missing_.push_back(std::move(names));
        });
    EXPECT_TRUE(eventually([this] {
      const std::lock_guard lock(mutex_);
      return calls_ > listings_.size() + 3;
    }));
    watcher_.reset();
  }

  std::mutex mutex_;
  std::vector<Listing> listings_;
  std::size_t calls_ = 0;
  TopicWatcher::Pauses pauses_{.list = milliseconds(1)};
  std::atomic<bool> answers_{true};
  std::vector<std::pair<std::size_t, Names>> said_;  // after how many listings, what
  std::vector<Names> missing_;
  std::unique_ptr<TopicWatcher> watcher_;
};

const Listing one = std::vector<Topic>{{"cdc1", 1}};
const Listing two = std::vector<Topic>{{"cdc2", 1}, {"cdc1", 1}, {"other", 1}};
const Listing none = std::vector<Topic>{};

TEST_F(TopicWatcherTest, tells_of_a_topic_that_appears_once) {
  watch({one, two}, {"cdc1", "fixed"});
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_EQ(said_[0], (std::pair<std::size_t, Names>(2, {"cdc1", "cdc2", "fixed"})));
}

TEST_F(TopicWatcherTest, lists_at_once_when_kafka_answers_nothing_in_between) {
  pauses_ = {.list = std::chrono::hours(1), .ask = milliseconds(1)};
  answers_ = false;
  watch({one, two}, {"cdc1", "fixed"});  // waits for listings, of which the next would come in an hour
  EXPECT_EQ(said_.size(), 1u);
}

TEST_F(TopicWatcherTest, gives_a_topic_up_only_when_two_listings_in_a_row_lack_it) {
  watch({two, one, two, none, one, one}, {"cdc1", "cdc2", "fixed"});
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_EQ(said_[0], (std::pair<std::size_t, Names>(5, {"cdc1", "fixed"})));
}

TEST_F(TopicWatcherTest, never_gives_up_a_name_that_was_given_and_keeps_all_while_kafka_does_not_answer) {
  const Listing away = fail(ErrorClass::retry, "away");
  watch({away, away, away, one}, {"cdc1", "fixed"});
  EXPECT_TRUE(said_.empty());
}

TEST_F(TopicWatcherTest, calls_a_topic_missing_that_two_listings_lack_until_it_is_back) {
  const Listing all = std::vector<Topic>{{"fixed", 1}, {"cdc1", 1}};
  watch({all, one, all, one, one, all, all}, {"cdc1", "fixed"});
  EXPECT_EQ(missing_, (std::vector<Names>{{"fixed"}, {}}));
}

TEST_F(TopicWatcherTest, a_topic_that_was_given_up_stays_missing) {
  const Listing all = std::vector<Topic>{{"fixed", 1}, {"cdc1", 1}};
  const Listing fixed = std::vector<Topic>{{"fixed", 1}};
  watch({all, fixed, fixed, fixed, all}, {"cdc1", "fixed"});
  EXPECT_EQ(missing_, (std::vector<Names>{{"cdc1"}, {"cdc1"}, {}}));
  ASSERT_EQ(said_.size(), 2u);
  EXPECT_EQ(said_[0].second, Names{"fixed"});
}

}  // namespace
}  // namespace sluice::listener

#include "listener/fetch_budget.h"

#include <algorithm>
#include <map>
#include <set>

#include "listener/consumer.h"
#include "tests/unit/listener/cluster.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

// Partitions with a backlog each, whose queues may hold an eighth of a budget each, but not together.
class FetchBudgetTest : public ::testing::Test {
 protected:
  explicit FetchBudgetTest(int of_topic = 64, std::size_t header_bytes = 0)
      : partitions(of_topic), header(header_bytes, 'h') {}

  const int partitions;
  const std::string header;
  static constexpr Offset records = 700;  // of each partition, a kilobyte each: 45 MB in all
  static constexpr std::size_t budget = 4u << 20;

  void SetUp() override {
    auto started = MockBroker::start({"orders"}, partitions);
    ASSERT_TRUE(started) << started.error().message;
    broker_ = std::move(*started);
    settings_ = settings_of(*broker_);
    const std::string value(header.empty() ? 1000 : 10, 'x');
    std::vector<Header> headers;
    if (!header.empty()) headers.push_back({"trace", header});
    auto small_batches = settings_;
    small_batches.properties.emplace("batch.num.messages", Secret("8"));
    auto producer = Producer::make(small_batches);
    ASSERT_TRUE(producer) << producer.error().message;
    for (Offset offset = 0; offset < records; ++offset) {
      for (std::int32_t number = 0; number < partitions; ++number)
        ASSERT_TRUE((*producer)->send("orders", {.key = "k", .value = value, .headers = headers, .partition = number}));
    }
    ASSERT_TRUE((*producer)->flush(deadline));
    // The mock does not limit an answer as a whole, as brokers do.
    settings_.properties.emplace("fetch.message.max.bytes", Secret("8192"));
    consumer_ = make_consumer(settings_, {.queue_bytes = budget, .queue_records = 12 * records},
                              {.assigned =
                                   [this](Partition& partition) {
                                     const std::lock_guard lock(mutex_);
                                     assigned_.push_back(&partition);
                                   },
                               .revoked = [](Partition&, bool) {},
                               .rebalanced = [] {},
                               .fatal = [](const std::string& why) { ADD_FAILURE() << why; }});
    ASSERT_TRUE(consumer_->start({"orders"}));
    ASSERT_TRUE(eventually([this] {
      const std::lock_guard lock(mutex_);
      return std::ssize(assigned_) == partitions;
    }));
  }
  void TearDown() override { EXPECT_TRUE(consumer_->stop(deadline)); }

  // Of all of them: odd ones are another lane's.
  void start_all(bool two_lanes = false) {
    for (std::size_t i = 0; i < assigned_.size(); ++i) {
      assigned_[i]->wake_through(two_lanes && i % 2 == 1 ? other_lane_ : lane_, static_cast<std::uint32_t>(i));
      ASSERT_TRUE(start_at(*assigned_[i], 0));
    }
  }
  static bool start_at(Partition& partition, Offset offset) {
    return eventually([&] { return partition.start_at(offset).has_value(); });
  }

  std::size_t waiting() const {
    std::size_t sum = 0;
    for (const auto* one : assigned_) sum += one->fetched().records;
    return sum;
  }
  // Waits until nothing is added any more; that takes a few rounds of fetches.
  std::size_t settled() const {
    std::size_t before = 0, same = 0;
    EXPECT_TRUE(eventually([&] {
      const auto now = waiting();
      same = now > 0 && now == before ? same + 1 : 0;
      before = now;
      return same == 50;
    }));
    return before;
  }

  // Polls as a lane does: only what the signal has named, in turns, until all of `of` have come to `end`. The records
  // of each partition must come from `next` on, one by one.
  void read_to_the_end(ReadySignal& lane, std::set<std::size_t> of, std::map<std::size_t, Offset> next = {},
                       Offset end = records) {
    std::set<std::size_t> ready;
    const auto missing = [&] {
      for (const auto token : lane.take()) ready.insert(token);
      for (auto at = ready.begin(); at != ready.end();) {
        at = !of.contains(*at) || read_some(*at, next[*at]) ? std::next(at) : ready.erase(at);
        if (HasFailure()) return std::size_t{0};
      }
      return static_cast<std::size_t>(std::ranges::count_if(of, [&](auto one) { return next[one] < end; }));
    };
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (missing() > 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << missing() << " are not read; waiting: " << waiting();
      std::this_thread::sleep_for(milliseconds(1));
    }
  }
  // Returns false if the queue is empty.
  bool read_some(std::size_t which, Offset& next) {
    for (int i = 0; i < 128; ++i) {
      const auto event = assigned_[which]->poll();
      if (std::holds_alternative<std::monostate>(event)) return false;
      if (const auto* record = std::get_if<Record>(&event)) {
        EXPECT_EQ(record->offset, next) << "of " << record->at->partition;
        next = record->offset + 1;
      } else if (const auto* end = std::get_if<EndOfPartition>(&event)) {
        EXPECT_EQ(end->next, next);
      }
    }
    return true;
  }
  std::set<std::size_t> all_of(std::size_t first, std::size_t step) const {
    std::set<std::size_t> chosen;
    for (auto i = first; i < assigned_.size(); i += step) chosen.insert(i);
    return chosen;
  }

  std::unique_ptr<MockBroker> broker_;
  config::Kafka settings_;
  ReadySignal lane_, other_lane_;
  std::mutex mutex_;
  std::vector<Partition*> assigned_;
  std::unique_ptr<Consumer> consumer_;
};

TEST_F(FetchBudgetTest, queues_that_nobody_polls_hold_no_more_than_the_budget_together_and_nothing_of_them_is_lost) {
  start_all();
  // Without the budget each would get its 512 KiB: 32 MiB. With it what arrives before it looks is added, answers of
  // half a megabyte, of which a busy machine lets several through.
  const auto kept = settled();
  EXPECT_LT(kept, 4 * budget / 1000);
  // Before a record was polled each queue with something in it counts as full; batches of 8 come whole. How many more
  // come between two looks is up to the machine.
  EXPECT_GT(kept, 8 * budget / (512u << 10));
  read_to_the_end(lane_, all_of(0, 1));
}

TEST_F(FetchBudgetTest, a_lane_that_does_not_poll_leaves_the_other_one_its_part) {
  start_all(true);
  settled();
  read_to_the_end(other_lane_, all_of(1, 2));
  EXPECT_LT(waiting(), 3 * budget / 1000) << "alone it would be 16 MiB";
  read_to_the_end(lane_, all_of(0, 2));
}

TEST_F(FetchBudgetTest,
       a_partition_that_its_lane_leaves_alone_does_not_keep_the_others_of_the_lane_from_being_fetched) {
  start_all();
  settled();
  auto others = all_of(0, 1);
  for (std::size_t alone = 0; alone < assigned_.size(); alone += 2) others.erase(alone);
  read_to_the_end(lane_, others, {}, 300);
}

TEST_F(FetchBudgetTest, a_turn_without_room_lasts_until_something_has_come_however_far_the_broker_is) {
  start_all();
  settled();
  auto others = all_of(0, 1);
  for (std::size_t alone = 0; alone < assigned_.size(); alone += 2) others.erase(alone);
  const auto kept = waiting() / assigned_.size();
  broker_->set_delay(1, milliseconds(60));  // for longer than the budget's look at the queues
  read_to_the_end(lane_, others, {}, static_cast<Offset>(kept) + 24);
}

TEST_F(FetchBudgetTest, a_partition_that_is_held_starts_anew_where_its_lane_wants_and_forgets_what_was_kept) {
  start_all();
  settled();
  std::map<std::size_t, Offset> next;
  for (std::size_t i = 0; i < assigned_.size(); ++i) {
    const auto from = static_cast<Offset>(i * 10);
    ASSERT_TRUE(start_at(*assigned_[i], from));
    next[i] = from;
    if (i % 3 != 0) continue;
    assigned_[i]->pause();
    EXPECT_TRUE(std::holds_alternative<std::monostate>(assigned_[i]->poll()));
    ASSERT_TRUE(start_at(*assigned_[i], from));
  }
  read_to_the_end(lane_, all_of(0, 1), next);
}

// Few enough for a share each, which counts their values alone.
struct LargeHeaders : FetchBudgetTest {
  LargeHeaders() : FetchBudgetTest(8, 4000) {}
};

TEST_F(LargeHeaders, count_as_soon_as_one_was_polled_and_cost_no_record) {
  assigned_[0]->wake_through(lane_, 0);
  ASSERT_TRUE(start_at(*assigned_[0], 0));
  ASSERT_TRUE(eventually([&] {
    const auto event = assigned_[0]->poll();
    return std::holds_alternative<Record>(event);
  }));
  broker_->set_delay(1, milliseconds(20));  // so that little comes between two looks at the queues
  start_all();
  EXPECT_LT(settled() * 4000, 2 * budget) << "of 22 MB";
  broker_->set_delay(1, milliseconds(0));
  read_to_the_end(lane_, all_of(0, 1));
}

}  // namespace
}  // namespace sluice::listener

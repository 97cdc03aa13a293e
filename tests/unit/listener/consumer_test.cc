#include "listener/consumer.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "tests/unit/listener/cluster.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One topic with one partition on a mock broker, and a listener that has it assigned.
class ListenerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = MockBroker::start({"orders"}, 1);
    ASSERT_TRUE(started) << started.error().message;
    broker_ = std::move(*started);
    settings_ = settings_of(*broker_);
  }

  void publish(const std::vector<Outgoing>& records) { listener::publish(settings_, "orders", records); }

  void publish_numbers(int count) {
    std::vector<std::string> texts;
    for (int i = 0; i < count; ++i) texts.push_back(std::to_string(i));
    std::vector<Outgoing> records;
    for (const auto& text : texts) records.push_back({.key = "k", .value = text, .headers = {}});
    publish(records);
  }

  Partition* assigned_partition(const ConsumerLimits& limits = {}) {
    consumer_ = make_consumer(settings_, limits,
                              {.assigned =
                                   [this](Partition& partition) {
                                     const std::lock_guard lock(mutex_);
                                     partition_ = &partition;
                                     changed_.notify_all();
                                   },
                               .revoked = [](Partition&, bool) {},
                               .rebalanced = [] {},
                               .fatal = [](const std::string& why) { ADD_FAILURE() << why; }});
    const auto started = consumer_->start({"orders"});
    EXPECT_TRUE(started);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, deadline, [this] { return partition_ != nullptr; });
    return partition_;
  }

  // The next event, or monostate when none comes in time.
  static Event next(Partition& partition, milliseconds patience = deadline) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < until) {
      auto event = partition.poll();
      if (!std::holds_alternative<std::monostate>(event) && !std::holds_alternative<BrokerError>(event)) return event;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return {};
  }

  static Offset next_offset(Partition& partition) {
    const auto event = next(partition);
    if (const auto* record = std::get_if<Record>(&event)) return record->offset;
    ADD_FAILURE() << "no record came, but event " << event.index();
    return -1;
  }

  static Result<void> start_at(Partition& partition, Offset offset) {
    Result<void> done;
    for (const auto until = std::chrono::steady_clock::now() + deadline; std::chrono::steady_clock::now() < until;) {
      done = partition.start_at(offset);
      if (done) return done;
      std::this_thread::sleep_for(milliseconds(100));
    }
    return done;
  }

  std::unique_ptr<MockBroker> broker_;
  config::Kafka settings_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Partition* partition_ = nullptr;
  std::unique_ptr<Consumer> consumer_;
};

TEST_F(ListenerTest, an_assigned_partition_delivers_nothing_before_it_is_started_and_then_from_the_offset_asked_for) {
  publish_numbers(10);
  auto* partition = assigned_partition();
  ASSERT_NE(partition, nullptr);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(next(*partition, milliseconds(300))));
  ASSERT_TRUE(start_at(*partition, 4));
  for (Offset offset = 4; offset < 10; ++offset) EXPECT_EQ(next_offset(*partition), offset);
  const auto end = next(*partition);
  ASSERT_TRUE(std::holds_alternative<EndOfPartition>(end));
  EXPECT_EQ(std::get<EndOfPartition>(end).next, 10);
  EXPECT_EQ(consumer_->partitions_at_start("orders"), 1);
  EXPECT_EQ(consumer_->partitions_at_start("unknown"), 0);
  EXPECT_TRUE(consumer_->stop(deadline));
  const auto warned = log::recent();
  EXPECT_TRUE(std::ranges::none_of(warned, [](const log::Entry& one) { return one.text.contains("AUTOCREATE"); }))
      << "of a property that has its default";
}

TEST_F(ListenerTest, a_client_that_is_replaced_leaves_the_group_and_the_next_one_reads_on_from_the_offset_asked_for) {
  publish_numbers(10);
  // The group of the mock waits for almost a session time-out once a member has left it.
  settings_.properties.emplace("session.timeout.ms", Secret("6000"));
  settings_.properties.emplace("heartbeat.interval.ms", Secret("1000"));
  std::vector<Partition*> given;
  std::atomic<int> lost = 0;
  std::atomic<std::int64_t> reconnects = 0;
  const auto assigned = [&](std::size_t times) {
    return eventually([&] {
      const std::lock_guard lock(mutex_);
      return given.size() >= times;
    });
  };
  consumer_ = make_consumer(settings_, {},
                            {.assigned =
                                 [&](Partition& partition) {
                                   const std::lock_guard lock(mutex_);
                                   given.push_back(&partition);
                                 },
                             .revoked = [&](Partition&, bool gone) { lost += gone ? 1 : 0; },
                             .rebalanced = [] {},
                             .fatal = [](const std::string& why) { ADD_FAILURE() << why; },
                             .group = [&](const GroupStanding& now) { reconnects = now.reconnects; }});
  EXPECT_FALSE(consumer_->reconnect()) << "there is nothing yet that could be replaced";
  ASSERT_TRUE(consumer_->start({"orders"}));
  ASSERT_TRUE(assigned(1));
  ASSERT_TRUE(start_at(*given[0], 0));
  for (Offset offset = 0; offset < 4; ++offset) EXPECT_EQ(next_offset(*given[0]), offset);
  ASSERT_TRUE(consumer_->reconnect());
  ASSERT_TRUE(assigned(2));
  EXPECT_TRUE(eventually([&] { return reconnects == 1; }));
  EXPECT_EQ(lost, 1);
  EXPECT_NE(given[0], given[1]);
  EXPECT_FALSE(given[0]->assigned());
  EXPECT_FALSE(given[0]->start_at(4));
  ASSERT_TRUE(start_at(*given[1], 4));
  for (Offset offset = 4; offset < 10; ++offset) EXPECT_EQ(next_offset(*given[1]), offset);
  EXPECT_FALSE(consumer_->stop(deadline)) << "what was replaced stays until the process ends";
}

TEST_F(ListenerTest, starting_again_rewinds_and_drops_what_was_queued) {
  publish_numbers(50);
  auto* partition = assigned_partition();
  ASSERT_NE(partition, nullptr);
  for (int round = 0; round < 20; ++round) {
    const Offset from = (round * 7) % 40;
    ASSERT_TRUE(start_at(*partition, from));
    EXPECT_EQ(next_offset(*partition), from) << "round " << round;
    EXPECT_EQ(next_offset(*partition), from + 1);
    if (round % 3 == 0) partition->pause();
  }
  EXPECT_TRUE(consumer_->stop(deadline));
}

TEST_F(ListenerTest, an_offset_out_of_range_is_an_event_and_the_partition_can_be_started_after_a_new_assignment) {
  publish_numbers(5);
  auto* partition = assigned_partition();
  ASSERT_NE(partition, nullptr);
  ASSERT_TRUE(start_at(*partition, 999));
  const auto before = partition->assignment_id();
  const auto event = next(*partition);
  if (const auto* end = std::get_if<EndOfPartition>(&event)) ADD_FAILURE() << "end of partition at " << end->next;
  ASSERT_TRUE(std::holds_alternative<OutOfRange>(event)) << event.index();
  EXPECT_FALSE(partition->start_at(2)) << "a stopped partition has to be assigned anew";
  ASSERT_TRUE(start_at(*partition, 2));
  EXPECT_GT(partition->assignment_id(), before);
  EXPECT_EQ(next_offset(*partition), 2);
  EXPECT_TRUE(consumer_->stop(deadline));
}

TEST_F(ListenerTest, under_a_cooperative_protocol_an_offset_out_of_range_takes_no_other_partition_from_its_lane) {
  broker_ = std::move(*MockBroker::start({"orders"}, 3));
  settings_ = settings_of(*broker_);
  settings_.strategy = config::Strategy::cooperative_sticky;
  publish_numbers(30);
  std::map<std::int32_t, Partition*> assigned, all;
  consumer_ = make_consumer(settings_, {},
                            {.assigned =
                                 [&](Partition& partition) {
                                   const std::lock_guard lock(mutex_);
                                   assigned[partition.at().partition] = &partition;
                                   changed_.notify_all();
                                 },
                             .revoked = [](Partition&, bool) {},
                             .rebalanced = [] {},
                             .fatal = [](const std::string& why) { ADD_FAILURE() << why; }});
  ASSERT_TRUE(consumer_->start({"orders"}));
  {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, deadline, [&] { return assigned.size() == 3; }));
    all = assigned;  // the poll thread goes on writing
  }
  std::map<std::int32_t, std::uint64_t> before;
  for (auto& [number, partition] : all) {
    ASSERT_TRUE(start_at(*partition, number == 1 ? 999 : 0));
    before[number] = partition->assignment_id();
  }
  ASSERT_TRUE(std::holds_alternative<OutOfRange>(next(*all[1])));
  ASSERT_TRUE(start_at(*all[1], 0));
  for (auto& [number, partition] : all) {
    EXPECT_EQ(partition->assignment_id() == before[number], number != 1) << "partition " << number;
    EXPECT_FALSE(std::holds_alternative<std::monostate>(next(*partition))) << "partition " << number;
  }
  EXPECT_TRUE(consumer_->stop(deadline));
}

TEST_F(ListenerTest, a_queue_tells_its_token_when_it_becomes_readable_and_not_for_every_record) {
  auto* partition = assigned_partition();
  ASSERT_NE(partition, nullptr);
  ReadySignal signal;
  partition->wake_through(signal, 5);
  EXPECT_EQ(signal.take(), std::vector<std::uint32_t>{5}) << "what is there already must be looked at";
  ASSERT_TRUE(start_at(*partition, 0));
  const auto rung = [&] {
    pollfd one{signal.fd(), POLLIN, 0};
    return poll(&one, 1, 60'000) == 1 && signal.take() == std::vector<std::uint32_t>{5};
  };
  ASSERT_TRUE(rung());
  while (!std::holds_alternative<EndOfPartition>(next(*partition))) {
  }
  while (!std::holds_alternative<std::monostate>(partition->poll())) {
  }
  signal.take();
  publish_numbers(100);
  ASSERT_TRUE(rung());
  int rings = 0, pauses = 0;
  Offset read = 0;
  const auto reads_a_record = [&] {
    const auto event = partition->poll();
    const auto* record = std::get_if<Record>(&event);
    if (record != nullptr) {
      EXPECT_EQ(record->offset, read++);
    }
    return record != nullptr;
  };
  EXPECT_TRUE(eventually([&] {
    while (reads_a_record()) rings += signal.take().empty() ? 0 : 1;
    ++pauses;
    return read == 100;
  })) << read;
  EXPECT_LT(rings, 50 + pauses) << "what comes after a pause rings, and on a slow machine records come one by one";
  EXPECT_TRUE(consumer_->stop(deadline));
}

TEST_F(ListenerTest, a_partition_that_is_started_or_was_full_is_fetched_without_a_pause) {
  const std::string value(1000, 'x');
  publish(std::vector<Outgoing>(4000, Outgoing{.key = "k", .value = value, .headers = {}}));
  auto* partition = assigned_partition({.queue_bytes = 1, .queue_records = 1});  // the smallest: 256 KiB
  ASSERT_NE(partition, nullptr);
  // librdkafka by itself pauses for a second whenever the queue was full, so for three in all. A busy machine makes
  // some attempts slow, these pauses all of them.
  EXPECT_TRUE(eventually([&] {
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_TRUE(start_at(*partition, 0));
    for (Offset expected = 0; expected < 3000;) {
      std::this_thread::sleep_for(milliseconds(50));  // time enough to become full
      for (int i = 0; i < 500; ++i) EXPECT_EQ(next_offset(*partition), expected++);
    }
    return std::chrono::steady_clock::now() - begun < seconds(2);
  }));
  EXPECT_TRUE(consumer_->stop(deadline));
}

TEST_F(ListenerTest, the_known_end_follows_what_is_read_and_costs_no_request) {
  publish_numbers(10);
  auto* partition = assigned_partition();
  ASSERT_NE(partition, nullptr);
  EXPECT_EQ(partition->known_end(), -1);
  EXPECT_EQ(partition->record_bytes(), 0);
  ASSERT_TRUE(start_at(*partition, 0));
  while (!std::holds_alternative<EndOfPartition>(next(*partition))) {
  }
  EXPECT_EQ(partition->known_end(), 10);
  publish_numbers(5);
  EXPECT_TRUE(eventually([&] { return partition->known_end() == 15; })) << "nobody polls meanwhile";
  EXPECT_TRUE(consumer_->stop(deadline));
  std::this_thread::sleep_for(milliseconds(1100));
  EXPECT_EQ(partition->known_end(), 15) << "watchers ask until the end";
}

TEST_F(ListenerTest, what_is_fetched_and_not_polled_is_counted_and_its_bytes_are_estimated) {
  const std::string value(1000, 'x');
  publish(std::vector<Outgoing>(10, {.key = "k", .value = value, .headers = {}}));
  auto* partition = assigned_partition();
  ASSERT_NE(partition, nullptr);
  ASSERT_TRUE(start_at(*partition, 0));
  ASSERT_TRUE(eventually([&] { return partition->fetched().records >= 10; }));
  EXPECT_EQ(partition->fetched().bytes, 0u) << "none was polled yet";
  ASSERT_TRUE(std::holds_alternative<Record>(next(*partition)));
  const auto fetched = partition->fetched();
  EXPECT_GE(fetched.records, 9u);  // the end of the partition is in the queue, too
  EXPECT_EQ(fetched.bytes, fetched.records * 1001);
  EXPECT_EQ(partition->record_bytes(), 1001);
  EXPECT_GE(fetched.limit, fetched.bytes);
  EXPECT_TRUE(consumer_->stop(deadline));
  EXPECT_EQ(partition->fetched().records, 0u);
}

TEST_F(ListenerTest, questions_that_are_open_when_it_stops_are_answered_and_nothing_is_asked_any_more) {
  auto* partition = assigned_partition();
  ASSERT_NE(partition, nullptr);
  std::atomic<int> asked{0}, good{0}, bad{0};
  const auto count = [&](const TopicPartition&, const Result<Watermarks>& marks) { ++(marks ? good : bad); };
  ASSERT_TRUE(eventually([&] {
    consumer_->ask_watermarks({{"orders", 0}}, count);
    ++asked;
    return eventually([&] { return good + bad == asked; }) && good > 0;
  }));
  broker_->set_delay(1, milliseconds(300));
  std::atomic<bool> asking{true};
  std::thread other([&] {
    while (asking) {
      consumer_->ask_watermarks({{"orders", 0}, {"unknown", 7}}, count);
      asked += 2;
      if (asked % 200 == 0) consumer_->hint_committed({{{"orders", 0}, 1}});  // each has to be answered before it ends
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  std::this_thread::sleep_for(milliseconds(100));
  const bool stopped = consumer_->stop(deadline);
  std::this_thread::sleep_for(milliseconds(50));
  asking = false;
  other.join();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(good + bad, asked) << "each question has one answer";
}

TEST_F(ListenerTest, null_is_not_empty_and_headers_keep_their_order) {
  std::vector<Outgoing> records;
  records.push_back({.key = std::nullopt, .value = "", .headers = {{"a", "1"}, {"a", std::nullopt}, {"b", ""}}});
  records.push_back({.key = "", .value = std::nullopt, .headers = {}});
  publish(records);
  auto* partition = assigned_partition();
  ASSERT_NE(partition, nullptr);
  ASSERT_TRUE(start_at(*partition, 0));
  auto event = next(*partition);
  ASSERT_TRUE(std::holds_alternative<Record>(event));
  const auto& first = std::get<Record>(event);
  EXPECT_FALSE(first.key.has_value());
  EXPECT_EQ(first.value, "");
  ASSERT_EQ(first.headers.size(), 3u);
  EXPECT_EQ(first.headers[0].value, "1");
  EXPECT_FALSE(first.headers[1].value.has_value());
  EXPECT_EQ(first.headers[2].value, "");
  event = next(*partition);
  ASSERT_TRUE(std::holds_alternative<Record>(event));
  EXPECT_EQ(std::get<Record>(event).key, "");
  EXPECT_FALSE(std::get<Record>(event).value.has_value());
  event = {};
  EXPECT_TRUE(consumer_->stop(deadline));
}

TEST(ListenerSettings, an_unknown_property_is_named_but_its_value_is_not) {
  config::Kafka settings;
  settings.brokers = "127.0.0.1:1";
  settings.group = "g";
  settings.properties.emplace("no.such", Secret("hidden"));
  const auto valid = validate(settings);
  ASSERT_FALSE(valid);
  EXPECT_NE(valid.error().message.find("no.such"), std::string::npos);
  EXPECT_EQ(valid.error().message.find("hidden"), std::string::npos);
}

}  // namespace
}  // namespace sluice::listener

#include "listener/offset_lookup.h"
#include "base/clock.h"

#include "listener/client_config.h"
#include "tests/unit/listener/cluster.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Answers by partition, with the time that each took.
class Answers {
 public:
  WatermarksAnswer collect() {
    return [this, begun = Clock::now()](const TopicPartition& at, const Result<Watermarks>& marks) {
      const std::lock_guard lock(mutex_);
      ++count_;
      answers_.insert_or_assign(at, std::pair(marks, std::chrono::duration_cast<milliseconds>(Clock::now() - begun)));
    };
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  bool has(const TopicPartition& at) const {
    const std::lock_guard lock(mutex_);
    return answers_.contains(at);
  }
  Result<Watermarks> of(const TopicPartition& at) const {
    const std::lock_guard lock(mutex_);
    return answers_.at(at).first;
  }
  milliseconds time_of(const TopicPartition& at) const {
    const std::lock_guard lock(mutex_);
    return answers_.at(at).second;
  }

 private:
  mutable std::mutex mutex_;
  std::size_t count_ = 0;
  std::map<TopicPartition, std::pair<Result<Watermarks>, milliseconds>> answers_;
};

// A topic with four partitions on three brokers; partition n is led by broker 1 + n % 3.
class OffsetLookupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = MockBroker::start({"orders"}, 4, 3);
    ASSERT_TRUE(started) << started.error().message;
    broker_ = std::move(*started);
    for (const auto& at : all()) broker_->set_leader(at, 1 + at.partition % 3);
    publish(settings_of(*broker_), "orders", {{.key = "a", .value = "1", .headers = {}}});
    auto conf = client_conf(settings_of(*broker_));
    ASSERT_TRUE(conf);
    rd_kafka_conf_set_log_cb(conf->get(), nullptr);
    auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
    ASSERT_TRUE(client);
    client_ = std::move(*client);
    // The client knows the topics that it has met.
    topic_ = rd_kafka_topic_new(client_.get(), "orders", nullptr);
    gate_.open(client_.get());
    expire_after(deadline);
  }
  void TearDown() override {
    lookup_.reset();
    gate_.close();
    if (topic_ != nullptr) rd_kafka_topic_destroy(topic_);
  }

  static std::vector<TopicPartition> all() { return {{"orders", 0}, {"orders", 1}, {"orders", 2}, {"orders", 3}}; }
  void expire_after(milliseconds deadline) {
    const OffsetLookup::Timing timing{.deadline = deadline, .call = seconds(1)};
    lookup_ = std::make_unique<OffsetLookup>(gate_, settings_of(*broker_), timing);
  }
  // Connections are up and leaders known: what a test measures is not the start.
  void warm_up() {
    Answers answers;
    lookup_->ask(all(), answers.collect());
    ASSERT_TRUE(eventually([&] { return answers.count() == 4; }));
    for (const auto& at : all()) ASSERT_TRUE(answers.of(at)) << answers.of(at).error().message;
  }

  std::unique_ptr<MockBroker> broker_;
  ClientHandle client_;
  rd_kafka_topic_t* topic_ = nullptr;
  ClientGate gate_;
  std::unique_ptr<OffsetLookup> lookup_;
};

TEST_F(OffsetLookupTest, many_partitions_are_answered_each_once) {
  Answers answers;
  lookup_->ask(all(), answers.collect());
  ASSERT_TRUE(eventually([&] { return answers.count() == 4; }));
  Offset sum = 0;
  for (const auto& at : all()) {
    ASSERT_TRUE(answers.of(at)) << answers.of(at).error().message;
    EXPECT_EQ(answers.of(at)->low, 0);
    sum += answers.of(at)->high;
  }
  EXPECT_EQ(sum, 1);
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(answers.count(), 4u);
}

TEST_F(OffsetLookupTest, a_partition_without_leader_gets_an_error_at_the_deadline_and_delays_nobody) {
  broker_->set_leader({"orders", 3}, -1);
  const TopicPartition last{"orders", 3};
  Answers patient;
  lookup_->ask(all(), patient.collect());
  ASSERT_TRUE(eventually([&] { return patient.count() == 3; })) << "they have waited for the one without a leader";
  EXPECT_FALSE(patient.has(last));
  for (std::int32_t n = 0; n < 3; ++n) {
    const TopicPartition at{"orders", n};
    EXPECT_TRUE(patient.of(at)) << patient.of(at).error().message;
  }
  lookup_->stop();
  expire_after(milliseconds(500));
  Answers expired;
  lookup_->ask({last}, expired.collect());
  ASSERT_TRUE(eventually([&] { return expired.count() == 1; }));
  ASSERT_FALSE(expired.of(last));
  EXPECT_EQ(expired.of(last).error().next, ErrorClass::retry);
  EXPECT_GE(expired.time_of(last), milliseconds(500));
}

TEST_F(OffsetLookupTest, a_broker_that_hangs_costs_the_others_one_call_and_the_next_time_nothing) {
  warm_up();
  constexpr seconds patience{6};
  expire_after(patience);
  broker_->set_delay(2, seconds(600));
  const TopicPartition hung{"orders", 1};
  Answers answers;
  lookup_->ask(all(), answers.collect());
  ASSERT_TRUE(eventually([&] { return answers.count() >= 3; }));
  EXPECT_FALSE(answers.has(hung)) << "the others have waited until its deadline";
  for (const auto& at : all()) {
    if (at == hung) continue;
    EXPECT_TRUE(answers.of(at)) << answers.of(at).error().message;
  }
  // While that broker is still being asked for, the others are as quick as ever; with a call to it in each round there
  // would be time for six.
  int rounds = 0;
  for (; !answers.has(hung) && rounds < 100; ++rounds) {
    Answers others;
    lookup_->ask({{"orders", 0}, {"orders", 2}}, others.collect());
    ASSERT_TRUE(eventually([&] { return others.count() == 2; }));
    EXPECT_TRUE(others.of({"orders", 0}));
  }
  EXPECT_GT(rounds, 10);
  ASSERT_TRUE(eventually([&] { return answers.count() == 4; })) << "it has waited for the broker";
  EXPECT_FALSE(answers.of(hung));
  EXPECT_GE(answers.time_of(hung), patience);
}

class OffsetLookupWhileOneHangs : public OffsetLookupTest, public ::testing::WithParamInterface<int> {};

// librdkafka asks for leaders at the broker that it used last, by whole seconds, and after each attempt that is the one
// that hangs.
TEST_P(OffsetLookupWhileOneHangs, the_broker_that_librdkafka_prefers_keeps_nobody_from_the_others) {
  warm_up();
  const int hanging = GetParam();
  std::vector<TopicPartition> of_it, others;
  for (const auto& at : all()) (1 + at.partition % 3 == hanging ? of_it : others).push_back(at);
  std::this_thread::sleep_for(milliseconds(1100));  // the others have been idle for a second
  Answers last;
  lookup_->ask(of_it, last.collect());
  ASSERT_TRUE(eventually([&] { return last.count() == of_it.size(); }));
  for (const auto& at : of_it) ASSERT_TRUE(last.of(at)) << last.of(at).error().message;
  broker_->set_delay(hanging, seconds(600));
  expire_after(seconds(6));  // a lookup that knows no leader
  Answers answers;
  lookup_->ask(others, answers.collect());
  ASSERT_TRUE(eventually([&] { return answers.count() == others.size(); }));
  for (const auto& at : others) EXPECT_TRUE(answers.of(at)) << answers.of(at).error().message;
}

INSTANTIATE_TEST_SUITE_P(OfThree, OffsetLookupWhileOneHangs, ::testing::Values(1, 2, 3));

TEST_F(OffsetLookupTest, a_broker_that_answers_again_is_asked_again) {
  warm_up();
  expire_after(seconds(2));
  broker_->set_delay(2, seconds(3));
  Answers lost;
  lookup_->ask({{"orders", 1}}, lost.collect());
  ASSERT_TRUE(eventually([&] { return lost.count() == 1; }));
  EXPECT_FALSE(lost.of({"orders", 1}));
  broker_->set_delay(2, milliseconds(0));
  EXPECT_TRUE(eventually([&] {
    Answers answers;
    lookup_->ask({{"orders", 1}}, answers.collect());
    return eventually([&] { return answers.count() == 1; }) && answers.of({"orders", 1}).has_value();
  }));
}

TEST_F(OffsetLookupTest, stop_answers_what_is_open_and_later_questions_with_an_error) {
  warm_up();
  broker_->set_delay(1, seconds(600));
  Answers open;
  lookup_->ask({{"orders", 3}}, open.collect());
  EXPECT_EQ(open.count(), 0u);
  const auto begun = Clock::now();
  lookup_->stop();
  EXPECT_LT(Clock::now() - begun, deadline / 2) << "it has waited for the broker, or for the question's deadline";
  ASSERT_EQ(open.count(), 1u);
  EXPECT_FALSE(open.of({"orders", 3}));
  gate_.close();
  Answers late;
  lookup_->ask(all(), late.collect());
  ASSERT_EQ(late.count(), 4u) << "after stop() the asking thread has its answer at once";
  EXPECT_FALSE(late.of({"orders", 0}));
}

TEST_F(OffsetLookupTest, an_answer_may_ask_again) {
  Answers second;
  lookup_->ask({{"orders", 0}},
               [&](const TopicPartition& at, const Result<Watermarks>&) { lookup_->ask({at}, second.collect()); });
  EXPECT_TRUE(eventually([&] { return second.count() == 1; }));
}

TEST_F(OffsetLookupTest, a_closed_gate_lends_nothing_and_closing_waits_for_what_is_lent) {
  auto loan = std::make_unique<ClientGate::Loan>(gate_.borrow());
  ASSERT_TRUE(*loan);
  std::atomic<bool> closed{false};
  std::thread closer([&] {
    gate_.close();
    closed = true;
  });
  EXPECT_TRUE(eventually([&] { return !gate_.borrow(); }));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_FALSE(closed);
  loan.reset();
  closer.join();
  EXPECT_TRUE(closed);
}

}  // namespace
}  // namespace sluice::listener

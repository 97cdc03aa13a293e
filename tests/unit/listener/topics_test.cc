#include "listener/topics.h"

#include "listener/consumer.h"
#include "tests/unit/listener/cluster.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Names = std::vector<std::string>;

TopicSelection selection(const Names& topics) {
  auto made = TopicSelection::make(topics);
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}

TEST(TopicSelection, chooses_names_always_and_by_expressions_what_exists) {
  const std::vector<Topic> existing = {{"shop.17", 1}, {"shop.d", 1}, {"shop.18", 1}, {"other", 1}};
  const auto chosen = selection({R"(^shop\.\d+$)", "later", "shop.17"});
  EXPECT_EQ(chosen.names(existing), (Names{"later", "shop.17", "shop.18"}));
  EXPECT_EQ(chosen.names({}), (Names{"later", "shop.17"}));
  EXPECT_TRUE(chosen.idle_patterns(existing).empty());
  EXPECT_EQ(chosen.idle_patterns({}), Names{R"(^shop\.\d+$)"});
}

TEST(TopicSelection, never_takes_an_internal_topic_by_an_expression) {
  const std::vector<Topic> existing = {{"__consumer_offsets", 50}, {"_schemas", 1}};
  EXPECT_EQ(selection({"^.*"}).names(existing), Names{"_schemas"});
  EXPECT_EQ(selection({"__consumer_offsets"}).names(existing), Names{"__consumer_offsets"});
}

TEST(TopicSelection, names_the_expression_that_cannot_be_used) {
  const auto made = TopicSelection::make({"a", "^a(?=b)"});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("^a(?=b)"), std::string::npos) << made.error().message;
}

// A consumer whose assignments are counted by topic.
class SubscriptionTest : public ::testing::Test {
 protected:
  void start(const Names& brokers_topics, const Names& topics) {
    auto started = MockBroker::start(brokers_topics, 2);
    ASSERT_TRUE(started) << started.error().message;
    broker_ = std::move(*started);
    consumer_ = make_consumer(settings_of(*broker_), {.relist = milliseconds(200)},
                              {.assigned = [this](Partition& one) { change(one.at().topic, 1); },
                               .revoked = [this](Partition& one, bool) { change(one.at().topic, -1); },
                               .rebalanced = [this] { joined_ = true; },
                               .fatal = [](const std::string& why) { ADD_FAILURE() << why; }});
    const auto done = consumer_->start(topics);
    ASSERT_TRUE(done) << done.error().message;
  }
  void TearDown() override {
    if (consumer_) {
      EXPECT_TRUE(consumer_->stop(deadline));
    }
  }
  void change(const std::string& topic, int by) {
    const std::lock_guard lock(mutex_);
    assigned_[topic] += by;
  }
  int assigned(const std::string& topic) {
    const std::lock_guard lock(mutex_);
    return assigned_[topic];
  }

  std::unique_ptr<MockBroker> broker_;
  std::mutex mutex_;
  std::map<std::string, int> assigned_;
  std::atomic<bool> joined_{false};
  std::unique_ptr<Consumer> consumer_;
};

TEST_F(SubscriptionTest, the_expression_is_read_as_config_and_router_read_it) {
  start({"shop.17", "shop.d", "shopping"}, {R"(^(?:shop|cdc)\.\d+$)"});
  EXPECT_TRUE(eventually([&] { return assigned("shop.17") == 2; }));
  EXPECT_EQ(assigned("shop.d"), 0);
  EXPECT_EQ(assigned("shopping"), 0);
}

TEST_F(SubscriptionTest, without_a_topic_yet_it_has_joined_with_no_partition_and_takes_the_topic_that_appears) {
  start({"other"}, {"^cdc_.*"});
  EXPECT_TRUE(eventually([&] { return joined_.load(); }));
  EXPECT_EQ(assigned("other"), 0);
  ASSERT_TRUE(broker_->create_topic("cdc_late", 2));
  EXPECT_TRUE(eventually([&] { return assigned("cdc_late") == 2; }));
}

TEST_F(SubscriptionTest, stop_is_prompt_while_kafka_is_away) {
  config::Kafka settings;
  settings.brokers = "127.0.0.1:1";
  settings.group = "g";
  consumer_ =
      make_consumer(settings, {}, {[](Partition&) {}, [](Partition&, bool) {}, [] {}, [](const std::string&) {}});
  ASSERT_TRUE(consumer_->start({"orders"}));
  std::atomic<int> answers{0};
  consumer_->ask_watermarks({{"orders", 0}}, [&](const TopicPartition&, const Result<Watermarks>& marks) {
    EXPECT_FALSE(marks);
    ++answers;
  });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(consumer_->stop(deadline));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(30)) << "it has waited for Kafka";
  EXPECT_EQ(answers, 1) << "a pending question is answered";
  consumer_->hint_committed({{{"orders", 0}, 1}});
}

}  // namespace
}  // namespace sluice::listener

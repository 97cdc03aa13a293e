#include "listener/producer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "listener/mock_broker.h"

namespace sluice::listener {
namespace {

using std::chrono::seconds;

config::Kafka at(const std::string& brokers) {
  config::Kafka kafka;
  kafka.brokers = brokers;
  return kafka;
}

TEST(Producer, knows_the_end_of_every_partition_once_all_is_acknowledged) {
  auto broker = MockBroker::start({"t"}, 4);
  ASSERT_TRUE(broker) << broker.error().message;
  auto producer = Producer::make(at((*broker)->bootstrap()));
  ASSERT_TRUE(producer) << producer.error().message;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = std::to_string(i);
    Outgoing record{key, std::nullopt, {{"h", std::nullopt}}};
    if (i % 2 == 0) record.value = "v";
    ASSERT_TRUE((*producer)->send("t", record));
  }
  const auto flushed = (*producer)->flush(seconds(60));
  ASSERT_TRUE(flushed) << flushed.error().message;
  EXPECT_EQ((*producer)->acknowledged(), 1000);
  Offset sum = 0;
  for (const auto& [partition, end] : (*producer)->ends()) sum += end;
  EXPECT_EQ(sum, 1000);
  EXPECT_EQ((*producer)->ends().size(), 4u);
}

TEST(Producer, an_undelivered_record_makes_flush_fail_and_is_counted) {
  auto kafka = at("127.0.0.1:1");
  kafka.properties.emplace("message.timeout.ms", Secret("300"));
  auto producer = Producer::make(kafka);
  ASSERT_TRUE(producer) << producer.error().message;
  ASSERT_TRUE((*producer)->send("t", {std::nullopt, "v", {}}));
  const auto flushed = (*producer)->flush(seconds(60));
  ASSERT_FALSE(flushed);
  EXPECT_EQ((*producer)->failed(), 1);
  EXPECT_NE(flushed.error().message.find("1 record failed"), std::string::npos) << flushed.error().message;
  EXPECT_NE(flushed.error().message.find("Connection refused"), std::string::npos) << flushed.error().message;
}

TEST(Producer, what_brokers_do_not_take_is_told_with_what_to_do_and_the_wait_is_served) {
  auto broker = MockBroker::start({"t"}, 1);
  ASSERT_TRUE(broker) << broker.error().message;
  auto kafka = at((*broker)->bootstrap());
  kafka.properties.emplace("topic.metadata.propagation.max.ms", Secret("300"));
  const std::pair<int, std::string> cases[] = {
      {3, "nowhere does not exist; create it, or correct the topic's name"},
      {17, "nowhere is no name of a topic; use letters, digits, '.', '_' and '-', 249 at most"}};
  for (const auto& [error, advice] : cases) {
    (*broker)->refuse_topic("nowhere", error);
    auto producer = Producer::make(kafka);
    ASSERT_TRUE(producer) << producer.error().message;
    ASSERT_TRUE((*producer)->send("nowhere", {std::nullopt, "v", {}}));
    int looks = 0;
    const auto flushed = (*producer)->flush(seconds(60), [&] { ++looks; });
    ASSERT_FALSE(flushed);
    EXPECT_TRUE(flushed.error().message.ends_with(advice)) << flushed.error().message;
    EXPECT_GT(looks, 0);
  }
}

TEST(Producer, an_unknown_property_is_named_but_not_its_value) {
  auto kafka = at("127.0.0.1:1");
  kafka.properties.emplace("no.such.property", Secret("hunter2"));
  const auto producer = Producer::make(kafka);
  ASSERT_FALSE(producer);
  EXPECT_NE(producer.error().message.find("no.such.property"), std::string::npos);
  EXPECT_EQ(producer.error().message.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace sluice::listener

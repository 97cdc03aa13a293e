#include "listener/producer.h"

#include <gtest/gtest.h>

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
  EXPECT_NE(flushed.error().message.find("1 records failed"), std::string::npos) << flushed.error().message;
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

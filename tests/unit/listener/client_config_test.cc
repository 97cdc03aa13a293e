#include "listener/client_config.h"

#include <gtest/gtest.h>

namespace sluice::listener {
namespace {

TEST(FetchLimits, are_shares_of_a_budget_with_a_floor_and_a_cap) {
  const ConsumerLimits limits{.queue_bytes = 32u << 20, .queue_records = 4000};
  EXPECT_EQ(fetch_limits(limits, 1).queue_bytes, 8u << 20);
  EXPECT_EQ(fetch_limits(limits, 8).queue_bytes, 4u << 20);
  EXPECT_EQ(fetch_limits(limits, 5000).queue_bytes, 4u << 20) << "a FetchBudget keeps the sum of them";
  EXPECT_EQ(fetch_limits({.queue_bytes = 1, .queue_records = 1}, 8).queue_bytes, 256u << 10);
  EXPECT_EQ(fetch_limits(limits, 0).queue_bytes, fetch_limits(limits, 1).queue_bytes);
  EXPECT_EQ(fetch_limits(limits, 2).queue_records, 2000u);
  EXPECT_EQ(fetch_limits(limits, 5000).queue_records, 1000u);
  EXPECT_EQ(fetch_limits(limits, 1).partition_bytes, 1u << 20);
  EXPECT_EQ(fetch_limits(limits, 8).partition_bytes, 256u << 10);
  EXPECT_EQ(fetch_limits(limits, 9).partition_bytes, 512u << 10);
  EXPECT_EQ(fetch_limits(limits, 8).wait_ms, 20);
  EXPECT_EQ(fetch_limits(limits, 100'000).wait_ms, 500);
}

TEST(FetchLimits, leave_what_the_user_sets_as_it_is) {
  config::Kafka settings;
  settings.brokers = "127.0.0.1:1";
  settings.group = "g";
  const auto limits = fetch_limits({}, 8);
  const auto ours = consumer_conf(settings, limits);
  ASSERT_TRUE(ours);
  EXPECT_EQ(number_in(ours->get(), "fetch.max.bytes"), 1u << 20);
  EXPECT_EQ(number_in(ours->get(), "queued.max.messages.kbytes"), 4096u);
  EXPECT_EQ(number_in(ours->get(), "socket.timeout.ms"), 10'000u);
  const std::map<std::string, std::size_t> given = {
      {"queued.max.messages.kbytes", 777}, {"queued.min.messages", 778}, {"fetch.max.bytes", 2'000'001},
      {"max.partition.fetch.bytes", 780},  {"fetch.wait.max.ms", 781},   {"socket.timeout.ms", 30'001},
  };
  for (const auto& [name, value] : given) settings.properties.emplace(name, Secret(std::to_string(value)));
  const auto theirs = consumer_conf(settings, limits);
  ASSERT_TRUE(theirs);
  for (const auto& [name, value] : given) EXPECT_EQ(number_in(theirs->get(), name.c_str()), value) << name;
}

TEST(FetchLimits, that_the_user_sets_are_named_in_one_line) {
  config::Kafka settings;
  EXPECT_TRUE(advice(settings).empty());
  settings.properties.emplace("queued.max.messages.kbytes", Secret("65536"));
  settings.properties.emplace("max.partition.fetch.bytes", Secret("1048576"));
  const auto lines = advice(settings);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("queued.max.messages.kbytes, max.partition.fetch.bytes"), std::string::npos) << lines[0];
}

TEST(FetchLimits, have_a_full_queue_fetched_again_soon_where_the_library_would_wait_a_second) {
  EXPECT_TRUE(fetch_again_soon(0x020002ff).empty()) << "2.0.2 does not know the property";
  ASSERT_EQ(fetch_again_soon(0x020200ff).size(), 1u);
  config::Kafka settings;
  settings.brokers = "127.0.0.1:1";
  settings.group = "g";
  const auto ours = consumer_conf(settings, fetch_limits({}, 8));
  ASSERT_TRUE(ours);
  if (fetch_again_soon().empty()) return;
  EXPECT_EQ(number_in(ours->get(), "fetch.queue.backoff.ms"), 10u);
  settings.properties.emplace("fetch.queue.backoff.ms", Secret("500"));
  const auto theirs = consumer_conf(settings, fetch_limits({}, 8));
  ASSERT_TRUE(theirs);
  EXPECT_EQ(number_in(theirs->get(), "fetch.queue.backoff.ms"), 500u);
}

TEST(Advice, warns_of_cooperative_sticky_below_the_version_that_mends_it) {
  config::Kafka settings;
  settings.strategy = config::Strategy::cooperative_sticky;
  EXPECT_EQ(advice(settings, 0x020600ff).size(), 1u);
  EXPECT_TRUE(advice(settings, 0x020601ff).empty());
  settings.strategy = config::Strategy::range;
  EXPECT_TRUE(advice(settings, 0x020002ff).empty());
}

TEST(FetchLimits, a_fetch_holds_the_largest_message_that_the_user_allows) {
  config::Kafka settings;
  settings.brokers = "127.0.0.1:1";
  settings.group = "g";
  settings.properties.emplace("message.max.bytes", Secret("5000000"));
  auto conf = consumer_conf(settings, fetch_limits({}, 8));
  ASSERT_TRUE(conf);
  EXPECT_EQ(number_in(conf->get(), "fetch.max.bytes"), 5'000'000u);
  EXPECT_TRUE(make_client(RD_KAFKA_CONSUMER, std::move(*conf)));
}

}  // namespace
}  // namespace sluice::listener

// Incidents reach every subscriber once and in order, and nobody's slowness keeps a publisher waiting.
#include "admin/incident.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace sluice {
namespace {

using enum PartitionState;

Incident incident(PartitionState from, PartitionState to, std::int32_t partition = 0) {
  return {.at = WallClock::now(), .partition = {"orders", partition}, .from = from, .to = to, .reason = "a reason"};
}

bool rings(const EventFd& bell) {
  pollfd fd{.fd = bell.fd(), .events = POLLIN, .revents = 0};
  const bool rang = poll(&fd, 1, 0) > 0;
  bell.drain();
  return rang;
}

TEST(IncidentLog, a_subscriber_reads_each_incident_once_and_in_order) {
  IncidentLog log;
  log.publish(incident(claiming, ok, 1));
  IncidentLog::Subscription subscription(log);
  EXPECT_TRUE(subscription.take().incidents.empty());  // what was before it is not its business
  log.publish(incident(ok, poison, 2));
  log.publish(incident(poison, ok, 3));
  const auto news = subscription.take();
  ASSERT_EQ(news.incidents.size(), 2u);
  EXPECT_EQ(news.incidents[0].partition.partition, 2);
  EXPECT_EQ(news.incidents[1].partition.partition, 3);
  EXPECT_EQ(news.missed, 0u);
  EXPECT_TRUE(subscription.take().incidents.empty());
}

TEST(IncidentLog, a_subscriber_may_begin_with_the_last_ones) {
  IncidentLog log;
  for (int at = 0; at < 5; ++at) log.publish(incident(ok, schema, at));
  IncidentLog::Subscription some(log, nullptr, 2), all(log, nullptr, 100);
  ASSERT_EQ(some.take().incidents.size(), 2u);
  EXPECT_EQ(all.take().incidents.size(), 5u);
}

TEST(IncidentLog, the_ring_is_bounded_and_a_slow_subscriber_is_told_how_many_it_missed) {
  IncidentLog log;
  IncidentLog::Subscription slow(log);
  const auto published = static_cast<int>(IncidentLog::kept) + 7;
  for (int at = 0; at < published; ++at) log.publish(incident(ok, schema, at));
  const auto news = slow.take();
  EXPECT_EQ(news.incidents.size(), IncidentLog::kept);
  EXPECT_EQ(news.missed, 7u);
  EXPECT_EQ(news.incidents.front().partition.partition, 7);
  log.publish(incident(schema, ok));
  EXPECT_EQ(slow.take().missed, 0u);
}

TEST(IncidentLog, a_change_to_the_same_state_is_not_an_incident) {
  IncidentLog log;
  IncidentLog::Subscription subscription(log);
  log.publish(incident(poison, poison));
  EXPECT_TRUE(subscription.take().incidents.empty());
  EXPECT_TRUE(log.counts().empty());
}

TEST(IncidentLog, changes_are_counted_by_pair_of_states_also_those_that_left_the_ring) {
  IncidentLog log;
  for (std::size_t at = 0; at < IncidentLog::kept + 1; ++at) log.publish(incident(ok, schema));
  log.publish(incident(schema, ok));
  const auto counts = log.counts();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].from, ok);
  EXPECT_EQ(counts[0].to, schema);
  EXPECT_EQ(counts[0].count, static_cast<std::int64_t>(IncidentLog::kept) + 1);
  EXPECT_EQ(counts[1].count, 1);
}

TEST(IncidentLog, a_bell_rings_until_its_last_subscription_is_gone) {
  IncidentLog log;
  const EventFd bell;
  {
    const IncidentLog::Subscription first(log, &bell);
    {
      const IncidentLog::Subscription second(log, &bell);
    }
    log.publish(incident(ok, poison));
    EXPECT_TRUE(rings(bell));
    EXPECT_FALSE(rings(bell));
  }
  log.publish(incident(poison, ok));
  EXPECT_FALSE(rings(bell));
}

TEST(IncidentLog, publishers_of_many_threads_lose_nothing) {
  IncidentLog log;
  IncidentLog::Subscription subscription(log);
  constexpr int threads = 4, each = 200;
  std::size_t seen = 0;
  {
    std::vector<std::jthread> publishers;
    for (int thread = 0; thread < threads; ++thread)
      publishers.emplace_back([&log] {
        for (int at = 0; at < each; ++at) log.publish(incident(ok, paused));
      });
    for (int reading = 0; reading < 20; ++reading) seen += subscription.take().incidents.size();
  }
  seen += subscription.take().incidents.size();
  EXPECT_EQ(seen, static_cast<std::size_t>(threads * each));
  EXPECT_EQ(log.counts().at(0).count, threads * each);
}

}  // namespace
}  // namespace sluice

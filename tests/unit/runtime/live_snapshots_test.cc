// What the admin service adds to the lanes' snapshots.
#include "runtime/control/live_snapshots.h"

#include <gtest/gtest.h>

#include <thread>

#include "listener/registry/schema_registry.h"

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;

// Lanes, a broker and an obedient service, all made up.
class Parts final : public LaneSnapshots,
                    public Memory,
                    public PauseReceiver,
                    public LogEnds,
                    public PointerDoubts,
                    public LaneReceiver,
                    public ConfigurationFile,
                    public LiveSettings {
 public:
  Snapshot now;
  std::map<TopicPartition, Offset> ends;
  std::vector<TopicPartition> asked;
  IncidentLog incidents;

  Snapshot lanes() const override { return now; }
  MemoryUse memory() const override { return {}; }
  Result<std::vector<SettingChange>> changes() const override { return std::vector<SettingChange>(); }
  std::shared_ptr<const config::Pipeline> in_force() const override { return nullptr; }
  Result<SettingChange> set(const SettingOrder&) override { return SettingChange(); }
  std::vector<HandSetting> confirm(const std::string&) override { return {}; }
  std::vector<HandSetting> by_hand() const override { return {}; }
  void set_pauses(const std::shared_ptr<const PauseRules>&) override {}
  void doubt_pointers(const std::vector<TopicPartition>&) override {}
  void reclaim(const TopicPartition&, std::int64_t) override {}
  std::size_t flush(const std::vector<TopicPartition>&, std::function<void(const LaneFlush&)>) override { return 0; }
  void reconnect(int) override {}
  Result<void> reconnect_kafka() override { return {}; }
  void ask_log_ends(const std::vector<TopicPartition>& partitions, Known known) override {
    asked = partitions;
    for (const auto& [at, end] : ends) known(at, end);
  }
};

class LiveSnapshotsTest : public ::testing::Test {
 protected:
  std::shared_ptr<config::Pipeline> pipeline = [] {
    auto made = std::make_shared<config::Pipeline>();
    made->name = "shop";
    made->routes.emplace_back();
    made->routes[0].topics = {"^shop\\.(.+)$"};
    made->routes[0].table = "public.{1}";
    return made;
  }();
  Parts parts;
  sink::AdminTables tables{pipeline->postgres, {"shop", "me", "here"}};
  RouteTables routes{*pipeline};
  EventFd bell;
  PauseControl pauses{tables, parts, bell};
  listener::SchemaRegistry schemas{pipeline->registry, nullptr};
  DeadLetterControl dead_letters{pipeline, {"shop", "me", "here"}, tables, schemas};
  Retention retention{tables, pipeline->dead_letters};
  MissingTopics missing{tables, parts.incidents};
  WriteBrake brake{0};
  const ServiceParts service{parts, parts, parts, parts, parts, parts.incidents, parts, parts, brake, parts};
  LaneWatch watch{service, tables};
  StandingProof proof{pipeline, parts};
  JobRunner jobs{pipeline, {"shop", "me", "here"}, tables};
  LiveSnapshots snapshots{service, routes, {pauses, dead_letters, retention, missing, watch, proof, jobs, tables, {}}};

  void add(const std::string& topic, PartitionState state, Offset end = 10) {
    PartitionSnapshot partition;
    partition.at = {topic, static_cast<std::int32_t>(parts.now.partitions.size())};
    partition.state = state;
    partition.end = end;
    parts.now.partitions.push_back(partition);
  }
};

TEST_F(LiveSnapshotsTest, a_topic_has_the_tables_of_its_route_and_of_its_records_each_once_and_sorted) {
  add("shop.orders", PartitionState::ok);
  add("shop.orders", PartitionState::ok);
  add("elsewhere", PartitionState::ok);
  for (const auto* table : {"public.orders", "public.archive"}) {
    TableSnapshot stats;
    stats.table = table;
    stats.topics = {"shop.orders"};
    parts.now.tables.push_back(stats);
  }
  const auto topics = snapshots.snapshot().topic_tables;
  EXPECT_EQ(topics.at("shop.orders"), (std::vector<std::string>{"public.archive", "public.orders"}));
  EXPECT_TRUE(topics.at("elsewhere").empty());
  EXPECT_EQ(topics.size(), 2u);
}

TEST_F(LiveSnapshotsTest, ends_are_asked_for_stopped_partitions_only_and_never_go_back) {
  add("shop.orders", PartitionState::ok);
  snapshots.refresh_ends();
  EXPECT_TRUE(parts.asked.empty());
  add("shop.orders", PartitionState::paused, 20);
  add("shop.orders", PartitionState::poison, 30);
  parts.ends = {{{"shop.orders", 1}, 25}, {{"shop.orders", 2}, 5}};
  snapshots.refresh_ends();
  EXPECT_EQ(parts.asked, (std::vector<TopicPartition>{{"shop.orders", 1}, {"shop.orders", 2}}));
  const auto now = snapshots.snapshot();
  EXPECT_EQ(now.partitions[0].end, 10);
  EXPECT_EQ(now.partitions[1].end, 25);
  EXPECT_EQ(now.partitions[2].end, 30);
}

TEST_F(LiveSnapshotsTest, the_lag_in_seconds_counts_from_the_first_look_also_of_what_is_stopped) {
  add("shop.orders", PartitionState::ok, 20);
  add("shop.orders", PartitionState::paused, -1);
  for (auto& one : parts.now.partitions) one.epoch = 1;
  parts.ends = {{{"shop.orders", 1}, 25}};
  snapshots.refresh_ends();
  const auto before = Clock::now();
  snapshots.sample(parts.now);
  while (Clock::now() < before + 20ms) std::this_thread::yield();
  for (const auto& one : snapshots.snapshot().partitions) {
    ASSERT_TRUE(one.lag_seconds) << one.at.partition;
    EXPECT_GE(*one.lag_seconds, 0.01) << one.at.partition;
    EXPECT_LE(*one.lag_seconds, std::chrono::duration<double>(Clock::now() - before).count()) << one.at.partition;
  }
  for (auto& one : parts.now.partitions) one.next = 25;
  for (const auto& one : snapshots.snapshot().partitions) EXPECT_EQ(one.lag_seconds, 0) << one.at.partition;
}

TEST_F(LiveSnapshotsTest, what_is_not_known_yet_is_shown_as_unknown_and_incidents_are_counted) {
  parts.incidents.publish({{}, {"shop.orders", 0}, PartitionState::ok, PartitionState::schema, "no table"});
  const auto now = snapshots.snapshot();
  EXPECT_EQ(now.dead_letters_open, -1);
  EXPECT_TRUE(now.pauses.empty() && now.applied_per_second.empty());
  ASSERT_EQ(now.state_changes.size(), 1u);
  EXPECT_EQ(now.state_changes[0].to, PartitionState::schema);
  EXPECT_EQ(now.state_changes[0].count, 1);
}

}  // namespace
}  // namespace sluice::runtime

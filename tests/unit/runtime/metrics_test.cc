#include "runtime/http/metrics.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "base/pattern.h"
#include "runtime/http/http.h"

namespace sluice::runtime {
namespace {

Snapshot a_snapshot() {
  Snapshot snapshot;
  snapshot.ready = snapshot.healthy = true;
  PartitionSnapshot partition;
  partition.at = {"shop.\"orders\"", 3};
  partition.state = PartitionState::ok;
  partition.next = 110;
  partition.end = 125;
  partition.counts.applied = 90;
  partition.counts.folded = 9;
  partition.counts.dead = 11;
  snapshot.partitions.push_back(partition);
  snapshot.state_changes = {{PartitionState::ok, PartitionState::poison, 2}};
  LaneSnapshot lane;
  lane.lane = 1;
  lane.commit_seconds = 0.5;
  lane.commit_buckets.assign(std::size(commit_bounds) + 1, 1);
  snapshot.lanes.push_back(lane);
  return snapshot;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, partition_counters_carry_their_outcome_and_escaped_topic) {
  const auto text = metrics_text(a_snapshot(), {});
  EXPECT_TRUE(has_line(text, R"(sluice_records_total{topic="shop.\"orders\"",partition="3",outcome="applied"} 90)"))
      << text;
  EXPECT_TRUE(has_line(text, R"(sluice_records_total{topic="shop.\"orders\"",partition="3",outcome="dead"} 11)"))
      << text;
  EXPECT_TRUE(has_line(text, R"(sluice_partition_lag_records{topic="shop.\"orders\"",partition="3"} 15)")) << text;
}

TEST(Metrics, the_lag_in_seconds_and_bytes_is_told_where_it_is_known) {
  auto snapshot = a_snapshot();
  EXPECT_EQ(metrics_text(snapshot, {}).find("sluice_partition_lag_seconds"), std::string::npos);
  snapshot.partitions[0].lag_seconds = 2.5;
  EXPECT_EQ(metrics_text(snapshot, {}).find("sluice_partition_lag_bytes"), std::string::npos);
  snapshot.partitions[0].lag_bytes = 1500;
  const auto text = metrics_text(snapshot, {});
  EXPECT_TRUE(has_line(text, R"(sluice_partition_lag_seconds{topic="shop.\"orders\"",partition="3"} 2.5)")) << text;
  EXPECT_TRUE(has_line(text, R"(sluice_partition_lag_bytes{topic="shop.\"orders\"",partition="3"} 1500)")) << text;
}

TEST(Metrics, an_unknown_end_gives_no_lag_instead_of_a_made_up_one) {
  auto snapshot = a_snapshot();
  snapshot.partitions[0].end = -1;
  const auto text = metrics_text(snapshot, {});
  EXPECT_EQ(text.find("sluice_partition_lag_records"), std::string::npos) << text;
  EXPECT_EQ(text.find("sluice_partition_end_offset"), std::string::npos) << text;
}

TEST(Metrics, a_proof_is_told_with_its_age_results_and_what_is_proved_and_nothing_before_the_first) {
  auto snapshot = a_snapshot();
  EXPECT_EQ(metrics_text(snapshot, {}).find("sluice_verification"), std::string::npos);
  auto& proof = snapshot.verification;
  proof.trouble = "PostgreSQL is away";
  EXPECT_TRUE(has_line(metrics_text(snapshot, {}), "sluice_verification_ok 0")) << "also before the first";
  proof.trouble.clear();
  proof.at = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000));
  proof.partitions = {{{"t", 0}, 120, "ok"}, {{"t", 1}, 7, "ok"}};
  EXPECT_TRUE(has_line(metrics_text(snapshot, {}), "sluice_verification_ok 1"));
  proof.partitions.push_back({{"t", 2}, std::nullopt, "failed"});
  const auto text = metrics_text(snapshot, {});
  for (const char* line :
       {"sluice_verification_ok 0", "sluice_verification_last_timestamp_seconds 1700000000",
        R"(sluice_verification_partitions{result="ok"} 2)", R"(sluice_verification_partitions{result="failed"} 1)",
        R"(sluice_verification_partitions{result="unknown"} 0)",
        R"(sluice_verification_verified_through{topic="t",partition="0"} 120)"})
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
  EXPECT_NE(text.find("sluice_verification_age_seconds "), std::string::npos);
  EXPECT_EQ(text.find(R"(sluice_verification_verified_through{topic="t",partition="2"})"), std::string::npos);
}

TEST(Metrics, histogram_buckets_are_cumulative_and_end_with_infinity) {
  const auto text = metrics_text(a_snapshot(), {});
  const auto all = std::size(commit_bounds) + 1;
  EXPECT_TRUE(has_line(text, R"(sluice_lane_commit_seconds_bucket{lane="1",le="0.001"} 1)")) << text;
  EXPECT_TRUE(has_line(text, "sluice_lane_commit_seconds_bucket{lane=\"1\",le=\"+Inf\"} " + std::to_string(all)))
      << text;
  EXPECT_TRUE(has_line(text, "sluice_lane_commit_seconds_count{lane=\"1\"} " + std::to_string(all))) << text;
}

TEST(Metrics, every_name_begins_with_sluice_or_is_a_standard_one_of_the_process_and_is_declared_once) {
  const auto page = metrics_reference();
  const auto row = Pattern::parse(R"(^\| `([^`]+)` \| (\w+) \|)");
  ASSERT_TRUE(row);
  std::set<std::string> names;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    const auto captures = row->captures(line);
    if (!captures) continue;
    const auto& name = captures->at(1);
    EXPECT_TRUE(name.starts_with("sluice_") || name.starts_with("process_")) << name;
    EXPECT_EQ(name.ends_with("_total"), captures->at(2) == "counter") << name;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_GT(names.size(), 20u);
}

TEST(Metrics, the_reference_page_in_docs_is_the_one_made_from_the_table) {
  std::ifstream file(SLUICE_SOURCE_DIR "/docs/metrics.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), metrics_reference()) << "write docs/metrics.md anew with: sluice config metrics";
}

TEST(Probes, ready_once_every_partition_is_claimed_and_saying_why_not_before) {
  auto snapshot = a_snapshot();
  EXPECT_EQ(ready_answer(snapshot).status, 200);
  snapshot.ready = false;
  snapshot.partitions[0].state = PartitionState::claiming;
  EXPECT_EQ(ready_answer(snapshot).status, 503);
  EXPECT_EQ(ready_answer(snapshot).line, "1 of 1 partitions are not claimed yet");
  snapshot.lanes[0].last_error = "connection refused";
  EXPECT_EQ(ready_answer(snapshot).line, "lane 1 has no connection to PostgreSQL; the log says why");
}

TEST(Probes, unhealthy_names_the_lane_that_is_stuck_longest) {
  auto snapshot = a_snapshot();
  snapshot.healthy = false;
  snapshot.lanes.push_back(snapshot.lanes[0]);
  snapshot.lanes[1].lane = 2;
  snapshot.lanes[1].seconds_since_progress = 61.25;
  EXPECT_EQ(health_answer(snapshot).status, 503);
  EXPECT_EQ(health_answer(snapshot).line, "lane 2 has made no progress for 61.2 s");
}

}  // namespace
}  // namespace sluice::runtime

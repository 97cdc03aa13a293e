// The service behind the console: implements Admin, and sees to it that the pauses in PostgreSQL are obeyed.
//
// Owned by the service. A thread of its own looks once a second, and at once when a pause is given or taken back here:
// it removes pauses that have expired, hands the others to the lanes, counts open dead letters and writes queued audit
// rows. Without PostgreSQL the last known pauses stay in force. Lanes never wait for it.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "admin/admin.h"
#include "config/pipeline.h"
#include "runtime/control/replay.h"
#include "runtime/pipeline/pause_rules.h"
#include "runtime/pipeline/route_tables.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class AdminService final : public Admin {
 public:
  using Ends = std::map<TopicPartition, Offset>;
  // `observe` tells how the lanes are, `obey` hands them their pauses; both return at once, on any thread. `ask_ends`
  // asks Kafka where logs end, on the supervisor's thread.
  AdminService(std::shared_ptr<const config::Pipeline> pipeline, const sink::Identity& identity,
               std::function<Snapshot()> observe, std::function<void(std::shared_ptr<const PauseRules>)> obey,
               std::function<Ends(const std::vector<TopicPartition>&)> ask_ends);
  ~AdminService() override;

  void start();
  // Writes what is queued and ends; false at the deadline, with the thread left behind: end the process.
  bool stop(std::chrono::milliseconds within);
  // From the main thread, often: keeps the last minute's rates.
  void sample(const Snapshot& shot);

  Snapshot snapshot() const override;
  Result<std::vector<PointerRow>> pointers() override { return admin_tables_.pointers(); }
  std::vector<std::string> target_tables(const std::string& topic) override;
  Result<bool> pause(const Pause& pause) override;
  Result<std::optional<Pause>> resume(const std::string& target) override;
  Result<std::vector<DeadLetterRow>> dead_letters(const DeadLetterFilter& filter) override {
    return admin_tables_.letters(filter);
  }
  Result<std::int64_t> discard(const DeadLetterFilter& filter, const std::string& reason, const Caller& by) override;
  Result<std::vector<Replayed>> replay(const DeadLetterFilter& filter, bool dry_run, bool force,
                                       const Caller& by) override;
  Result<Explanation> explain(const TopicPartition& at, Offset offset) override;
  Result<std::int64_t> record(const AuditRow& entry) override { return admin_tables_.record(entry); }
  Result<void> conclude(std::int64_t id, const std::string& outcome) override {
    return admin_tables_.conclude(id, outcome);
  }
  void note(const AuditRow& entry) override;
  Result<std::vector<AuditRow>> audit(const AuditFilter& filter) override { return admin_tables_.audit(filter); }
  void set_log_level(const std::string& level, std::optional<std::chrono::seconds> lasting) override;

 private:
  using Steady = std::chrono::steady_clock;

  void run();
  void look();
  void look_at_pauses();
  void count_letters();
  void look_at_ends();
  void write_notes();
  void look_now();

  const std::shared_ptr<const config::Pipeline> pipeline_;
  const std::function<Snapshot()> observe_;
  const std::function<void(std::shared_ptr<const PauseRules>)> obey_;
  const std::function<Ends(const std::vector<TopicPartition>&)> ask_ends_;
  const RouteTables route_tables_;
  sink::AdminTables admin_tables_;
  Replayer replayer_;

  // The supervisor's thread only.
  std::shared_ptr<const PauseRules> obeyed_;
  bool trouble_told_ = false;
  Steady::time_point count_again_{};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool look_now_ = false, stopping_ = false, ended_ = false;
  std::deque<AuditRow> notes_;
  std::vector<Pause> pauses_;
  std::int64_t letters_open_ = -1;
  std::string postgres_trouble_;
  Ends ends_;  // of partitions that stand still: nothing is fetched that would tell
  std::deque<double> rates_;
  Steady::time_point sampled_{};
  std::int64_t sampled_records_ = 0;
  std::thread thread_;
};

}  // namespace sluice::runtime

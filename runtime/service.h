// `sluice run`: builds listener, lanes and HTTP in declared order, serves signals, and takes everything down again in
// reverse. The main thread owns it.
//
// Returns the exit code: 0 after SIGTERM or SIGINT (drained), 1 if the service could not continue, 2 for what a restart
// cannot mend (a port that is taken, a host key that others may read, a schema of a newer version). A second signal
// ends the process at once, which is always safe.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/incident.h"
#include "admin/memory.h"
#include "admin/snapshot.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "config/pipeline.h"
#include "console/ssh/console.h"
#include "listener/consumer.h"
#include "listener/registry/schema_registry.h"
#include "runtime/control/admin_service.h"
#include "runtime/http/http.h"
#include "runtime/identity.h"
#include "runtime/pipeline/dead_letter_limit.h"
#include "runtime/pipeline/lane.h"
#include "runtime/pipeline/lane_choice.h"
#include "runtime/reload.h"
#include "runtime/signals.h"
#include "runtime/subcommands.h"

namespace sluice::runtime {

class Service final : LaneSnapshots, Memory, PauseReceiver, LogEnds, PointerDoubts, LaneReceiver {
 public:
  Service(std::shared_ptr<const config::Pipeline> pipeline, const RunOptions& options);

  int run();

 private:
  static constexpr std::chrono::seconds log_deadline{1};  // for a reader who stands still

  Snapshot lanes() const override;
  MemoryUse memory() const override;
  void set_pauses(const std::shared_ptr<const PauseRules>& pauses) override;
  void ask_log_ends(const std::vector<TopicPartition>& partitions, Known known) override;
  void doubt_pointers(const std::vector<TopicPartition>& partitions) override;
  void reclaim(const TopicPartition& at, std::int64_t epoch) override;
  std::size_t flush(const std::vector<TopicPartition>& partitions,
                    std::function<void(const LaneFlush&)> answer) override;
  void reconnect(int lane) override;
  Result<void> reconnect_kafka() override;
  std::optional<int> migrate();
  bool start();
  bool start_console();
  void serve();
  bool follow_drain_order();
  int stop();
  void stop_within(const std::function<bool()>& step, Clock::time_point deadline, std::string_view failure);
  [[noreturn]] void end_at_once();
  void reload();
  void reload_files();
  void take_over(const config::Pipeline& settings, std::string_view key);
  void restore_settings();
  Result<void> reload_keys();
  void tick();
  void look_after();
  void wait_for(const std::string& what);
  void watchdog();
  void fatal(const std::string& why);
  // What the service itself does, for the audit trail.
  void note(const std::string& command, const std::string& target, const std::string& outcome) {
    admin_.capabilities().audit.note(
        {0, WallClock::now(), {"sluice", "service", "", identity_.host}, command, target, "{}", outcome});
  }

  const std::shared_ptr<const config::Pipeline> pipeline_;
  const RunOptions options_;
  const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  Signals signals_;
  DeadLetterLimit dead_letter_limit_;
  WriteBrake brake_;
  LiveBatch batch_;
  const SteadyTime time_;
  Reloader reloader_;
  std::atomic<bool> joined_{false};
  std::atomic<std::size_t> assigned_{0};  // partitions; the lanes learn of them a moment later
  std::atomic<bool> failed_{false};
  std::atomic<bool> held_{false};  // the lanes collect no more, by order of an operator or for good
  Clock::time_point held_since_{};
  int held_for_ = 0;  // the drain order that it was held for last, by its number
  mutable Mutex waiting_mutex_;
  listener::GroupStanding group_ GUARDED_BY(waiting_mutex_);
  std::string waiting_for_ GUARDED_BY(waiting_mutex_);
  std::optional<WallClock::time_point> waiting_since_ GUARDED_BY(waiting_mutex_);
  // The order of destruction: HTTP, console, admin service, lanes (they hold records), listener, schemas.
  listener::SchemaRegistry schemas_;
  std::unique_ptr<listener::Consumer> consumer_;
  std::atomic<listener::Consumer*> started_consumer_{nullptr};  // the same: the console is there before it
  std::vector<std::unique_ptr<Lane>> lanes_;
  LaneChoice lane_choice_;  // the poll thread's
  const sink::Identity identity_;
  IncidentLog incidents_;
  AdminService admin_;
  console::Console console_;
  bool has_console_ = false;
  HttpServer http_;
  bool ready_told_ = false;
  std::string refused_;  // what the system has refused the last turn, told once
  Clock::time_point next_hint_{};
  Clock::time_point next_watchdog_{};
};

int run_service(std::shared_ptr<const config::Pipeline> pipeline, const RunOptions& options);

}  // namespace sluice::runtime

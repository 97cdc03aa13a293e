// The admin service: implements the capabilities of operators (admin/capabilities.h), one class for each.
//
// Owned by the service. Five threads of its own; lanes never wait for them. One works once a second, and at once when
// a pause is stored or removed here or an incident happens: it hands the pauses in PostgreSQL to the lanes, looks after
// the lanes, asks for the ends of stopped partitions' logs and how far standbys are, and writes incidents to the log.
// What may take long waits for nobody's brake: the other one, the housekeeping, counts open dead letters, writes notes
// to the audit trail and to the time line, and removes what is too old. The third tells webhooks, the fourth looks
// which jobs are due. The standing proof has a thread of its own, and so has each run of a job.
#pragma once

#include <condition_variable>
#include <memory>

#include "admin/capabilities.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "config/pipeline.h"
#include "runtime/control/audit_trail.h"
#include "runtime/control/dead_letter_control.h"
#include "runtime/control/event_log.h"
#include "runtime/control/explain.h"
#include "runtime/control/job_runner.h"
#include "runtime/control/lane_control.h"
#include "runtime/control/lane_watch.h"
#include "runtime/control/live_snapshots.h"
#include "runtime/control/log_level.h"
#include "runtime/control/missing_topics.h"
#include "runtime/control/notifier.h"
#include "runtime/control/pause_control.h"
#include "runtime/control/pointer_moves.h"
#include "runtime/control/process_control.h"
#include "runtime/control/proof_control.h"
#include "runtime/control/replica_watch.h"
#include "runtime/control/retention.h"
#include "runtime/control/standing_proof.h"
#include "runtime/control/stored_positions.h"
#include "runtime/control/table_facts.h"

namespace sluice::runtime {

class AdminService {
 public:
  AdminService(const std::shared_ptr<const config::Pipeline>& pipeline, const sink::Identity& identity,
               const ServiceParts& parts, SchemaSource& schemas);
  ~AdminService();
  AdminService(const AdminService&) = delete;
  AdminService& operator=(const AdminService&) = delete;

  Result<void> start();
  // Writes what is queued and ends; false at the deadline, with the thread left behind: end the process.
  bool stop(std::chrono::milliseconds within);
  // From the main thread, often: keeps the last minute's rates, and counts dead letters when there are new ones.
  void sample(const Snapshot& lanes);
  // From any thread: topics that are read and that the cluster does not have.
  void set_missing_topics(std::vector<std::string> topics);
  // From any thread: what the service itself does, for the time line.
  void note(EventKind kind, std::string reason) { events_.note(kind, "", "", std::move(reason)); }
  void set_hooks(std::vector<config::Hook> hooks) { notifier_.set_hooks(std::move(hooks)); }
  void set_jobs(std::vector<config::Job> jobs) { jobs_.set_jobs(std::move(jobs)); }
  // The orders to the process; the main thread carries them out.
  ProcessControl& control() { return control_; }
  // The service begins to stop: a proof and the jobs that are under way are cancelled, and to order the stop again
  // changes nothing. Returns at once.
  void begin_stop() {
    control_.draining();
    proof_.cancel();
    jobs_.stop();
  }
  // Before the process ends without stop(): the log gets what the audit trail has not.
  void give_up() { audit_.give_up(); }

  Capabilities capabilities();

 private:
  void run();
  void work();
  void keep_house();
  void notify();
  void run_jobs();
  void has_ended();
  void wait_for_work() const;
  void log_incidents();

  const IncidentLog& incidents_;
  const Memory& memory_;
  const EventFd bell_;
  IncidentLog::Subscription subscription_;
  const RouteTables routes_;
  sink::AdminTables tables_;
  PauseControl pauses_;
  DeadLetterControl dead_letters_;
  MissingTopics missing_;
  LaneWatch watch_;
  const SteadyTime time_;
  const config::Limits limits_;
  ReplicaWatch replicas_;
  StoredPositions positions_;
  PointerMoves moves_;
  RecordInspection inspection_;
  AuditTrail audit_;
  EventLog events_;
  Notifier notifier_;
  Retention retention_;
  StandingProof proof_;
  JobRunner jobs_;
  LiveSnapshots snapshots_;
  LogLevel logging_;
  TableFacts table_facts_;
  ProofControl proofs_;
  LaneControl lane_control_;
  ProcessControl control_;
  LiveSettings& live_settings_;

  Mutex mutex_;
  std::condition_variable_any changed_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool count_now_ GUARDED_BY(mutex_) = false;
  int running_ GUARDED_BY(mutex_) = 0;  // threads
  Thread thread_, housekeeping_, notifying_, running_jobs_;
};

}  // namespace sluice::runtime

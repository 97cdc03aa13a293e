// State shared by the parts of one lane: its assignments, the two batches, and the few operations that change both.
//
// Owned by a LaneWorker, used by its thread only. A rewind needs no claim, a doubt about one partition leaves its
// neighbours alone, and only a lost connection claims all again.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/incident.h"
#include "admin/memory.h"
#include "admin/snapshot.h"
#include "base/clock.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "listener/consumer.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/assignment.h"
#include "runtime/pipeline/batch.h"
#include "runtime/pipeline/batch_limits.h"
#include "runtime/pipeline/dead_letter_limit.h"
#include "runtime/pipeline/description_check.h"
#include "runtime/pipeline/live_batch.h"
#include "runtime/pipeline/parent_waits.h"
#include "runtime/pipeline/pause_rules.h"
#include "runtime/pipeline/route_tables.h"
#include "runtime/pipeline/source_transactions.h"
#include "runtime/pipeline/table_stats.h"
#include "runtime/pipeline/write_brake.h"
#include "sink/row_store.h"
#include "sink/tables.h"

namespace sluice::runtime {

// A lane's dependencies; all of them outlive the lane.
struct LaneParts {
  std::shared_ptr<const config::Pipeline> pipeline;
  sink::RowStore& store;
  sink::Tables& tables;
  listener::Consumer& consumer;
  DeadLetterLimit& dead_letter_limit;
  IncidentLog& incidents;
  const TimeSource& time;
  SchemaSource& schemas;
  WriteBrake& brake;
  const LiveBatch& batch;
};

// Errors that a partition's queue delivered at one place of the log. It outlives the assignment, which is made anew
// when the damage has led librdkafka to an offset that does not exist.
struct ReadTrouble {
  Offset expected = -1;      // the place
  Clock::time_point last{};  // when it was met last
  std::string said;
  int attempts = 0;                    // in a row, whatever the error
  int damaged = 0;                     // those of them that found the bytes wrong
  std::chrono::seconds look_after{0};  // pause before the next look, once it has stopped
};

class LaneState {
 public:
  LaneState(int index, const LaneParts& parts);

  Clock::time_point now() const { return parts.time.now(); }
  const config::Pipeline& pipeline() const { return *parts.pipeline; }
  Assignment* find(const TopicPartition& at);
  // Marks its published row as changed; a change of its state is published at once.
  void show(Assignment& assignment);

  // Moves the partition out of streaming: it takes no more records, and the state is recorded once its collected part
  // is applied.
  void stop(Assignment& assignment, Stopping stopping);
  // Reads again from `offset`, which is known to be right: no claim.
  void rewind(Assignment& assignment, Offset offset);
  // The phase in which it takes records from `offset` on. The state that is in its row stays until it goes on.
  Streaming streaming_from(const Assignment& assignment, Offset offset) const;
  // Takes the state incomplete back; the claimer records it.
  void resume(Assignment& assignment);
  // Claims again, as our copy of the pointer may be wrong.
  void doubt(Assignment& assignment);
  // Drops what is collected. Its partitions read again from where their part began, unless `except` says that the
  // caller takes care of them.
  void drop_collecting(const Batch* except = nullptr);
  bool collecting_holds(const Assignment& assignment) const { return collecting.holds(assignment.collecting); }
  // Returns the reason why the partition is paused, by its topic, its number or a table that it is known to write.
  std::optional<std::string> paused(const Assignment& assignment) const;

  // What the lane's batches and held records take; without what its partitions have fetched.
  MemoryUse::Lane memory() const;

  // Counts the record's dead letter, which says `reason`. Returns why its partition has to stop before the record
  // instead; nothing if the letter may be written.
  std::optional<std::string> reason_to_stop(const Record& record, std::string_view reason);

  const LaneParts parts;
  const std::string log_prefix;
  mapping::Mapper mapper;
  SourceTransactions transactions;
  DescriptionCheck descriptions;
  const RouteTables route_tables;
  std::map<TopicPartition, Assignment> assignments;
  Batch collecting, in_flight;
  BatchSizer sizer;
  Suspects suspects;
  ParentWaits parent_waits;
  std::map<TopicPartition, ReadTrouble> read_troubles;
  std::shared_ptr<const PauseRules> pauses;  // null: not known yet, and nothing is claimed
  LaneSnapshot stats;
  TableStats tables;  // since the process started
  bool tables_changed = false;
  Clock::time_point next_duty{};               // of the claimer: nothing waits for it before
  bool duty_waits_for_batch = false;           // a duty becomes possible when the batch being collected has ended
  std::vector<const TopicPartition*> changed;  // shown differently since the last publication
};

}  // namespace sluice::runtime

// The parts of the running service that the admin service needs: state of the lanes, a receiver of pauses, ends of
// logs, the configuration file.
//
// Implemented beside the lanes and the consumer, which outlive the admin service. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "admin/lane_orders.h"
#include "admin/live_settings.h"
#include "admin/memory.h"
#include "admin/service_control.h"
#include "admin/snapshot.h"
#include "config/pipeline.h"
#include "runtime/pipeline/pause_rules.h"
#include "runtime/pipeline/write_brake.h"

namespace sluice::runtime {

class LaneSnapshots {
 public:
  virtual ~LaneSnapshots() = default;
  // Partitions, lanes and tables as the lanes published them last; never waits for a lane.
  virtual Snapshot lanes() const = 0;
};

class PauseReceiver {
 public:
  virtual ~PauseReceiver() = default;
  // Returns at once; the lanes obey a moment later.
  virtual void set_pauses(const std::shared_ptr<const PauseRules>& pauses) = 0;
};

class LogEnds {
 public:
  using Known = std::function<void(const TopicPartition& at, Offset end)>;
  virtual ~LogEnds() = default;
  // Starts asking Kafka and returns at once. Answers may come from any thread, also after the caller has been
  // destroyed.
  virtual void ask_log_ends(const std::vector<TopicPartition>& partitions, Known known) = 0;
};

class PointerDoubts {
 public:
  virtual ~PointerDoubts() = default;
  // Returns at once; the lanes claim these partitions again a moment later.
  virtual void doubt_pointers(const std::vector<TopicPartition>& partitions) = 0;
  // Returns at once; the lane that has claimed the partition under this epoch claims it again a moment later.
  virtual void reclaim(const TopicPartition& at, std::int64_t epoch) = 0;
};

class LaneReceiver {
 public:
  virtual ~LaneReceiver() = default;
  // Returns at once how many lanes there are: each of them calls `answer` once, from its thread, a moment later.
  virtual std::size_t flush(const std::vector<TopicPartition>& partitions,
                            std::function<void(const LaneFlush&)> answer) = 0;
  // Returns at once; the lane opens new connections to PostgreSQL a moment later.
  virtual void reconnect(int lane) = 0;
  // As listener::Consumer::reconnect().
  virtual Result<void> reconnect_kafka() = 0;
};

class ConfigurationFile {
 public:
  virtual ~ConfigurationFile() = default;
  // Reads the file and says what differs from what is in force; changes nothing.
  virtual Result<std::vector<SettingChange>> changes() const = 0;
  // The settings as they are in force now.
  virtual std::shared_ptr<const config::Pipeline> in_force() const = 0;
};

struct ServiceParts {
  const LaneSnapshots& lanes;
  PauseReceiver& pauses;
  LogEnds& log_ends;
  PointerDoubts& doubts;
  LaneReceiver& orders;
  IncidentLog& incidents;
  const ConfigurationFile& file;
  LiveSettings& live_settings;
  WriteBrake& brake;
  const Memory& memory;
};

}  // namespace sluice::runtime

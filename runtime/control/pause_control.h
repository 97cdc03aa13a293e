// The pauses of the pipeline: stores and removes them in PostgreSQL, and hands what is in force to the lanes.
//
// Owned by the admin service. pause() and resume() in any thread; refresh() about once a second in the admin service's,
// and at once after a change made here (through the bell). Without PostgreSQL the last known pauses stay in force.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/pauses.h"
#include "base/event_fd.h"
#include "base/mutex.h"
#include "runtime/control/service_parts.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class PauseControl final : public Pauses {
 public:
  PauseControl(sink::AdminTables& tables, PauseReceiver& receiver, const EventFd& bell)
      : tables_(tables), receiver_(receiver), bell_(bell) {}

  Result<bool> pause(const Pause& pause) override;
  Result<std::vector<Pause>> stored() override { return tables_.pauses(); }
  Result<std::optional<Pause>> resume(const std::string& target, const std::optional<std::string>& reason) override;

  // Removes what has expired, reads what is in force, and hands it to the lanes if it has changed.
  void refresh();
  // As last read. Any thread; never waits.
  std::vector<Pause> in_force() const;
  // The error of the last reading, empty if it succeeded.
  std::string trouble() const;

 private:
  sink::AdminTables& tables_;
  PauseReceiver& receiver_;
  const EventFd& bell_;

  // Of the thread that refreshes.
  std::shared_ptr<const PauseRules> handed_out_;
  bool trouble_logged_ = false;

  mutable Mutex mutex_;
  std::vector<Pause> pauses_ GUARDED_BY(mutex_);
  std::string trouble_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime

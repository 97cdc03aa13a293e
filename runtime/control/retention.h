// Removes resolved dead letters, audit rows, results of proofs and events that are older than [dead_letters] keep,
// slice by slice, and watches how large Sluice's own tables are.
//
// Owned by the admin service, whose housekeeping thread calls work() about once a second; it does something once a
// minute, or once a second while there is more to remove. sizes() may be called by any thread. Errors are a warning,
// once.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "config/pipeline.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class Retention {
 public:
  Retention(sink::AdminTables& tables, const config::DeadLetters& settings) : tables_(tables), keep_(settings.keep) {}

  void work();
  std::map<std::string, std::int64_t> sizes() const;  // bytes by table; empty before the first look

 private:
  // A slice of each table; returns true if there is more.
  Result<bool> remove();

  sink::AdminTables& tables_;
  const std::chrono::milliseconds keep_;
  Clock::time_point next_look_{}, next_removal_{};
  bool told_ = false;
  mutable Mutex mutex_;
  std::map<std::string, std::int64_t> sizes_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime

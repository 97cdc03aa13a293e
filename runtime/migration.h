// Prepares Sluice's own tables at the service's start, and waits for a PostgreSQL that is not there yet.
//
// Called once, by the service's main thread, before any lane runs. An attempt may take minutes (locks, large tables),
// so it runs in a thread of its own: systemd's watchdog, SIGHUP and the signals that end the service are heard
// meanwhile.
#pragma once

#include <functional>
#include <string>

#include "config/pipeline.h"
#include "runtime/signals.h"

namespace sluice::runtime {

// What the service does meanwhile, in the thread that calls prepare_schema().
struct WhileMigrating {
  std::function<void()> watchdog;                            // many times a second
  std::function<void()> reload;                              // at SIGHUP
  std::function<void(const std::string& what)> waiting_for;  // empty: for nothing any more
};

enum class Migration {
  done,
  interrupted,  // by SIGTERM or SIGINT; what PostgreSQL ran for it is cancelled
  failed,       // another attempt may succeed: exit code 1
  wrong_setup,  // only another setup can
};

// Returns at success, at a signal, and at an error that waiting cannot mend, which it has logged.
Migration prepare_schema(const config::Postgres& postgres, const Signals& signals, const WhileMigrating& meanwhile);

}  // namespace sluice::runtime

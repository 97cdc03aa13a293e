#include "runtime/migration.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <stop_token>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/thread.h"
#include "sink/table_catalogue.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds signal_interval{10};
constexpr milliseconds retry_interval{500};

bool is_the_end(int signal) {
  return signal == SIGTERM || signal == SIGINT;
}

// Nothing if a signal ended it.
std::optional<Result<void>> attempt(sink::TableCatalogue& catalogue, const Signals& signals,
                                    const WhileMigrating& meanwhile) {
  std::stop_source stop;
  std::atomic<bool> ended{false};
  Result<void> done = fail(ErrorClass::retry, "the thread that prepares the schema has failed");
  const auto body = [&] {
    const InterruptScope scope(stop.get_token());
    done = catalogue.migrate();
    ended = true;
  };
  auto thread = Thread::start("migration", body, Thread::usual_stack, [&] { ended = true; });
  if (!thread) return std::unexpected(thread.error());
  while (!ended) {
    meanwhile.watchdog();
    const int signal = signals.next(signal_interval);
    if (is_the_end(signal)) stop.request_stop();
    if (signal == SIGHUP) meanwhile.reload();
  }
  thread->join();
  return stop.stop_requested() ? std::nullopt : std::optional(std::move(done));
}

}  // namespace

Migration prepare_schema(const config::Postgres& postgres, const Signals& signals, const WhileMigrating& meanwhile) {
  sink::TableCatalogue catalogue(postgres);
  std::string told;
  for (;;) {
    const auto result = attempt(catalogue, signals, meanwhile);
    if (!result) return Migration::interrupted;
    if (*result) {
      if (!told.empty()) meanwhile.waiting_for("");
      return Migration::done;
    }
    const auto& error = result->error();
    if (error.next != ErrorClass::retry && error.next != ErrorClass::reclaim) {
      log::error("service", "cannot prepare schema {}: {} {}", postgres.schema, error.sqlstate, error.message);
      return error.next == ErrorClass::stop_service ? Migration::wrong_setup : Migration::failed;
    }
    if (told != error.message) {
      told = error.message;
      log::warning("service", "waiting for PostgreSQL: {}", told);
      meanwhile.waiting_for("PostgreSQL: " + told);
    }
    meanwhile.watchdog();
    const int signal = signals.next(retry_interval);
    if (is_the_end(signal)) return Migration::interrupted;
    if (signal == SIGHUP) meanwhile.reload();
  }
}

}  // namespace sluice::runtime

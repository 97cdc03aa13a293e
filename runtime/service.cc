#include "runtime/service.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <filesystem>

#include "base/log.h"
#include "base/log_settings.h"
#include "base/process_memory.h"
#include "config/kafka_security.h"
#include "config/secret_files.h"
#include "listener/topics.h"
#include "runtime/migration.h"
#include "runtime/systemd.h"
#include "sink/schema_copies.h"
#include "sink/server_check.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What a restart cannot mend; the unit does not try (RestartPreventExitStatus).
constexpr int wrong_setup = 2;
constexpr seconds hint_interval{5};
constexpr double stuck_seconds = 120;  // longer than any deadline a lane waits for
constexpr milliseconds tick_interval{200};
// Answers of the broker and large buffers go back to the system when they are freed, instead of leaving holes in the
// heap: a third of the memory for half a microsecond a record.
constexpr int mapped_above_bytes = 256 << 10;

}  // namespace

Service::Service(std::shared_ptr<const config::Pipeline> pipeline, const RunOptions& options)
    : pipeline_(std::move(pipeline)),
      options_(options),
      brake_(pipeline_->limits.rows_per_second),
      batch_(pipeline_->batch),
      reloader_(
          pipeline_, options.config,
          [this](const config::Pipeline& settings, std::string_view key) { take_over(settings, key); }, time_),
      schemas_(pipeline_->registry,
               std::make_unique<sink::SchemaCopies>(pipeline_->postgres, sink::SchemaCopies::Access::write)),
      lane_choice_(static_cast<std::size_t>(pipeline_->lanes_used())),
      identity_(new_identity(pipeline_->name)),
      admin_(pipeline_, identity_, {*this, *this, *this, *this, *this, incidents_, reloader_, reloader_, brake_, *this},
             schemas_),
      console_(pipeline_, admin_.capabilities(), versions()),
      http_(pipeline_->http, admin_.capabilities().snapshots, &admin_.capabilities().hooks) {
  admin_.set_hooks(pipeline_->hooks);
  log::info("service", "sluice {} starts, pipeline {}, owner {}", SLUICE_VERSION, pipeline_->name, identity_.owner);
  for (const auto& line : config::exposed_files(*pipeline_)) log::warning("service", "{}", line);
  for (int i = 0; i < pipeline_->lanes_used(); ++i) {
    lanes_.push_back(std::make_unique<Lane>(i + 1, pipeline_, identity_, dead_letter_limit_, incidents_, schemas_,
                                            brake_, batch_, [this](const std::string& why) { fatal(why); }));
  }
}

// From any thread: the service ends as after a signal, but with exit code 1.
void Service::fatal(const std::string& why) {
  log::error("service", "stopping: {}", why);
  failed_ = true;
  kill(getpid(), SIGTERM);
}

// The admin service completes it.
Snapshot Service::lanes() const {
  Snapshot shot;
  shot.started = started_;
  shot.healthy = !failed_;
  shot.draining = held_;
  TableStats tables;
  for (const auto& lane : lanes_) {
    shot.lanes.push_back(lane->snapshot(shot.partitions, tables));
    if (shot.lanes.back().seconds_since_progress > stuck_seconds) shot.healthy = false;
  }
  for (const auto& [name, table] : tables.tables()) shot.tables.push_back(table);
  shot.outcomes = tables.outcomes();
  {
    const MutexLock lock(waiting_mutex_);
    shot.waiting_for = waiting_for_;
    shot.waiting_since = waiting_since_;
    shot.kafka_away_since = group_.away_since;
    shot.outside_group_since = group_.outside_since;
    shot.consumer_rebuilds = group_.rebuilds;
    shot.consumer_reconnects = group_.reconnects;
  }
  shot.reload = reloader_.state();
  shot.ready = joined_ && !shot.outside_group_since && shot.partitions.size() == assigned_;
  for (const auto& partition : shot.partitions) shot.ready = shot.ready && partition.state != PartitionState::claiming;
  return shot;
}

MemoryUse Service::memory() const {
  MemoryUse use;
  for (const auto& lane : lanes_) use.lanes.push_back(lane->memory());
  const auto schemas = schemas_.kept();
  use.schemas = {static_cast<std::int64_t>(schemas.number), static_cast<std::int64_t>(schemas.bytes),
                 static_cast<std::int64_t>(schemas.limit)};
  use.resident = process_memory().resident_bytes;
  return use;
}

void Service::set_pauses(const std::shared_ptr<const PauseRules>& pauses) {
  for (auto& lane : lanes_) lane->set_pauses(pauses);
}

void Service::doubt_pointers(const std::vector<TopicPartition>& partitions) {
  for (auto& lane : lanes_) lane->doubt(partitions);  // those that are not its own it leaves alone
}

void Service::reclaim(const TopicPartition& at, std::int64_t epoch) {
  for (auto& lane : lanes_) lane->reclaim(at, epoch);
}

std::size_t Service::flush(const std::vector<TopicPartition>& partitions,
                           std::function<void(const LaneFlush&)> answer) {
  for (auto& lane : lanes_) lane->flush(partitions, answer);
  return lanes_.size();
}

void Service::reconnect(int lane) {
  if (lane > 0 && std::cmp_less_equal(lane, lanes_.size())) lanes_[static_cast<std::size_t>(lane) - 1]->reconnect();
}

Result<void> Service::reconnect_kafka() {
  auto* consumer = started_consumer_.load();
  if (consumer == nullptr) return fail(ErrorClass::retry, "the service has not started yet, it waits for PostgreSQL");
  return consumer->reconnect();
}

void Service::ask_log_ends(const std::vector<TopicPartition>& partitions, Known known) {
  consumer_->ask_watermarks(
      partitions, [known = std::move(known)](const TopicPartition& at, const Result<listener::Watermarks>& marks) {
        if (marks) known(at, marks->high);
      });
}

int Service::run() {
  mallopt(M_MMAP_THRESHOLD, mapped_above_bytes);
  mallopt(M_ARENA_MAX, 2);  // one arena per thread and its slack would double the footprint
  if (auto done = http_.start(); !done) {
    log::error("service", "{}", done.error().message);
    return wrong_setup;
  }
  if (!start_console()) return wrong_setup;
  // Configured and listening: what systemd waits for. Whether data flows is /readyz's and STATUS='s to say.
  if (!options_.wait_ready) systemd::ready("starting");
  if (const auto code = migrate()) return *code;
  if (!start()) return 1;
  serve();
  return stop();
}

// An empty text: nothing any more.
void Service::wait_for(const std::string& what) {
  const MutexLock lock(waiting_mutex_);
  if (!waiting_since_ || what.empty()) waiting_since_ = what.empty() ? std::nullopt : std::optional(WallClock::now());
  waiting_for_ = what;
  systemd::status(what.empty() ? "starting" : "starting: waiting for " + what);
}

// Returns the exit code if the service ends here.
std::optional<int> Service::migrate() {
  const WhileMigrating meanwhile{.watchdog =
                                     [this] {
                                       watchdog();
                                       restore_settings();
                                     },
                                 .reload = [this] { reload(); },
                                 .waiting_for = [this](const std::string& what) { wait_for(what); }};
  switch (prepare_schema(pipeline_->postgres, signals_, meanwhile)) {
    case Migration::done:
      // Whether a session can be had is the lanes' to say.
      if (const auto found = sink::session_findings(pipeline_->postgres.url))
        for (const auto& text : *found) log::warning("service", "postgres: {}", text);
      return std::nullopt;
    case Migration::interrupted:
      return 0;
    case Migration::failed:
      return 1;
    case Migration::wrong_setup:
      return wrong_setup;
  }
  return 1;
}

// With a section [console], failing to start the console is fatal. Without, it starts if the keys file exists, and a
// failure is only a warning: several services may share a host.
bool Service::start_console() {
  const auto& settings = pipeline_->console;
  if (settings.listen.empty() || !(settings.given || std::filesystem::exists(settings.keys))) return true;
  const auto done = console_.start();
  has_console_ = done.has_value();
  if (done) return true;
  if (settings.given) {
    log::error("service", "console: {}", done.error().message);
  } else {
    log::warning("service", "no console: {}", done.error().message);
  }
  return !settings.given;
}

bool Service::start() {
  listener::ConsumerLimits limits;
  limits.queue_records = std::max(limits.queue_records, 2 * static_cast<std::size_t>(pipeline_->batch.rows));
  consumer_ = listener::make_consumer(
      pipeline_->kafka, limits,
      {.assigned =
           [this](listener::Partition& partition) {
             ++assigned_;
             lanes_[lane_choice_.assign(partition.at())]->assign(partition);
           },
       .revoked =
           [this](listener::Partition& partition, bool) {
             --assigned_;
             lanes_[lane_choice_.revoke(partition.at())]->revoked();
           },
       .rebalanced = [this] { joined_ = true; },
       .fatal = [this](const std::string& why) { fatal(why); },
       .missing = [this](std::vector<std::string> topics) { admin_.set_missing_topics(std::move(topics)); },
       .group =
           [this](const listener::GroupStanding& standing) {
             const MutexLock lock(waiting_mutex_);
             group_ = standing;
           }});
  if (auto done = consumer_->start(listener::topics_of(*pipeline_)); !done) {
    log::error("service", "{}", done.error().message);
    return false;
  }
  started_consumer_ = consumer_.get();
  auto started = admin_.start();
  for (auto& lane : lanes_) {
    if (started) started = lane->start(*consumer_);
  }
  if (!started) {
    log::error("service", "{}", started.error().message);
    log::flush(log_deadline);
    // Threads that run use what this process would now take apart.
    _exit(1);
  }
  note("start", SLUICE_VERSION, "done");
  admin_.note(EventKind::started, SLUICE_VERSION);
  for (const auto& broker : config::kafka_security(pipeline_->kafka))
    if (!broker.advice.empty()) log::warning("service", "kafka {}: {}", broker.server, broker.advice);
  if (const auto [property, why] = config::idle_security(pipeline_->kafka); !why.empty())
    log::warning("service", "kafka.properties.{}: {}", property, why);
  return true;
}

void Service::serve() {
  admin_.control().serving();
  for (;;) {
    switch (signals_.next(tick_interval)) {
      case SIGTERM:
      case SIGINT:
        return;
      case SIGHUP:
        reload();
        break;
      default:
        tick();
        if (follow_drain_order()) return;
    }
  }
}

void Service::tick() {
  try {
    look_after();
    refused_.clear();
  } catch (const std::exception& error) {  // as in reload()
    if (std::exchange(refused_, error.what()) != error.what())
      log::error("service", "the service is looked after in part only: {}", error.what());
  }
}

void Service::look_after() {
  const auto now = Clock::now();
  const auto shot = lanes();
  admin_.sample(shot);
  restore_settings();
  log::flush(milliseconds(0));  // what a slow reader has not taken yet
  if (shot.ready && !std::exchange(ready_told_, true)) {
    systemd::ready(fmt::format("{} partitions", shot.partitions.size()));
    log::info("service", "ready: {} partitions on {} lanes", shot.partitions.size(), lanes_.size());
  }
  if (shot.healthy) watchdog();
  if (now < next_hint_) return;
  next_hint_ = now + hint_interval;
  std::vector<std::pair<TopicPartition, Offset>> hints;
  for (const auto& partition : shot.partitions) {
    if (partition.epoch > 0) hints.emplace_back(partition.at, partition.next);
  }
  consumer_->hint_committed(hints);
}

void Service::watchdog() {
  const auto now = Clock::now();
  const auto interval = systemd::watchdog_interval();
  if (!interval || now < next_watchdog_) return;
  systemd::watchdog();
  next_watchdog_ = now + *interval;
}

// What the system refuses, memory above all, fails: unwound from here, the service would be taken apart under its
// threads.
void Service::reload() {
  try {
    reload_files();
  } catch (const std::exception& error) {
    log::error("reload", "not all is reloaded, send SIGHUP again: {}", error.what());
  }
}

// Says what changed, what is in force and what needs a restart. Afterwards systemd hears the state from before again.
void Service::reload_files() {
  const bool told_ready = ready_told_ || !options_.wait_ready;  // else whoever waits for the start still waits
  if (told_ready) systemd::reloading();
  const bool loaded = reloader_.reload([this] { return reload_keys(); });
  note("reload", options_.config, loaded ? "done" : "failed: " + reloader_.state().trouble);
  const std::string status = loaded ? "reloaded" : "not all is reloaded: a file has an error; see the log";
  if (told_ready) systemd::ready(status);
  if (const auto shot = lanes(); !shot.waiting_for.empty())
    systemd::status(fmt::format("{}; waiting for {}", status, shot.waiting_for));
}

// Of these, `reloadable` in config/ says which.
void Service::take_over(const config::Pipeline& settings, std::string_view key) {
  const auto may_differ = [key](std::string_view begin) { return key.empty() || key.starts_with(begin); };
  if (key.empty()) log::setup(settings.log.level, settings.log.format);
  if (key == "log.level") log::set_usual_level(settings.log.level);
  if (key == "log.format") log::set_format(settings.log.format);
  if (may_differ("limits.")) brake_.limit(settings.limits.rows_per_second);
  if (may_differ("batch.")) batch_.set(settings.batch);
  if (may_differ("notify[")) admin_.set_hooks(settings.hooks);
  if (may_differ("job[")) admin_.set_jobs(settings.jobs);
}

// What was set on trial and that nobody has confirmed.
void Service::restore_settings() {
  for (const auto& one : reloader_.restore_due())
    note("restore setting", one.key,
         fmt::format("done: {} {} -> {}, not confirmed in time", one.key, one.before, one.after));
}

Result<void> Service::reload_keys() {
  if (!has_console_) return {};
  const auto done = console_.reload_keys();
  note("reload keys", pipeline_->console.keys, done ? "done" : "failed: the old keys stay");
  return done;
}

int run_service(std::shared_ptr<const config::Pipeline> pipeline, const RunOptions& options) {
  return Service(std::move(pipeline), options).run();
}

}  // namespace sluice::runtime

#include "runtime/control/admin_service.h"

#include <poll.h>

#include <tuple>

#include "base/log.h"
#include "config/kafka_security.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::milliseconds work_interval{1000};

// A round that fails for want of memory, mostly: the next one may have it.
template <class Round>
void guarded(Round round) {
  try {
    round();
  } catch (const std::exception& problem) {
    log::error("admin", "a round was not finished: {}", problem.what());
  }
}

}  // namespace

AdminService::AdminService(const std::shared_ptr<const config::Pipeline>& pipeline, const sink::Identity& identity,
                           const ServiceParts& parts, SchemaSource& schemas)
    : incidents_(parts.incidents),
      memory_(parts.memory),
      subscription_(parts.incidents, &bell_),
      routes_(*pipeline),
      tables_(pipeline->postgres, identity),
      pauses_(tables_, parts.pauses, bell_),
      dead_letters_(pipeline, identity, tables_, schemas),
      missing_(tables_, parts.incidents),
      watch_(parts, tables_),
      limits_(pipeline->limits),
      replicas_(tables_, limits_, parts.brake, time_),
      positions_(tables_, routes_),
      moves_(pipeline, identity, tables_, {routes_, parts.doubts, bell_, schemas}),
      inspection_(pipeline, tables_, schemas),
      audit_(tables_),
      events_(tables_, identity.host),
      notifier_(tables_, identity.pipeline, identity.host),
      retention_(tables_, pipeline->dead_letters),
      proof_(pipeline, parts.lanes),
      jobs_(pipeline, identity, tables_),
      snapshots_(parts, routes_,
                 {pauses_, dead_letters_, retention_, missing_, watch_, proof_, jobs_, tables_,
                  config::kafka_security(pipeline->kafka)}),
      table_facts_(pipeline->postgres),
      proofs_(pipeline, schemas),
      lane_control_(parts.orders, tables_),
      control_(parts.file),
      live_settings_(parts.live_settings) {}

AdminService::~AdminService() {
  thread_.join();
  housekeeping_.join();
  notifying_.join();
  running_jobs_.join();
}

Capabilities AdminService::capabilities() {
  return {snapshots_,  pauses_,       dead_letters_,      dead_letters_, positions_, moves_,
          inspection_, audit_,        logging_,           events_,       notifier_,  notifier_,
          jobs_,       incidents_,    snapshots_.rates(), snapshots_,    memory_,    table_facts_,
          proofs_,     lane_control_, control_,           live_settings_};
}

Result<void> AdminService::start() {
  for (const auto& [name, thread, body] : {std::tuple{"admin", &thread_, &AdminService::run},
                                           std::tuple{"housekeeping", &housekeeping_, &AdminService::keep_house},
                                           std::tuple{"notify", &notifying_, &AdminService::notify},
                                           std::tuple{"jobs", &running_jobs_, &AdminService::run_jobs}}) {
    auto started = Thread::start(name, [this, body] { (this->*body)(); });
    if (!started) return std::unexpected(started.error());
    *thread = std::move(*started);
    const MutexLock lock(mutex_);
    ++running_;
  }
  return proof_.start();
}

void AdminService::sample(const Snapshot& lanes) {
  snapshots_.sample(lanes);
  std::int64_t stored = 0;
  for (const auto& partition : lanes.partitions) stored += partition.counts.dead;
  if (!dead_letters_.noticed(stored)) return;
  const MutexLock lock(mutex_);
  count_now_ = true;
  changed_.notify_all();
}

bool AdminService::stop(std::chrono::milliseconds within) {
  begin_stop();
  if (!thread_.joinable()) return true;
  MutexLock lock(mutex_);
  stopping_ = true;
  notifier_.stop();
  bell_.notify();
  changed_.notify_all();
  if (!changed_.wait_for(lock, within, [this]() REQUIRES(mutex_) { return running_ == 0; })) return false;
  lock.unlock();
  thread_.join();
  housekeeping_.join();
  notifying_.join();
  running_jobs_.join();
  return true;
}

void AdminService::set_missing_topics(std::vector<std::string> topics) {
  missing_.set(std::move(topics));
  bell_.notify();
}

void AdminService::run() {
  for (;;) {
    guarded([this] { work(); });
    wait_for_work();
    const MutexLock lock(mutex_);
    if (stopping_) break;
  }
  log_incidents();
  has_ended();
}

void AdminService::keep_house() {
  for (;;) {
    guarded([this] {
      audit_.write_notes();
      events_.work(snapshots_);
      dead_letters_.count_open();
      retention_.work();
    });
    MutexLock lock(mutex_);
    changed_.wait_for(lock, work_interval, [this]() REQUIRES(mutex_) { return stopping_ || count_now_; });
    count_now_ = false;
    if (stopping_) break;
  }
  audit_.write_notes();
  events_.write();
  audit_.give_up();
  has_ended();
}

void AdminService::notify() {
  notifier_.run();
  has_ended();
}

void AdminService::run_jobs() {
  jobs_.run();
  has_ended();
}

void AdminService::has_ended() {
  const MutexLock lock(mutex_);
  --running_;
  changed_.notify_all();
}

void AdminService::work() {
  log_incidents();
  pauses_.refresh();
  missing_.refresh();
  watch_.look();
  replicas_.look();
  snapshots_.refresh_ends();
}

void AdminService::wait_for_work() const {
  pollfd bell{.fd = bell_.fd(), .events = POLLIN, .revents = 0};
  if (poll(&bell, 1, static_cast<int>(work_interval.count())) > 0) bell_.drain();
}

void AdminService::log_incidents() {
  const auto news = subscription_.take();
  if (news.missed > 0) log::warning("state", "{} changes of partitions' states are not in the log", news.missed);
  for (const auto& incident : news.incidents) {
    const auto& at = incident.partition;
    const auto text =
        is_stopped(incident.to)
            ? fmt::format("{}/{} stopped in state {}: {}", at.topic, at.partition, incident.to, incident.reason)
            : fmt::format("{}/{} resumed after state {}", at.topic, at.partition, incident.from);
    const auto level = is_broken(incident.to) ? log::Level::error : log::Level::info;
    if (log::enabled(level)) log::write(level, "state", text);
  }
}

}  // namespace sluice::runtime

#include "runtime/control/admin_service.h"

#include <poll.h>

#include "base/log.h"
#include "config/kafka_security.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::milliseconds work_interval{1000};

}  // namespace

AdminService::AdminService(const std::shared_ptr<const config::Pipeline>& pipeline, const sink::Identity& identity,
                           const ServiceParts& parts)
    : incidents_(parts.incidents),
      subscription_(parts.incidents, &bell_),
      routes_(*pipeline),
      tables_(pipeline->postgres, identity),
      pauses_(tables_, parts.pauses, bell_),
      dead_letters_(pipeline, identity, tables_),
      positions_(tables_, routes_),
      inspection_(pipeline),
      audit_(tables_),
      retention_(tables_, pipeline->dead_letters),
      snapshots_(parts, routes_,
                 {pauses_, dead_letters_, retention_, tables_, config::kafka_security(pipeline->kafka)}) {}

AdminService::~AdminService() {
  for (auto* thread : {&thread_, &housekeeping_})
    if (thread->joinable()) thread->join();
}

Capabilities AdminService::capabilities() {
  return {snapshots_, pauses_, dead_letters_, positions_, inspection_, audit_, logging_, incidents_};
}

void AdminService::start() {
  {
    const MutexLock lock(mutex_);
    running_ = 2;
  }
  thread_ = std::thread(&AdminService::run, this);
  housekeeping_ = std::thread(&AdminService::keep_house, this);
}

bool AdminService::stop(std::chrono::milliseconds within) {
  if (!thread_.joinable()) return true;
  MutexLock lock(mutex_);
  stopping_ = true;
  bell_.notify();
  changed_.notify_all();
  if (!changed_.wait_for(lock, within, [this]() REQUIRES(mutex_) { return running_ == 0; })) return false;
  lock.unlock();
  thread_.join();
  housekeeping_.join();
  return true;
}

void AdminService::run() {
  for (;;) {
    log_incidents();
    pauses_.refresh();
    snapshots_.refresh_ends();
    wait_for_work();
    const MutexLock lock(mutex_);
    if (stopping_) break;
  }
  log_incidents();
  has_ended();
}

void AdminService::keep_house() {
  for (;;) {
    audit_.write_notes();
    dead_letters_.count();
    retention_.work();
    MutexLock lock(mutex_);
    if (changed_.wait_for(lock, work_interval, [this]() REQUIRES(mutex_) { return stopping_; })) break;
  }
  audit_.write_notes();
  has_ended();
}

void AdminService::has_ended() {
  const MutexLock lock(mutex_);
  --running_;
  changed_.notify_all();
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
    log::write(is_broken(incident.to) ? log::Level::error : log::Level::info, "state", text);
  }
}

}  // namespace sluice::runtime

#include "runtime/control/admin_service.h"

#include <algorithm>

#include "base/log.h"
#include "runtime/control/explain.h"

namespace sluice::runtime {
namespace {

using std::chrono::seconds;

constexpr std::string_view who = "supervisor";
constexpr seconds look_interval{1};
constexpr std::size_t notes_at_most = 1000;
constexpr std::size_t rates_kept = 60;
// Counting open letters reads the table: it may take a twentieth of the time, however large the table is.
constexpr int count_share = 20;

void to_log(const AuditRow& entry, std::string_view why) {
  log::warning("audit", "not in the table ({}): {} {} from {}: {} {} {}", why, entry.who.role, entry.who.name,
               entry.who.address, entry.command, entry.target, entry.outcome);
}

}  // namespace

AdminService::AdminService(std::shared_ptr<const config::Pipeline> pipeline, const sink::Identity& identity,
                           std::function<Snapshot()> observe,
                           std::function<void(std::shared_ptr<const PauseRules>)> obey,
                           std::function<Ends(const std::vector<TopicPartition>&)> ask_ends)
    : pipeline_(pipeline),
      observe_(std::move(observe)),
      obey_(std::move(obey)),
      ask_ends_(std::move(ask_ends)),
      route_tables_(*pipeline),
      admin_tables_(pipeline->postgres, identity),
      replayer_(pipeline, identity, admin_tables_) {}

AdminService::~AdminService() {
  if (thread_.joinable()) thread_.join();
}

void AdminService::start() {
  thread_ = std::thread(&AdminService::run, this);
}

bool AdminService::stop(std::chrono::milliseconds within) {
  if (!thread_.joinable()) return true;
  std::unique_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  if (!changed_.wait_for(lock, within, [this] { return ended_; })) return false;
  lock.unlock();
  thread_.join();
  return true;
}

void AdminService::run() {
  for (;;) {
    look();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, look_interval, [this] { return look_now_ || stopping_; });
    if (stopping_) break;
    look_now_ = false;
  }
  write_notes();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void AdminService::look() {
  look_at_pauses();
  count_letters();
  look_at_ends();
  write_notes();
}

// A partition that stands still hears nothing of its log, and yet what piles up there is what an operator has to know.
void AdminService::look_at_ends() {
  std::vector<TopicPartition> standing;
  for (const auto& partition : observe_().partitions) {
    if (is_stopped(partition.state)) standing.push_back(partition.at);
  }
  auto ends = standing.empty() ? Ends{} : ask_ends_(standing);
  const std::lock_guard lock(mutex_);
  ends_ = std::move(ends);
}

void AdminService::look_now() {
  const std::lock_guard lock(mutex_);
  look_now_ = true;
  changed_.notify_all();
}

// Without an answer the lanes keep to what they were told last; before the first answer they claim nothing.
void AdminService::look_at_pauses() {
  const auto expired = admin_tables_.expire();
  if (expired) {
    for (const auto& pause : *expired) log::info(who, "the pause of {} has expired", pause.target);
  }
  auto pauses = admin_tables_.pauses();
  {
    const std::lock_guard lock(mutex_);
    postgres_trouble_ = pauses ? std::string() : pauses.error().message;
  }
  if (!pauses) {
    if (!std::exchange(trouble_told_, true))
      log::warning(who, "cannot read the pauses, the last known ones stay: {}", pauses.error().message);
    return;
  }
  if (std::exchange(trouble_told_, false)) log::info(who, "reads the pauses again");
  auto wanted = std::make_shared<const PauseRules>(*pauses);
  {
    const std::lock_guard lock(mutex_);
    pauses_ = std::move(*pauses);
  }
  if (obeyed_ && *obeyed_ == *wanted) return;
  for (const auto& target : wanted->unreadable())
    log::warning(who, "a row of the table pause has a target that pauses nothing: {}", target);
  obeyed_ = wanted;
  obey_(std::move(wanted));
}

void AdminService::count_letters() {
  const auto before = Steady::now();
  if (before < count_again_) return;
  const auto open = admin_tables_.open_letters();
  if (!open) return;
  const auto now = Steady::now();
  count_again_ = now + (now - before) * count_share;
  const std::lock_guard lock(mutex_);
  letters_open_ = *open;
}

void AdminService::write_notes() {
  for (;;) {
    AuditRow entry;
    {
      const std::lock_guard lock(mutex_);
      if (notes_.empty()) return;
      entry = std::move(notes_.front());
      notes_.pop_front();
    }
    if (const auto done = admin_tables_.record(entry); !done) to_log(entry, done.error().message);
  }
}

void AdminService::note(const AuditRow& entry) {
  {
    const std::lock_guard lock(mutex_);
    if (notes_.size() < notes_at_most) {
      notes_.push_back(entry);
      return;
    }
  }
  to_log(entry, "too many at once");
}

void AdminService::sample(const Snapshot& shot) {
  const auto now = Steady::now();
  std::int64_t records = 0;
  for (const auto& lane : shot.lanes) records += lane.records;
  const std::lock_guard lock(mutex_);
  const auto passed = std::chrono::duration<double>(now - sampled_).count();
  if (sampled_ != Steady::time_point{} && passed < 1) return;
  if (sampled_ != Steady::time_point{}) {
    rates_.push_back(static_cast<double>(records - sampled_records_) / passed);
    if (rates_.size() > rates_kept) rates_.pop_front();
  }
  sampled_ = now;
  sampled_records_ = records;
}

Snapshot AdminService::snapshot() const {
  auto shot = observe_();
  const std::lock_guard lock(mutex_);
  for (auto& partition : shot.partitions) {
    if (const auto found = ends_.find(partition.at); found != ends_.end())
      partition.end = std::max(partition.end, found->second);
  }
  shot.pauses = pauses_;
  shot.dead_letters_open = letters_open_;
  shot.postgres_trouble = postgres_trouble_;
  shot.applied_per_second.assign(rates_.begin(), rates_.end());
  return shot;
}

std::vector<std::string> AdminService::target_tables(const std::string& topic) {
  std::vector<std::string> found;
  if (auto table = route_tables_.by_configuration(topic)) found.push_back(std::move(*table));
  for (const auto& table : observe_().tables) {
    if (std::ranges::binary_search(table.topics, topic) && std::ranges::find(found, table.table) == found.end())
      found.push_back(table.table);
  }
  return found;
}

Result<bool> AdminService::pause(const Pause& pause) {
  auto done = admin_tables_.pause(pause);
  if (done && *done) look_now();
  return done;
}

Result<std::optional<Pause>> AdminService::resume(const std::string& target) {
  auto done = admin_tables_.resume(target);
  if (done && *done) look_now();
  return done;
}

Result<std::int64_t> AdminService::discard(const DeadLetterFilter& filter, const std::string& reason,
                                           const Caller& by) {
  return admin_tables_.discard(filter, reason.empty() ? fmt::format("discarded by {}", by.name)
                                                      : fmt::format("discarded by {}: {}", by.name, reason));
}

Result<std::vector<Replayed>> AdminService::replay(const DeadLetterFilter& filter, bool dry_run, bool force,
                                                   const Caller& by) {
  return replayer_.run(filter, dry_run, force, by);
}

Result<Explanation> AdminService::explain(const TopicPartition& at, Offset offset) {
  return runtime::explain(pipeline_, at, offset);
}

void AdminService::set_log_level(const std::string& level, std::optional<seconds> lasting) {
  log::set_level(level, lasting);
}

}  // namespace sluice::runtime

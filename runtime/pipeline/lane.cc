#include "runtime/pipeline/lane.h"

#include <poll.h>

#include <algorithm>
#include <random>

#include "base/failpoint.h"
#include "base/log.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t rows_min = 100, rows_max = 20000;  // contract: where `adaptive` may move batch.rows
// A transaction this long gains nothing by growing: what it costs to begin and to commit is already spread
// thin.
constexpr double long_enough_seconds = 0.03;
constexpr milliseconds frontier_linger{100};  // a range without records is no reason to hurry
constexpr milliseconds backoff_min{50},
    backoff_max{500};  // PostgreSQL's return is noticed within half a second
constexpr milliseconds idle_wait{500};

milliseconds jitter(int below_ms) {
  static thread_local std::minstd_rand random(std::random_device{}());
  return milliseconds(random() % static_cast<unsigned>(below_ms));
}

}  // namespace

Lane::Lane(int index, std::shared_ptr<const config::Pipeline> pipeline, sink::Identity identity,
           FloodMeter& floods, std::function<void(std::string)> fatal)
    : index_(index),
      who_(fmt::format("lane {}", index)),
      pipeline_(pipeline),
      floods_(floods),
      fatal_(std::move(fatal)),
      writer_(pipeline->postgres, std::move(identity)),
      catalogue_(pipeline->postgres),
      mapper_(pipeline),
      tables_fed_(*pipeline),
      target_rows_(static_cast<std::size_t>(pipeline->batch.rows)) {
  now_.lane = index;
  now_.commit_buckets.assign(std::size(commit_bounds) + 1, 0);
  shown_ = now_;
}

Lane::~Lane() {
  if (thread_.joinable()) thread_.join();
}

void Lane::start(listener::Listener& listener) {
  listener_ = &listener;
  round_ns_ = Clock::now().time_since_epoch().count();
  thread_ = std::thread(&Lane::run, this);
}

void Lane::give(listener::Partition& partition) {
  {
    const std::lock_guard lock(mutex_);
    given_.push_back(&partition);
  }
  ring();
}

void Lane::obey(std::shared_ptr<const Pauses> pauses) {
  {
    const std::lock_guard lock(mutex_);
    ordered_ = std::move(pauses);
  }
  ring();
}

void Lane::drain() {
  draining_ = true;
  ring();
}

bool Lane::join(Clock::time_point deadline) {
  while (!ended_ && Clock::now() < deadline) std::this_thread::sleep_for(milliseconds(5));
  if (!ended_) return false;
  if (thread_.joinable()) thread_.join();
  return true;
}

Tenure* Lane::tenure(const TopicPartition& at) {
  const auto found = tenures_.find(at);
  return found == tenures_.end() ? nullptr : &found->second;
}

void Lane::run() {
  while (!finished()) {
    round_ns_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    wake_.drain();
    take_messages();
    end_lost_tenures();
    if (writer_.busy()) {
      if (const auto result = writer_.poll()) settle(*result);
    }
    if (!writer_.busy()) act_when_idle();
    wait(collect());
  }
  writer_.close();
  collecting_.clear();
  flying_.clear();
  publish();
  ended_ = true;
}

// A drained lane has nothing collected and nothing under way; without PostgreSQL it gives up, which is safe.
bool Lane::finished() const {
  return draining_ && !writer_.busy() && (collecting_.empty() || !writer_.connected());
}

void Lane::take_messages() {
  std::vector<listener::Partition*> given;
  bool ordered = false;
  {
    const std::lock_guard lock(mutex_);
    given.swap(given_);
    ordered = pauses_ != ordered_;
    pauses_ = ordered_;
  }
  if (ordered) obey_pauses();
  for (auto* partition : given) {
    const auto assignment = partition->assignment();
    if (!partition->assigned()) continue;
    auto& tenure = tenures_[partition->at()];
    tenure = Tenure{};
    tenure.source = partition;
    tenure.assignment = assignment;
    partition->wake_through(wake_.fd());
    try_after_ = {};
    log::info(who_, "{}/{} assigned", partition->at().topic, partition->at().partition);
  }
}

// What was collected of a partition that is not ours any more must not be applied, and a batch has no part
// that could be taken out: drop it, and claim the other partitions in it again.
void Lane::end_lost_tenures() {
  bool drop = false;
  for (auto it = tenures_.begin(); it != tenures_.end();) {
    if (!it->second.over()) {
      ++it;
      continue;
    }
    log::info(who_, "{}/{} taken away at {}", it->first.topic, it->first.partition, it->second.claim.next);
    drop = drop || collecting_.holds(it->second.at());
    FAULT_POINT("after_revoke");
    it = tenures_.erase(it);
  }
  if (!drop || SEEDED_BUG("keep_after_revoke")) return;
  for (auto& [at, held] : tenures_) {
    if (held.phase == Phase::streaming && collecting_.holds(held.at())) held.phase = Phase::claiming;
  }
  mapper_.take();
  collecting_.clear();
}

void Lane::act_when_idle() {
  const auto now = Clock::now();
  if (now < try_after_) return;
  if (tenures_.empty() && collecting_.empty()) return;
  if (!writer_.connected()) {
    if (auto done = writer_.connect(); !done) {
      // Whatever the reason, a password included: there is nothing to do but to try again until somebody
      // mends it.
      if (done.error().next != ErrorClass::stop_service) done.error().next = ErrorClass::reclaim;
      decide(done.error());
      return;
    }
    if (std::exchange(was_connected_, true)) log::info(who_, "connected to PostgreSQL again");
    backoff_ = milliseconds(0);
  }
  SEEDED_BUG_DOES("blind_resend", if (resend()) return);
  if (due()) {
    submit();
  } else {
    claim_what_waits();
  }
}

// Due by rows, bytes, age or drain, and at once where a partition waits for its collected part to be applied.
// An idle lane under light load does not let its first record wait: company would come anyway while the
// transaction runs.
bool Lane::due() const {
  if (collecting_.empty()) return false;
  if (draining_ || full() || !suspects_.empty()) return true;
  for (const auto& [at, held] : tenures_) {
    if (held.phase != Phase::streaming && collecting_.holds(held.at())) return true;
  }
  const auto age = Clock::now() - collecting_.since();
  if (collecting_.records() == 0) return age >= frontier_linger;
  const bool light = pipeline_->batch.adaptive && last_rows_ < rows_min;
  return light || age >= pipeline_->batch.linger;
}

void Lane::submit() {
  was_full_ = full();
  flying_ = std::move(collecting_);
  collecting_.clear();
  flying_.seal(mapper_.take());
  if (flying_.empty()) {
    flying_.clear();
    return;
  }
  SEEDED_BUG_DOES("keep_after_revoke", claim_for(flying_));
  submitted_ = Clock::now();
  writer_.submit(flying_.changes(), flying_.all_records(), flying_.ranges());
}

void Lane::settle(const Result<void>& result) {
  isolated_.reset();
  if (result) return committed();
  if (result.error().next != ErrorClass::reject) return decide(result.error());
  log::info(who_, "a batch of {} records was refused ({} {}), looking for the record", flying_.records(),
            result.error().sqlstate, result.error().message);
  ++now_.rejects;
  if (const auto done = isolate(flying_); !done) return decide(done.error());
  committed();
}

void Lane::committed() {
  const auto seconds = std::chrono::duration<double>(Clock::now() - submitted_).count();
  ++now_.batches;
  if (!isolated_) isolated_.emplace().add(flying_.changes(), flying_.all_records());
  tables_.add_committed(*std::exchange(isolated_, std::nullopt), WallClock::now());
  tables_changed_ = true;
  now_.records += static_cast<std::int64_t>(flying_.records());
  now_.rows += static_cast<std::int64_t>(flying_.changes().rows);
  now_.bytes += static_cast<std::int64_t>(flying_.bytes());
  now_.commit_seconds += seconds;
  const auto* bound = std::lower_bound(std::begin(commit_bounds), std::end(commit_bounds), seconds);
  ++now_.commit_buckets[static_cast<std::size_t>(bound - std::begin(commit_bounds))];
  for (const auto& range : flying_.ranges()) {
    auto* held = tenure(*range.at);
    if (held == nullptr || held->claim.epoch != range.epoch) continue;
    auto& claim = held->claim;
    claim.next = range.to;
    claim.applied += range.applied;
    claim.folded += range.folded;
    claim.skipped += range.skipped;
    claim.dead += range.dead;
    claim.gaps += range.gaps;
    if (range.dead > 0) {
      log::warning(who_, "{}/{}: {} dead letters in offsets {} to {}", range.at->topic, range.at->partition,
                   range.dead, range.from, range.to - 1);
    }
  }
  if (!suspects_.empty() && flying_.holds(*suspects_.front())) suspects_.pop_front();
  backoff_ = milliseconds(0);
  last_rows_ = flying_.records();
  if (pipeline_->batch.adaptive) {
    // Memory: all lanes together keep to the bytes that one batch may have.
    const bool has_room =
        flying_.bytes() * 2 * static_cast<std::size_t>(pipeline_->postgres.lanes) <= pipeline_->batch.bytes;
    if (was_full_ && has_room && seconds < long_enough_seconds)
      target_rows_ = std::min(target_rows_ * 2, rows_max);
    if (last_rows_ < target_rows_ / 2) target_rows_ = std::max(target_rows_ / 2, rows_min);
  }
  flying_.clear();
}

// The one place that decides on errors.
void Lane::decide(const Error& error) {
  now_.last_error =
      error.sqlstate.empty() ? error.message : fmt::format("{} {}", error.sqlstate, error.message);
  switch (error.next) {
    case ErrorClass::retry:
    case ErrorClass::reject:  // only a statement that is not a row's fault comes here as `reject`
      ++now_.retries;
      log::warning(who_, "will try again: {}", now_.last_error);
      return recover(std::clamp(backoff_ * 2, backoff_min, backoff_max));
    case ErrorClass::reclaim:
      ++now_.reclaims;
      if (backoff_ == milliseconds(0))
        log::warning(who_, "lost PostgreSQL, will claim again: {}", now_.last_error);
      SEEDED_BUG_DOES("blind_resend", if (!flying_.empty()) resend_ = std::move(flying_));
      writer_.close();
      return recover(std::clamp(backoff_ * 2, backoff_min, backoff_max));
    case ErrorClass::fenced:
      ++now_.fenced;
      log::warning(who_, "fenced, will claim again: {}", now_.last_error);
      return recover(backoff_min + jitter(50));
    case ErrorClass::stop_partition:
      if (!flying_.empty()) return schema_trouble(error);
      ++now_.retries;  // Sluice's own tables are in trouble, no partition's
      log::warning(who_, "will try again: {}", now_.last_error);
      return recover(std::clamp(backoff_ * 2, backoff_min, backoff_max));
    case ErrorClass::stop_service:
      log::error(who_, "cannot go on: {}", now_.last_error);
      recover(backoff_max);
      return fatal_(now_.last_error);
  }
}

// The one recovery path: nothing in memory survives, every partition is claimed again.
void Lane::recover(milliseconds pause) {
  mapper_.take();
  collecting_.clear();
  flying_.clear();
  if (writer_.connected() && !writer_.busy()) writer_.rollback();
  for (auto& [at, held] : tenures_) {
    if (held.phase == Phase::stopped) continue;
    held.phase = Phase::claiming;
    held.state = "claiming";
  }
  backoff_ = pause;
  try_after_ = Clock::now() + pause;
}

// A statement failed for a reason that is no record's fault, though the catalogue looked right when it was
// read. Read it again and apply one partition a time: the one that fails again stops.
void Lane::schema_trouble(const Error& error) {
  mapper_.forget_tables();
  if (suspects_.empty()) {
    for (const auto& range : flying_.ranges()) suspects_.push_back(range.at);
    log::warning(who_, "reading the catalogue again: {}", now_.last_error);
    return recover(backoff_min);
  }
  auto* held = tenure(*suspects_.front());
  suspects_.pop_front();
  recover(backoff_min);
  if (held != nullptr) stop(*held, "schema", now_.last_error.empty() ? error.message : now_.last_error);
}

void Lane::wait(bool polled) {
  const auto now = Clock::now();
  auto until = now + idle_wait;
  const auto sooner = [&](Clock::time_point at) { until = std::min(until, std::max(at, now)); };
  if (!writer_.busy()) {
    if (!collecting_.empty()) {
      sooner(std::max(
          try_after_,
          collecting_.since() + (collecting_.records() == 0 ? frontier_linger : pipeline_->batch.linger)));
    }
    for (const auto& [at, held] : tenures_) {
      if (pauses_ && (held.phase == Phase::claiming || held.phase == Phase::stopping))
        sooner(std::max(try_after_, held.look_again));
      if (held.phase == Phase::stopped) sooner(held.look_again);
    }
    if (now >= try_after_ && due()) until = now;
  }
  if (polled) until = now;
  if (until > now) publish();
  pollfd fds[2] = {{wake_.fd(), POLLIN, 0},
                   {writer_.busy() ? writer_.socket() : -1,
                    static_cast<short>(writer_.wants_write() ? POLLIN | POLLOUT : POLLIN), 0}};
  if (full()) fds[0].fd = -1;  // more records would only wake us to be left where they are
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(until - now).count();
  if (left <= 0 && !writer_.busy()) return;
  ::poll(fds, 2, static_cast<int>((left + 999) / 1000));
}

void Lane::publish() {
  std::vector<PartitionSnapshot> partitions;
  partitions.reserve(tenures_.size());
  for (const auto& [at, held] : tenures_) {
    const auto& claim = held.claim;
    partitions.push_back({at, index_, held.state, held.reason, claim.epoch, claim.start, claim.next,
                          held.source->known_end(), claim.applied, claim.folded, claim.skipped, claim.dead,
                          claim.gaps});
  }
  now_.connected = writer_.connected();
  const std::lock_guard lock(mutex_);
  shown_ = now_;
  shown_partitions_ = std::move(partitions);
  if (std::exchange(tables_changed_, false)) shown_tables_ = tables_;
}

LaneSnapshot Lane::snapshot(std::vector<PartitionSnapshot>& partitions, TableCounts& tables) const {
  const std::lock_guard lock(mutex_);
  tables.merge(shown_tables_);
  partitions.insert(partitions.end(), shown_partitions_.begin(), shown_partitions_.end());
  auto shown = shown_;
  const auto round = Clock::time_point(Clock::duration(round_ns_.load(std::memory_order_relaxed)));
  shown.seconds_since_progress = std::chrono::duration<double>(Clock::now() - round).count();
  return shown;
}

}  // namespace sluice::runtime

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
// A transaction this long gains nothing by growing: what it costs to begin and to commit is already spread thin.
constexpr double long_enough_seconds = 0.03;
constexpr milliseconds frontier_linger{100};               // a range without records is no reason to hurry
constexpr milliseconds backoff_min{50}, backoff_max{500};  // PostgreSQL's return is noticed within half a second
constexpr milliseconds idle_wait{500};

milliseconds jitter(int below_ms) {
  static thread_local std::minstd_rand random(std::random_device{}());
  return milliseconds(random() % static_cast<unsigned>(below_ms));
}

}  // namespace

Lane::Lane(int index, std::shared_ptr<const config::Pipeline> pipeline, sink::Identity identity,
           DeadLetterLimit& dead_letter_limit, std::function<void(std::string)> fatal)
    : index_(index),
      log_prefix_(fmt::format("lane {}", index)),
      pipeline_(pipeline),
      dead_letter_limit_(dead_letter_limit),
      fatal_(std::move(fatal)),
      writer_(pipeline->postgres, std::move(identity)),
      catalogue_(pipeline->postgres),
      mapper_(pipeline),
      route_tables_(*pipeline),
      target_rows_(static_cast<std::size_t>(pipeline->batch.rows)) {
  stats_.lane = index;
  stats_.commit_buckets.assign(std::size(commit_bounds) + 1, 0);
  published_ = stats_;
}

Lane::~Lane() {
  if (thread_.joinable()) thread_.join();
}

void Lane::start(listener::Consumer& listener) {
  consumer_ = &listener;
  last_loop_ns_ = Clock::now().time_since_epoch().count();
  thread_ = std::thread(&Lane::run, this);
}

void Lane::assign(listener::Partition& partition) {
  {
    const std::lock_guard lock(mutex_);
    given_.push_back(&partition);
  }
  wake();
}

void Lane::set_pauses(std::shared_ptr<const PauseRules> pauses) {
  {
    const std::lock_guard lock(mutex_);
    requested_pauses_ = std::move(pauses);
  }
  wake();
}

void Lane::drain() {
  draining_ = true;
  wake();
}

bool Lane::join(Clock::time_point deadline) {
  while (!ended_ && Clock::now() < deadline) std::this_thread::sleep_for(milliseconds(5));
  if (!ended_) return false;
  if (thread_.joinable()) thread_.join();
  return true;
}

Assignment* Lane::assignment(const TopicPartition& at) {
  const auto found = assignments_.find(at);
  return found == assignments_.end() ? nullptr : &found->second;
}

void Lane::run() {
  while (!finished()) {
    last_loop_ns_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    wake_.drain();
    take_messages();
    end_lost_assignments();
    if (writer_.busy()) {
      if (const auto result = writer_.poll()) on_result(*result);
    }
    if (!writer_.busy()) act_when_idle();
    wait(collect());
  }
  writer_.close();
  collecting_.clear();
  in_flight_.clear();
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
    ordered = pauses_ != requested_pauses_;
    pauses_ = requested_pauses_;
  }
  if (ordered) apply_pauses();
  for (auto* partition : given) {
    const auto assignment_id = partition->assignment_id();
    if (!partition->assigned()) continue;
    auto& assignment = assignments_[partition->at()];
    assignment = Assignment{};
    assignment.source = partition;
    assignment.assignment_id = assignment_id;
    partition->wake_through(wake_.fd());
    try_after_ = {};
    log::info(log_prefix_, "{}/{} assigned", partition->at().topic, partition->at().partition);
  }
}

// What was collected of a partition that is not ours any more must not be applied, and a batch has no part that could
// be taken out: drop it, and claim the other partitions in it again.
void Lane::end_lost_assignments() {
  bool drop = false;
  for (auto it = assignments_.begin(); it != assignments_.end();) {
    if (!it->second.over()) {
      ++it;
      continue;
    }
    log::info(log_prefix_, "{}/{} taken away at {}", it->first.topic, it->first.partition, it->second.claim.next);
    drop = drop || collecting_.holds(it->second.at());
    FAILPOINT("after_revoke");
    it = assignments_.erase(it);
  }
  if (!drop || SEEDED_BUG("keep_after_revoke")) return;
  for (auto& [at, held] : assignments_) {
    if (held.phase == Phase::streaming && collecting_.holds(held.at())) held.phase = Phase::claiming;
  }
  collecting_.clear();
}

void Lane::act_when_idle() {
  const auto now = Clock::now();
  if (now < try_after_) return;
  if (assignments_.empty() && collecting_.empty()) return;
  if (!writer_.connected()) {
    if (auto done = writer_.connect(); !done) {
      // Whatever the reason, a password included: there is nothing to do but to try again until somebody mends it.
      if (done.error().next != ErrorClass::stop_service) done.error().next = ErrorClass::reclaim;
      handle_error(done.error());
      return;
    }
    if (std::exchange(was_connected_, true)) log::info(log_prefix_, "connected to PostgreSQL again");
    backoff_ = milliseconds(0);
  }
  SEEDED_BUG_DOES("blind_resend", if (resend()) return);
  if (due()) {
    submit();
  } else {
    claim_what_waits();
  }
}

// Due by rows, bytes, age or drain, and at once where a partition waits for its collected part to be applied. An idle
// lane under light load does not let its first record wait: company would come anyway while the transaction runs.
bool Lane::due() const {
  if (collecting_.empty()) return false;
  if (draining_ || full() || !suspect_partitions_.empty()) return true;
  for (const auto& [at, held] : assignments_) {
    if (held.phase != Phase::streaming && collecting_.holds(held.at())) return true;
  }
  const auto age = Clock::now() - collecting_.since();
  if (collecting_.records() == 0) return age >= frontier_linger;
  const bool light = pipeline_->batch.adaptive && last_rows_ < rows_min;
  return light || age >= pipeline_->batch.linger;
}

void Lane::submit() {
  was_full_ = full();
  in_flight_ = std::move(collecting_);
  collecting_.clear();
  in_flight_.seal();
  if (in_flight_.empty()) {
    in_flight_.clear();
    return;
  }
  SEEDED_BUG_DOES("keep_after_revoke", claim_for(in_flight_));
  submitted_ = Clock::now();
  writer_.submit(in_flight_.changes(), in_flight_.all_records(), in_flight_.ranges());
}

void Lane::on_result(const Result<void>& result) {
  bisected_.reset();
  if (result) return committed();
  if (result.error().next != ErrorClass::reject) return handle_error(result.error());
  log::info(log_prefix_, "a batch of {} records was refused ({} {}), looking for the record", in_flight_.records(),
            result.error().sqlstate, result.error().message);
  ++stats_.rejects;
  if (const auto done = bisect(in_flight_); !done) return handle_error(done.error());
  committed();
}

void Lane::committed() {
  const auto seconds = std::chrono::duration<double>(Clock::now() - submitted_).count();
  ++stats_.batches;
  if (!bisected_) bisected_.emplace().add(in_flight_.changes(), in_flight_.all_records());
  tables_.add_committed(*std::exchange(bisected_, std::nullopt), WallClock::now());
  tables_changed_ = true;
  stats_.records += static_cast<std::int64_t>(in_flight_.records());
  stats_.rows += static_cast<std::int64_t>(in_flight_.changes().rows);
  stats_.bytes += static_cast<std::int64_t>(in_flight_.bytes());
  stats_.commit_seconds += seconds;
  const auto* bound = std::lower_bound(std::begin(commit_bounds), std::end(commit_bounds), seconds);
  ++stats_.commit_buckets[static_cast<std::size_t>(bound - std::begin(commit_bounds))];
  for (const auto& range : in_flight_.ranges()) {
    auto* held = assignment(*range.at);
    if (held == nullptr || held->claim.epoch != range.epoch) continue;
    auto& claim = held->claim;
    claim.next = range.to;
    claim.counts += range.counts;
    if (range.counts.dead > 0) {
      log::warning(log_prefix_, "{}/{}: {} dead letters in offsets {} to {}", range.at->topic, range.at->partition,
                   range.counts.dead, range.from, range.to - 1);
    }
  }
  if (!suspect_partitions_.empty() && in_flight_.holds(*suspect_partitions_.front())) suspect_partitions_.pop_front();
  backoff_ = milliseconds(0);
  last_rows_ = in_flight_.records();
  if (pipeline_->batch.adaptive) {
    // Memory: all lanes together keep to the bytes that one batch may have.
    const bool has_room =
        in_flight_.bytes() * 2 * static_cast<std::size_t>(pipeline_->postgres.lanes) <= pipeline_->batch.bytes;
    if (was_full_ && has_room && seconds < long_enough_seconds) target_rows_ = std::min(target_rows_ * 2, rows_max);
    if (last_rows_ < target_rows_ / 2) target_rows_ = std::max(target_rows_ / 2, rows_min);
  }
  in_flight_.clear();
}

// The one place that decides on errors.
void Lane::handle_error(const Error& error) {
  stats_.last_error = error.sqlstate.empty() ? error.message : fmt::format("{} {}", error.sqlstate, error.message);
  switch (error.next) {
    case ErrorClass::retry:
    case ErrorClass::reject:  // only a statement that is not a row's fault comes here as `reject`
      ++stats_.retries;
      log::warning(log_prefix_, "will try again: {}", stats_.last_error);
      return recover(std::clamp(backoff_ * 2, backoff_min, backoff_max));
    case ErrorClass::reclaim:
      ++stats_.reclaims;
      if (backoff_ == milliseconds(0))
        log::warning(log_prefix_, "lost PostgreSQL, will claim again: {}", stats_.last_error);
      SEEDED_BUG_DOES("blind_resend", if (!in_flight_.empty()) resend_ = std::move(in_flight_));
      writer_.close();
      return recover(std::clamp(backoff_ * 2, backoff_min, backoff_max));
    case ErrorClass::fenced:
      ++stats_.fenced;
      log::warning(log_prefix_, "fenced, will claim again: {}", stats_.last_error);
      return recover(backoff_min + jitter(50));
    case ErrorClass::stop_partition:
      if (!in_flight_.empty()) return schema_trouble(error);
      ++stats_.retries;  // Sluice's own tables are in broker_error, no partition's
      log::warning(log_prefix_, "will try again: {}", stats_.last_error);
      return recover(std::clamp(backoff_ * 2, backoff_min, backoff_max));
    case ErrorClass::stop_service:
      log::error(log_prefix_, "cannot go on: {}", stats_.last_error);
      recover(backoff_max);
      return fatal_(stats_.last_error);
  }
}

// The one recovery path: nothing in memory survives, every partition is claimed again.
void Lane::recover(milliseconds pause) {
  collecting_.clear();
  in_flight_.clear();
  if (writer_.connected() && !writer_.busy()) writer_.rollback();
  for (auto& [at, held] : assignments_) {
    if (held.phase == Phase::stopped) continue;
    held.phase = Phase::claiming;
    held.state = PartitionState::claiming;
  }
  backoff_ = pause;
  try_after_ = Clock::now() + pause;
}

// A statement failed for a reason that is no record's fault, though the catalogue looked right when it was read. Read
// it again and apply one partition a time: the one that fails again stops.
void Lane::schema_trouble(const Error& error) {
  mapper_.invalidate_tables();
  if (suspect_partitions_.empty()) {
    for (const auto& range : in_flight_.ranges()) suspect_partitions_.push_back(range.at);
    log::warning(log_prefix_, "reading the catalogue again: {}", stats_.last_error);
    return recover(backoff_min);
  }
  auto* held = assignment(*suspect_partitions_.front());
  suspect_partitions_.pop_front();
  recover(backoff_min);
  if (held != nullptr)
    stop(*held, PartitionState::schema, stats_.last_error.empty() ? error.message : stats_.last_error);
}

void Lane::wait(bool polled) {
  const auto now = Clock::now();
  auto until = now + idle_wait;
  const auto sooner = [&](Clock::time_point at) { until = std::min(until, std::max(at, now)); };
  if (!writer_.busy()) {
    if (!collecting_.empty()) {
      sooner(std::max(try_after_,
                      collecting_.since() + (collecting_.records() == 0 ? frontier_linger : pipeline_->batch.linger)));
    }
    for (const auto& [at, held] : assignments_) {
      if (pauses_ && (held.phase == Phase::claiming || held.phase == Phase::stopping))
        sooner(std::max(try_after_, held.recheck_at));
      if (held.phase == Phase::stopped) sooner(held.recheck_at);
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
  partitions.reserve(assignments_.size());
  for (const auto& [at, held] : assignments_) {
    const auto& claim = held.claim;
    partitions.push_back({at, index_, held.state, held.reason, claim.epoch, claim.start, claim.next,
                          held.source->known_end(), claim.counts});
  }
  stats_.connected = writer_.connected();
  const std::lock_guard lock(mutex_);
  published_ = stats_;
  published_partitions_ = std::move(partitions);
  if (std::exchange(tables_changed_, false)) published_tables_ = tables_;
}

LaneSnapshot Lane::snapshot(std::vector<PartitionSnapshot>& partitions, TableStats& tables) const {
  const std::lock_guard lock(mutex_);
  tables.merge(published_tables_);
  partitions.insert(partitions.end(), published_partitions_.begin(), published_partitions_.end());
  auto shown = published_;
  const auto round = Clock::time_point(Clock::duration(last_loop_ns_.load(std::memory_order_relaxed)));
  shown.seconds_since_progress = std::chrono::duration<double>(Clock::now() - round).count();
  return shown;
}

}  // namespace sluice::runtime

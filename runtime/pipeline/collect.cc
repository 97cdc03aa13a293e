// The lane's reading half: polls its partitions' queues in turn and maps what comes.

#include "base/log.h"
#include "runtime/pipeline/lane.h"

namespace sluice::runtime {
namespace {

constexpr int turn = 128;               // records of one partition before the next has its turn
constexpr std::size_t round_max = 512;  // records before the writer is looked after again
constexpr std::chrono::seconds recheck_after{3};

}  // namespace

bool Lane::full() const {
  return collecting_.records() >= target_rows_ || collecting_.bytes() >= pipeline_->batch.bytes;
}

// True when something was polled and there may be more.
bool Lane::collect() {
  if (draining_ || full() || assignments_.empty()) return false;
  const auto before = collecting_.records();
  bool any = false;
  auto it = assignments_.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(next_assignment_++ % assignments_.size()));
  for (std::size_t n = assignments_.size(); n > 0 && !full(); --n) {
    any = collect_from(it->second) || any;
    if (++it == assignments_.end()) it = assignments_.begin();
    if (collecting_.records() - before >= round_max) break;
  }
  return any && !full();
}

bool Lane::collect_from(Assignment& assignment) {
  if (!suspect_partitions_.empty()) {
    auto* first = this->assignment(*suspect_partitions_.front());
    if (first == nullptr || first->phase == Phase::stopped) suspect_partitions_.pop_front();
    if (first != &assignment) return false;
  }
  bool any = false;
  for (int i = 0; i < turn && assignment.phase == Phase::streaming && !full(); ++i) {
    auto event = assignment.source->poll();
    if (std::holds_alternative<std::monostate>(event)) break;
    if (assignment.over()) return true;
    any = true;
    if (auto* record = std::get_if<Record>(&event)) {
      on_record(assignment, std::move(*record));
    } else if (const auto* end = std::get_if<listener::EndOfPartition>(&event)) {
      on_end(assignment, end->next);
    } else if (std::holds_alternative<listener::OutOfRange>(event)) {
      log::warning(log_prefix_, "{}/{}: the broker does not have offset {}", assignment.at().topic,
                   assignment.at().partition, assignment.expected);
      assignment.phase = Phase::claiming;  // which compares the pointer with the log's first and last offset
    } else if (const auto* broker_error = std::get_if<listener::BrokerError>(&event)) {
      log::warning(log_prefix_, "{}", broker_error->message);
    }
  }
  return any;
}

// Handles a record that is not new: the anchor, or a duplicate. Also an unproven gap. True if the record is done with.
bool Lane::known_before(Assignment& assignment, const Record& record) {
  if (record.offset < assignment.expected) {
    if (record.offset != assignment.anchor) {
      ++stats_.duplicates_dropped;
    } else if (fingerprint(record) != assignment.claim.anchor_crc ||
               record.timestamp_ms != assignment.claim.anchor_timestamp_ms) {
      stop(assignment, PartitionState::log_changed,
           fmt::format("offset {} is not the record that was applied: the topic was created anew or truncated",
                       record.offset));
    }
    assignment.anchor = -1;
    assignment.gap_confirmed = true;
    return true;
  }
  assignment.anchor = -1;
  if (record.offset > assignment.expected && !assignment.gap_confirmed) {
    assignment.gap_confirmed = true;
    if (const auto done = assignment.source->start_at(assignment.expected); !done) assignment.phase = Phase::claiming;
    return true;
  }
  assignment.gap_confirmed = true;
  return false;
}

void Lane::on_record(Assignment& assignment, Record record) {
  if (known_before(assignment, record)) return;
  if (!map(assignment, record)) return;
  const auto& changes = collecting_.changes();
  const bool dead = changes.outcomes.back() == Outcome::dead;
  if (dead && must_stop(assignment, changes.dead.back())) {
    collecting_.add_excluded(std::move(record));
    return;
  }
  collecting_.extend(assignment.claim, assignment.expected, record.offset + 1, Clock::now());
  assignment.expected = record.offset + 1;
  collecting_.add(std::move(record));
}

// The log ends at `next` for a reader of committed records: what lies between has no record, now or later.
void Lane::on_end(Assignment& assignment, Offset next) {
  if (next <= assignment.expected) return;
  if (!assignment.gap_confirmed) {
    assignment.gap_confirmed = true;
    if (const auto done = assignment.source->start_at(assignment.expected); !done) assignment.phase = Phase::claiming;
    return;
  }
  collecting_.extend(assignment.claim, assignment.expected, next, Clock::now());
  assignment.expected = next;
}

// Maps the record into the batch; false if that has to wait and the record will be read again.
bool Lane::map(Assignment& assignment, const Record& record) {
  const auto mapped = map_record(mapper_, record, collecting_.set(), catalogue_);
  if (mapped) return true;
  const auto& [blocked, error] = mapped.error();
  if (error.next == ErrorClass::stop_service) {
    fatal_(error.message);
    assignment.phase = Phase::claiming;
    assignment.recheck_at = Clock::now() + recheck_after;
  } else if (std::holds_alternative<mapping::TablePaused>(blocked)) {
    stop(assignment, PartitionState::paused, error.message);
  } else if (error.next == ErrorClass::stop_partition) {
    assignment.wanted = std::get<mapping::Wanted>(blocked);
    stop(assignment, PartitionState::schema, error.message);
  } else {
    stats_.last_error = error.message;
    log::warning(log_prefix_, "cannot look at a table: {}", stats_.last_error);
    assignment.phase = Phase::claiming;
    assignment.recheck_at = Clock::now() + std::chrono::milliseconds(200);
  }
  return false;
}

bool Lane::must_stop(Assignment& assignment, const DeadLetter& letter) {
  const auto* route = mapper_.route(assignment.at().topic);
  if (route == nullptr) return false;
  if (route->on_error == config::OnError::stop) {
    stop(assignment, PartitionState::poison, fmt::format("offset {}: {}", assignment.expected, letter.reason));
    return true;
  }
  if (!dead_letter_limit_.admit(*route, Clock::now())) {
    stop(assignment, PartitionState::poison,
         fmt::format("more than {} dead letters a minute; the last, at offset {}: {}", route->max_dead_letters,
                     assignment.expected, letter.reason));
    return true;
  }
  return false;
}

// The partition takes nothing more; once its collected part is applied, the state is written to its pointer row.
void Lane::stop(Assignment& assignment, PartitionState state, std::string reason) {
  const auto said = fmt::format("{}/{} stops at {} with state {}: {}", assignment.at().topic, assignment.at().partition,
                                assignment.expected, name(state), reason);
  const auto level = state == PartitionState::paused ? log::Level::info : log::Level::error;
  if (log::enabled(level)) log::write(level, log_prefix_, said);
  assignment.phase = Phase::stopping;
  assignment.state = state;
  assignment.reason = std::move(reason);
  assignment.recheck_at = Clock::now() + recheck_after;
  assignment.source->pause();
}

}  // namespace sluice::runtime

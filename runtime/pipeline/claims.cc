// The lane's claiming half: from an assigned partition to a claimed one that streams, or that stands still with a
// state.

#include "base/failpoint.h"
#include "base/log.h"
#include "runtime/pipeline/lane.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds watermark_timeout{2000};
constexpr milliseconds watermarks_timeout{500};  // of many: without an answer each is asked for by itself
constexpr milliseconds retry_after{100};
constexpr std::chrono::seconds recheck_after{3};

}  // namespace

// With an idle writer and nothing of the partition collected: claims what waits, records why a partition stopped, and
// looks again at those that stand still.
void Lane::claim_what_waits() {
  const auto now = Clock::now();
  const auto known = marks_of_waiting();
  for (auto& [at, held] : assignments_) {
    if (held.over() || collecting_.holds(held.at()) || !pauses_) continue;
    if (held.phase == Phase::stopping) {
      if (const auto done = record_stop(held); !done) return handle_error(done.error());
    } else if (now < held.recheck_at) {
      continue;
    } else if (held.phase == Phase::stopped) {
      recheck(held);
    }
    if (held.phase != Phase::claiming || now < held.recheck_at) continue;
    if (const auto done = claim(held, known); !done) {
      const auto& error = done.error();
      held.recheck_at = Clock::now() + retry_after;
      if (error.next != ErrorClass::retry) return handle_error(error);
      ++stats_.retries;
      held.reason = error.message;
      log::info(log_prefix_, "{}/{} not claimed yet: {}", at.topic, at.partition, error.message);
    }
    if (Clock::now() - now > milliseconds(500)) return;  // the loop has other work, the rest comes next round
  }
}

Result<void> Lane::record_stop(Assignment& assignment) {
  if (assignment.claim.epoch > 0) {
    if (auto done = writer_.set_state(assignment.claim, assignment.state, assignment.reason); !done) return done;
  }
  assignment.phase = Phase::stopped;
  if (assignment.state == PartitionState::paused)
    assignment.recheck_at = Clock::time_point::max();  // until apply_pauses() says so
  return {};
}

// Nobody resumes into a lane's hands: it learns here that its partitions may stream, or must not.
void Lane::apply_pauses() {
  for (auto& [at, held] : assignments_) {
    const auto reason = paused(at);
    const bool stands = held.state == PartitionState::paused && held.phase != Phase::claiming;
    if (held.phase == Phase::streaming && reason) {
      stop(held, PartitionState::paused, *reason);
      held.recheck_at = {};
    } else if (stands && reason && *reason != held.reason) {
      held.reason = *reason;
      held.phase = Phase::stopping;
    } else if (stands && !reason) {
      log::info(log_prefix_, "{}/{} goes on", at.topic, at.partition);
      held.phase = Phase::claiming;
      held.recheck_at = {};
    }
  }
}

std::optional<std::string> Lane::paused(const TopicPartition& at) const {
  auto tables = tables_.fed_by(at.topic);
  if (auto table = route_tables_.by_configuration(at.topic)) tables.push_back(std::move(*table));
  return pauses_->reason(at, tables);
}

void Lane::recheck(Assignment& assignment) {
  assignment.recheck_at = Clock::now() + recheck_after;
  if (assignment.wanted) {
    if (const auto done = resolve(*assignment.wanted, mapper_, catalogue_); !done) {
      assignment.reason = done.error().message;
      return;
    }
    assignment.wanted.reset();
    log::info(log_prefix_, "{}/{}: what was missing is there now", assignment.at().topic, assignment.at().partition);
  }
  assignment.phase = Phase::claiming;
  assignment.recheck_at = {};
}

// Asked for all at once; a single one is asked for by claim() itself.
Lane::Marks Lane::marks_of_waiting() const {
  std::vector<TopicPartition> waiting;
  const auto now = Clock::now();
  for (const auto& [at, held] : assignments_) {
    if (held.phase == Phase::claiming && now >= held.recheck_at && !held.over()) waiting.push_back(at);
  }
  return waiting.size() > 1 ? consumer_->watermarks(waiting, watermarks_timeout) : Marks{};
}

Result<void> Lane::claim(Assignment& assignment, const Marks& known) {
  const auto& at = assignment.at();
  const auto found = known.find(at);
  const auto marks = found != known.end() ? Result<listener::Watermarks>(found->second)
                                          : assignment.source->watermarks(watermark_timeout);
  if (!marks) return std::unexpected(marks.error());
  const auto first = first_offset(at, *marks);
  if (!first) {
    if (first.error().next != ErrorClass::stop_partition) return std::unexpected(first.error());
    if (assignment.state != PartitionState::ok && assignment.reason != first.error().message)
      log::error(log_prefix_, "{}", first.error().message);
    assignment.reason = first.error().message;
    assignment.phase = Phase::stopped;
    assignment.recheck_at = Clock::now() + recheck_after;
    return {};
  }
  const sink::ClaimRequest request{&at, *first};
  auto claims = writer_.claim({&request, 1});
  if (!claims) return std::unexpected(claims.error());
  auto& claimed = claims->front();
  if (!claimed) return fail(ErrorClass::retry, "another transaction holds the pointer row");
  ++stats_.claims;
  assignment.claim = std::move(*claimed);
  assignment.claim.at = &at;
  assignment.expected = assignment.claim.next;
  SEEDED_BUG_DOES("seek_to_committed", if (auto done = trust_kafka(assignment); !done) return done);
  const auto still = stands_still(assignment);
  if (!still) return std::unexpected(still.error());
  if (*still) return {};
  if (assignment.claim.next >= marks->low && assignment.claim.next <= marks->high) return begin_at(assignment, *marks);
  // Asked before the claim, and this thread may have been frozen in between while another instance went on: a verdict
  // on the log needs its ends as they are now.
  const auto fresh = assignment.source->watermarks(watermark_timeout);
  if (!fresh) return std::unexpected(fresh.error());
  return begin_at(assignment, *fresh);
}

// Whether the state found by the claim, or a pause, keeps the partition from streaming.
Result<bool> Lane::stands_still(Assignment& assignment) {
  const auto& at = assignment.at();
  auto& claim = assignment.claim;
  if (claim.state == PartitionState::ok || info(claim.state).heals) {
    if (auto reason = paused(at)) {
      assignment.state = PartitionState::paused;
      assignment.reason = std::move(*reason);
      assignment.phase = Phase::stopping;
      log::info(log_prefix_, "{}/{} stands at {}: {}", at.topic, at.partition, claim.next, assignment.reason);
      if (claim.state != PartitionState::paused || claim.state_reason != assignment.reason) return true;
      assignment.phase = Phase::stopped;
      assignment.recheck_at = Clock::time_point::max();
      return true;
    }
    if (claim.state == PartitionState::ok) return false;
    if (auto done = writer_.set_state(claim, PartitionState::ok, ""); !done) return std::unexpected(done.error());
    claim.state = PartitionState::ok;
    return false;
  }
  if (assignment.state != claim.state) {
    log::warning(log_prefix_, "{}/{} stands at {} with state {}: {}", at.topic, at.partition, claim.next, claim.state,
                 claim.state_reason);
  }
  assignment.state = claim.state;
  assignment.reason = claim.state_reason;
  assignment.phase = Phase::stopped;
  assignment.recheck_at = Clock::now() + recheck_after;
  return true;
}

// Where a partition without a pointer begins. `latest` is decided for all partitions of a topic at once: a partition
// that appears later is read from its beginning, or records written before it was noticed would be lost.
Result<Offset> Lane::first_offset(const TopicPartition& at, const listener::Watermarks& marks) {
  const auto start = pipeline_->kafka.start;
  if (start == config::Start::earliest) return marks.low;
  const auto known = writer_.pointer_exists(at);
  if (!known) return std::unexpected(known.error());
  if (known->partition) return marks.low;  // not looked at: the row decides
  if (start == config::Start::stop) {
    return fail(ErrorClass::stop_partition,
                fmt::format("{}/{} has no pointer and kafka.start is \"stop\"; insert one into {}.pointer, or use "
                            "\"earliest\" or \"latest\"",
                            at.topic, at.partition, pipeline_->postgres.schema));
  }
  if (known->topic) return marks.low;
  const auto count = consumer_->partitions(at.topic, watermark_timeout);
  if (!count) return std::unexpected(count.error());
  std::vector<TopicPartition> all;
  for (std::int32_t partition = 0; partition < *count; ++partition) all.push_back({at.topic, partition});
  const auto marks_of_all = consumer_->watermarks(all, watermark_timeout);
  if (marks_of_all.size() != all.size())
    return fail(ErrorClass::retry, fmt::format("{}: Kafka does not tell where all its partitions end", at.topic));
  std::vector<std::pair<TopicPartition, Offset>> starts;
  for (const auto& [one, its] : marks_of_all) starts.emplace_back(one, its.high);
  if (const auto done = writer_.create_pointers(starts); !done) return std::unexpected(done.error());
  return marks.high;
}

// Compares the pointer with the log, and starts at the anchor, whose record is compared when it arrives, or without one
// at the pointer.
Result<void> Lane::begin_at(Assignment& assignment, const listener::Watermarks& marks) {
  const auto& at = assignment.at();
  const auto& claim = assignment.claim;
  if (claim.next < marks.low) {
    stop(assignment, PartitionState::lost_data,
         fmt::format("the pointer is {}, but the log begins at {}: {} offsets were removed before they were read",
                     claim.next, marks.low, marks.low - claim.next));
    return {};
  }
  if (claim.next > marks.high) {
    stop(assignment, PartitionState::log_shrunk,
         fmt::format("the pointer is {}, but the log ends at {}: the topic was created anew or truncated", claim.next,
                     marks.high));
    return {};
  }
  assignment.anchor = claim.anchor_offset >= marks.low ? claim.anchor_offset : -1;
  assignment.gap_confirmed = false;
  FAILPOINT("before_seek");
  if (auto done = assignment.source->start_at(assignment.anchor >= 0 ? assignment.anchor : claim.next); !done)
    return done;
  assignment.phase = Phase::streaming;
  assignment.state = PartitionState::ok;
  assignment.reason.clear();
  log::info(log_prefix_, "{}/{} claimed at {}, epoch {}, log {} to {}", at.topic, at.partition, claim.next, claim.epoch,
            marks.low, marks.high);
  return {};
}

}  // namespace sluice::runtime

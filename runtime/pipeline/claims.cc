// The lane's claiming half: from an assigned partition to a claimed one that streams, or that stands still
// with a state.

#include "base/failpoint.h"
#include "base/log.h"
#include "runtime/pipeline/lane.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds watermark_timeout{2000};
constexpr milliseconds watermarks_timeout{500};  // of many: without an answer each is asked for by itself
constexpr milliseconds retry_after{100};
constexpr std::chrono::seconds look_again_after{3};

// A state that heals by itself once its cause is gone; any other waits for an operator to write 'ok'.
bool heals(const std::string& state) {
  return state == "schema" || state == "paused";
}

}  // namespace

// With an idle writer and nothing of the partition collected: claims what waits, records why a partition
// stopped, and looks again at those that stand still.
void Lane::claim_what_waits() {
  const auto now = Clock::now();
  const auto known = marks_of_waiting();
  for (auto& [at, held] : tenures_) {
    if (held.over() || collecting_.holds(held.at()) || !pauses_) continue;
    if (held.phase == Phase::stopping) {
      if (const auto done = record_stop(held); !done) return decide(done.error());
    } else if (now < held.look_again) {
      continue;
    } else if (held.phase == Phase::stopped) {
      look_again(held);
    }
    if (held.phase != Phase::claiming || now < held.look_again) continue;
    if (const auto done = claim(held, known); !done) {
      const auto& error = done.error();
      held.look_again = Clock::now() + retry_after;
      if (error.next != ErrorClass::retry) return decide(error);
      ++now_.retries;
      held.reason = error.message;
      log::info(who_, "{}/{} not claimed yet: {}", at.topic, at.partition, error.message);
    }
    if (Clock::now() - now > milliseconds(500)) return;  // the loop has other work, the rest comes next round
  }
}

Result<void> Lane::record_stop(Tenure& tenure) {
  if (tenure.claim.epoch > 0) {
    if (auto done = writer_.set_state(tenure.claim, tenure.state, tenure.reason); !done) return done;
  }
  tenure.phase = Phase::stopped;
  if (tenure.state == "paused") tenure.look_again = Clock::time_point::max();  // until obey_pauses() says so
  return {};
}

// Nobody resumes into a lane's hands: it learns here that its partitions may stream, or must not.
void Lane::obey_pauses() {
  for (auto& [at, held] : tenures_) {
    const auto reason = paused(at);
    const bool stands = held.state == "paused" && held.phase != Phase::claiming;
    if (held.phase == Phase::streaming && reason) {
      stop(held, "paused", *reason);
      held.look_again = {};
    } else if (stands && reason && *reason != held.reason) {
      held.reason = *reason;
      held.phase = Phase::stopping;
    } else if (stands && !reason) {
      log::info(who_, "{}/{} goes on", at.topic, at.partition);
      held.phase = Phase::claiming;
      held.look_again = {};
    }
  }
}

std::optional<std::string> Lane::paused(const TopicPartition& at) const {
  auto tables = tables_.fed_by(at.topic);
  if (auto table = tables_fed_.by_configuration(at.topic)) tables.push_back(std::move(*table));
  return pauses_->reason(at, tables);
}

void Lane::look_again(Tenure& tenure) {
  tenure.look_again = Clock::now() + look_again_after;
  if (tenure.missing) {
    const auto table = catalogue_.describe(tenure.missing->table, *tenure.missing->route);
    if (!table) {
      tenure.reason = table.error().message;
      return;
    }
    mapper_.learn(*tenure.missing, *table);
    tenure.missing.reset();
    log::info(who_, "{}/{}: table {} is there now", tenure.at().topic, tenure.at().partition, (*table)->name);
  }
  tenure.phase = Phase::claiming;
  tenure.look_again = {};
}

// Asked for all at once; a single one is asked for by claim() itself.
Lane::Marks Lane::marks_of_waiting() const {
  std::vector<TopicPartition> waiting;
  const auto now = Clock::now();
  for (const auto& [at, held] : tenures_) {
    if (held.phase == Phase::claiming && now >= held.look_again && !held.over()) waiting.push_back(at);
  }
  return waiting.size() > 1 ? listener_->watermarks(waiting, watermarks_timeout) : Marks{};
}

Result<void> Lane::claim(Tenure& tenure, const Marks& known) {
  const auto& at = tenure.at();
  const auto found = known.find(at);
  const auto marks = found != known.end() ? Result<listener::Watermarks>(found->second)
                                          : tenure.source->watermarks(watermark_timeout);
  if (!marks) return std::unexpected(marks.error());
  const auto first = first_offset(at, *marks);
  if (!first) {
    if (first.error().next != ErrorClass::stop_partition) return std::unexpected(first.error());
    if (tenure.state != "ok" && tenure.reason != first.error().message)
      log::error(who_, "{}", first.error().message);
    tenure.reason = first.error().message;
    tenure.phase = Phase::stopped;
    tenure.look_again = Clock::now() + look_again_after;
    return {};
  }
  auto claimed = writer_.claim(at, *first);
  if (!claimed) return std::unexpected(claimed.error());
  ++now_.claims;
  tenure.claim = std::move(*claimed);
  tenure.claim.at = &at;
  tenure.expected = tenure.claim.next;
  SEEDED_BUG_DOES("seek_to_committed", if (auto done = trust_kafka(tenure); !done) return done);
  const auto still = stands_still(tenure);
  if (!still) return std::unexpected(still.error());
  if (*still) return {};
  if (tenure.claim.next >= marks->low && tenure.claim.next <= marks->high) return begin_at(tenure, *marks);
  // Asked before the claim, and this thread may have been frozen in between while another instance went on: a
  // verdict on the log needs its ends as they are now.
  const auto fresh = tenure.source->watermarks(watermark_timeout);
  if (!fresh) return std::unexpected(fresh.error());
  return begin_at(tenure, *fresh);
}

// Whether the state found by the claim, or a pause, keeps the partition from streaming.
Result<bool> Lane::stands_still(Tenure& tenure) {
  const auto& at = tenure.at();
  auto& claim = tenure.claim;
  if (claim.state == "ok" || heals(claim.state)) {
    if (auto reason = paused(at)) {
      tenure.state = "paused";
      tenure.reason = std::move(*reason);
      tenure.phase = Phase::stopping;
      log::info(who_, "{}/{} stands at {}: {}", at.topic, at.partition, claim.next, tenure.reason);
      if (claim.state != "paused" || claim.state_reason != tenure.reason) return true;
      tenure.phase = Phase::stopped;
      tenure.look_again = Clock::time_point::max();
      return true;
    }
    if (claim.state == "ok") return false;
    if (auto done = writer_.set_state(claim, "ok", ""); !done) return std::unexpected(done.error());
    claim.state = "ok";
    return false;
  }
  if (tenure.state != claim.state) {
    log::warning(who_, "{}/{} stands at {} with state {}: {}", at.topic, at.partition, claim.next,
                 claim.state, claim.state_reason);
  }
  tenure.state = claim.state;
  tenure.reason = claim.state_reason;
  tenure.phase = Phase::stopped;
  tenure.look_again = Clock::now() + look_again_after;
  return true;
}

// Where a partition without a pointer begins. `latest` is decided for all partitions of a topic at once: a
// partition that appears later is read from its beginning, or records written before it was noticed would be
// lost.
Result<Offset> Lane::first_offset(const TopicPartition& at, const listener::Watermarks& marks) {
  const auto start = pipeline_->kafka.start;
  if (start == config::Start::earliest) return marks.low;
  const auto known = writer_.known(at);
  if (!known) return std::unexpected(known.error());
  if (known->partition) return marks.low;  // not looked at: the row decides
  if (start == config::Start::stop) {
    return fail(
        ErrorClass::stop_partition,
        fmt::format("{}/{} has no pointer and kafka.start is \"stop\"; insert one into {}.pointer, or use "
                    "\"earliest\" or \"latest\"",
                    at.topic, at.partition, pipeline_->postgres.schema));
  }
  if (known->topic) return marks.low;
  const auto count = listener_->partitions(at.topic, watermark_timeout);
  if (!count) return std::unexpected(count.error());
  std::vector<TopicPartition> all;
  for (std::int32_t partition = 0; partition < *count; ++partition) all.push_back({at.topic, partition});
  const auto marks_of_all = listener_->watermarks(all, watermark_timeout);
  if (marks_of_all.size() != all.size())
    return fail(ErrorClass::retry,
                fmt::format("{}: Kafka does not tell where all its partitions end", at.topic));
  std::vector<std::pair<TopicPartition, Offset>> starts;
  for (const auto& [one, its] : marks_of_all) starts.emplace_back(one, its.high);
  if (const auto done = writer_.create(starts); !done) return std::unexpected(done.error());
  return marks.high;
}

// Compares the pointer with the log, and starts at the anchor, whose record is compared when it arrives, or
// without one at the pointer.
Result<void> Lane::begin_at(Tenure& tenure, const listener::Watermarks& marks) {
  const auto& at = tenure.at();
  const auto& claim = tenure.claim;
  if (claim.next < marks.low) {
    stop(tenure, "lost_data",
         fmt::format(
             "the pointer is {}, but the log begins at {}: {} offsets were removed before they were read",
             claim.next, marks.low, marks.low - claim.next));
    return {};
  }
  if (claim.next > marks.high) {
    stop(tenure, "log_shrunk",
         fmt::format("the pointer is {}, but the log ends at {}: the topic was created anew or truncated",
                     claim.next, marks.high));
    return {};
  }
  tenure.anchor = claim.anchor_offset >= marks.low ? claim.anchor_offset : -1;
  tenure.proven = false;
  FAULT_POINT("before_seek");
  if (auto done = tenure.source->start_at(tenure.anchor >= 0 ? tenure.anchor : claim.next); !done)
    return done;
  tenure.phase = Phase::streaming;
  tenure.state = "ok";
  tenure.reason.clear();
  log::info(who_, "{}/{} claimed at {}, epoch {}, log {} to {}", at.topic, at.partition, claim.next,
            claim.epoch, marks.low, marks.high);
  return {};
}

}  // namespace sluice::runtime

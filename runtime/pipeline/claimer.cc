#include "runtime/pipeline/claimer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/failpoint.h"
#include "base/log.h"
#include "runtime/pipeline/read_errors.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t claims_at_once = 500;

bool operator_is_needed(PartitionState state) {
  return is_broken(state) && !info(state).heals;
}

}  // namespace

Result<void> Claimer::work() {
  if (!state_.pauses) return {};
  if (auto done = record_stops(); !done) return done;
  if (auto done = see_to_incomplete(); !done) return done;
  if (auto done = recheck_stopped(); !done) return done;
  ask_logs();
  if (auto done = claim_waiting(); !done) return done;
  schedule();
  return {};
}

// Only this function looks for the next duty; code that creates one meanwhile sets next_duty to the past.
void Claimer::schedule() {
  auto next = Clock::time_point::max();
  state_.duty_waits_for_batch = false;
  for (const auto& [at, held] : state_.assignments) {
    const bool waits_for_batch = held.phase() != Phase::streaming && state_.collecting_holds(held);
    if (waits_for_batch) state_.duty_waits_for_batch = true;
    if (const auto* claiming = held.in<Claiming>()) {
      // Waits for the log's ends, or for the collected part, whose arrival creates the duty.
      if (!waits_for_batch && (claiming->log || !claiming->log_asked || claiming->resume_at))
        next = std::min(next, claiming->not_before);
    } else if (held.in<Stopping>()) {
      if (!waits_for_batch) next = std::min(next, state_.now());
    } else if (const auto* stopped = held.in<Stopped>()) {
      next = std::min(next, stopped->recheck_at);
    } else if (state_.transactions.whole()) {
      next = std::min(next, next_for_incomplete(held));
    }
  }
  state_.next_duty = next;
}

Result<void> Claimer::record_stops() {
  for (auto& [at, held] : state_.assignments) {
    const auto* stopping = held.in<Stopping>();
    if (stopping == nullptr || held.over() || state_.collecting_holds(held)) continue;
    if (held.claim.epoch > 0) {
      if (auto done = state_.parts.store.set_state(held.claim, stopping->state, stopping->reason); !done) {
        if (done.error().next != ErrorClass::fenced) return done;
        state_.doubt(held);
        continue;
      }
      held.claim.state = stopping->state;
      held.claim.state_reason = stopping->reason;
    }
    const bool paused = stopping->state == PartitionState::paused;  // until apply_pauses() releases it
    held.on(AssignmentEvent::recorded, Stopped{stopping->state, stopping->reason, stopping->wanted, stopping->table,
                                               paused ? Clock::time_point::max() : state_.now() + recheck_after});
    state_.show(held);
  }
  return {};
}

Result<void> Claimer::recheck_stopped() {
  const auto now = state_.now();
  std::vector<Assignment*> due;
  std::vector<const TopicPartition*> of;
  for (auto& [at, held] : state_.assignments) {
    const auto* stopped = held.in<Stopped>();
    if (stopped == nullptr || stopped->recheck_at > now || held.over()) continue;
    due.push_back(&held);
    of.push_back(&held.at());
  }
  if (due.empty()) return {};
  const auto states = state_.parts.store.states(of);
  if (!states) return std::unexpected(states.error());
  std::vector<std::pair<mapping::Wanted, std::string>> tried;  // what was asked for, and the answer
  for (std::size_t i = 0; i < due.size(); ++i) {
    auto& held = *due[i];
    auto& stopped = *held.in<Stopped>();
    stopped.recheck_at = now + recheck_after;
    const auto& stored = (*states)[i];
    if (!stored || stored->state == PartitionState::ok) {
      held.on(AssignmentEvent::released, Claiming{});
      state_.show(held);
    } else if (!operator_is_needed(stopped.state)) {
      recheck(held, stopped, tried);
    }
  }
  return {};
}

// Checks a partition whose state may heal: asks the catalogue if it is known what is missing, otherwise admits it
// alone, one partition for each reason.
void Claimer::recheck(Assignment& assignment, Stopped& stopped,
                      std::vector<std::pair<mapping::Wanted, std::string>>& tried) {
  if (stopped.wanted) {
    auto found = std::ranges::find(tried, *stopped.wanted, &std::pair<mapping::Wanted, std::string>::first);
    if (found == tried.end()) {
      const auto done = find_wanted(*stopped.wanted);
      tried.emplace_back(*stopped.wanted, done ? std::string() : done.error().message);
      found = std::prev(tried.end());
    }
    if (!found->second.empty()) {
      if (stopped.reason != found->second) state_.show(assignment);
      stopped.reason = found->second;
      return;
    }
  } else if (stopped.state == PartitionState::corrupt) {
    return begin_look(state_, assignment);
  } else if (stopped.state == PartitionState::incomplete) {
    return;  // the row alone ends it
  } else if (stopped.state == PartitionState::schema && !state_.transactions.whole()) {
    const auto now = state_.now();
    for (const auto& [at, probe] : probes_) {
      // A probe that has nothing to apply, or is not ours any more, holds up the others for a while only.
      if (probe.reason == stopped.reason && at != assignment.at() && now - probe.since < probe_for) return;
    }
    probes_[assignment.at()] = {stopped.reason, now};
    state_.suspects.probe(assignment.at());
  }
  assignment.on(AssignmentEvent::released, Claiming{});
  state_.show(assignment);
}

void Claimer::on_probe_succeeded(const TopicPartition& at) {
  const auto found = probes_.find(at);
  if (found == probes_.end()) return;
  for (auto& [other, held] : state_.assignments) {
    const auto* stopped = held.in<Stopped>();
    if (stopped == nullptr || stopped->state != PartitionState::schema || stopped->reason != found->second.reason)
      continue;
    held.on(AssignmentEvent::released, Claiming{});
    state_.show(held);
  }
  probes_.erase(found);
  state_.next_duty = {};
}

void Claimer::apply_pauses() {
  for (auto& [at, held] : state_.assignments) {
    const auto reason = state_.paused(held);
    if (held.in<Streaming>()) {
      if (reason) state_.stop(held, {PartitionState::paused, *reason, {}, {}});
      continue;
    }
    const auto* stopping = held.in<Stopping>();
    const auto* stopped = held.in<Stopped>();
    const bool paused = (stopping && stopping->state == PartitionState::paused) ||
                        (stopped && stopped->state == PartitionState::paused);
    if (!paused) continue;
    if (!reason) {
      held.on(AssignmentEvent::released, Claiming{});
      state_.show(held);
    } else if (stopped && *reason != stopped->reason) {
      held.on(AssignmentEvent::stopped, Stopping{PartitionState::paused, *reason, {}, stopped->table});
    }
  }
  state_.next_duty = {};
}

void Claimer::ask_logs() {
  const auto now = state_.now();
  std::vector<TopicPartition> of;
  for (auto& [at, held] : state_.assignments) {
    auto* claiming = held.in<Claiming>();
    if (claiming == nullptr || claiming->log || claiming->log_asked || claiming->resume_at ||
        claiming->not_before > now || held.over())
      continue;
    claiming->log_asked = true;
    of.push_back(at);
  }
  if (!of.empty()) state_.parts.consumer.ask_watermarks(std::move(of), answer_);
}

void Claimer::on_log(const TopicPartition& at, const Result<listener::Watermarks>& log) {
  if (const auto logs = topic_logs_.find(at.topic); logs != topic_logs_.end()) {
    if (const auto one = logs->second.find(at); one != logs->second.end() && !one->second) {
      if (log) one->second = *log;
      if (!log) logs->second.erase(one);
    }
  }
  auto* held = state_.find(at);
  auto* claiming = held == nullptr ? nullptr : held->in<Claiming>();
  if (claiming == nullptr || !claiming->log_asked) return;
  claiming->log_asked = false;
  if (!log) return try_later(*held, retry_after, log.error().message);
  claiming->log = *log;
  claiming->log_fresh = claiming->claimed;
  state_.next_duty = {};
}

void Claimer::try_later(Assignment& assignment, milliseconds delay, const std::string& trouble, log::Level level) {
  auto& claiming = *assignment.in<Claiming>();
  claiming.not_before = state_.now() + delay;
  state_.next_duty = std::min(state_.next_duty, claiming.not_before);
  if (claiming.trouble == trouble) return;
  claiming.trouble = trouble;
  state_.show(assignment);
  if (log::enabled(level))
    log::write(level, state_.log_prefix,
               fmt::format("{}/{} not claimed yet: {}", assignment.at().topic, assignment.at().partition, trouble));
}

Result<void> Claimer::claim_waiting() {
  const auto now = state_.now();
  if (state_.transactions.whole() && !all_here()) return {};
  std::vector<Assignment*> waiting;
  std::vector<sink::ClaimRequest> requests;
  for (auto& [at, held] : state_.assignments) {
    auto* claiming = held.in<Claiming>();
    if (claiming == nullptr || claiming->not_before > now || held.over() || state_.collecting_holds(held)) continue;
    if (claiming->claimed) {
      if (auto reason = state_.paused(held)) {
        state_.stop(held, {PartitionState::paused, std::move(*reason), {}, {}});
      } else if ((claiming->log || claiming->resume_at) && found_wanted(held)) {
        start(held);
      }
      continue;
    }
    if (!claiming->log || requests.size() == claims_at_once) continue;
    const auto decided = decide_start(held);
    if (!decided) return std::unexpected(decided.error());
    if (!*decided) continue;
    waiting.push_back(&held);
    requests.push_back({&held.at(), claiming->log->low});
  }
  if (requests.empty()) return {};
  log::debug(state_.log_prefix, "claims {} partitions", requests.size());
  auto claims = state_.parts.store.claim(requests);
  if (!claims) {
    for (auto* held : waiting) {
      held->in<Claiming>()->trouble = with_sqlstate(claims.error());
      state_.show(*held);
    }
    return std::unexpected(std::move(claims.error()));
  }
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    auto& held = *waiting[i];
    auto& claim = (*claims)[i];
    if (!claim) {
      ++state_.stats.retries;
      try_later(held, retry_after, "another transaction holds the pointer row");
      continue;
    }
    ++state_.stats.claims;
    // An operator has taken the state back, while what is missing has not come.
    const bool goes_without = held.claim.state == PartitionState::incomplete && claim->state == PartitionState::ok;
    if (goes_without && state_.transactions.whole()) state_.transactions.let_pass(state_.assignments);
    held.claim = std::move(*claim);
    held.claim.at = &held.at();
    auto& claiming = *held.in<Claiming>();
    claiming.claimed = true;
    state_.mapper.ask_again_for_refused();  // the owner before may have made a table of children
    state_.show(held);
    SEEDED_BUG_DOES("seek_to_committed", if (auto done = trust_kafka(held); !done) return done);
    if (auto done = on_claimed(held); !done) return done;
  }
  return {};
}

// The state that the claim found, or a pause, may keep the partition from streaming.
Result<void> Claimer::on_claimed(Assignment& assignment) {
  auto& claim = assignment.claim;
  if (operator_is_needed(claim.state)) {
    assignment.on(AssignmentEvent::found,
                  Stopped{claim.state, claim.state_reason, {}, {}, state_.now() + recheck_after});
    state_.show(assignment);
    return {};
  }
  if (claim.state == PartitionState::corrupt && !assignment.in<Claiming>()->mended) {
    // Nothing is known better yet: the look decides, at once.
    assignment.on(AssignmentEvent::found, Stopped{claim.state, claim.state_reason, {}, {}, state_.now()});
    state_.show(assignment);
    return {};
  }
  if (auto reason = state_.paused(assignment)) {
    if (claim.state == PartitionState::paused && claim.state_reason == *reason) {
      assignment.on(AssignmentEvent::found, Stopped{claim.state, std::move(*reason), {}, {}});
      state_.show(assignment);
    } else {
      state_.stop(assignment, {PartitionState::paused, std::move(*reason), {}, {}});
    }
    return {};
  }
  const bool waits = claim.state == PartitionState::incomplete && state_.transactions.whole();  // until it is complete
  if (claim.state != PartitionState::ok && !waits) {
    assignment.told = claim.state;  // by whoever stopped it; that it resumes is told here
    if (auto done = state_.parts.store.set_state(claim, PartitionState::ok, ""); !done) return done;
    claim.state = PartitionState::ok;
    claim.state_reason.clear();
  }
  start(assignment);
  return {};
}

// Compares the pointer with the log, and starts at the anchor, whose record is compared when it arrives, or without one
// at the pointer.
void Claimer::start(Assignment& assignment) {
  const auto& at = assignment.at();
  const auto& claim = assignment.claim;
  auto& claiming = *assignment.in<Claiming>();
  auto streaming = state_.streaming_from(assignment, claiming.resume_at.value_or(claim.next));
  if (!claiming.resume_at) {
    const auto log = *claiming.log;
    if (claim.next < log.low || claim.next > log.high) {
      if (!claiming.log_fresh) {
        // Asked before the claim, and another instance may have advanced since: the comparison needs the log's ends
        // of now.
        claiming.log.reset();
        return;
      }
      if (claim.next < log.low) {
        return state_.stop(
            assignment, {PartitionState::lost_data,
                         fmt::format("the pointer is {}, but the log begins at {}: {} offsets were removed before they "
                                     "were read",
                                     claim.next, log.low, log.low - claim.next),
                         {},
                         {}});
      }
      return state_.stop(
          assignment, {PartitionState::log_shrunk,
                       fmt::format("the pointer is {}, but the log ends at {}: the topic was created anew or truncated",
                                   claim.next, log.high),
                       {},
                       {}});
    }
    streaming.anchor = claim.anchor_offset >= log.low ? claim.anchor_offset : -1;
  }
  FAILPOINT("before_seek");
  if (const auto done = assignment.source().start_at(streaming.anchor >= 0 ? streaming.anchor : streaming.expected);
      !done)
    return try_later(assignment, retry_after, done.error().message);
  if (!claiming.resume_at) {
    log::info(state_.log_prefix, "{}/{} claimed at {}, epoch {}, log {} to {}", at.topic, at.partition, claim.next,
              claim.epoch, claiming.log->low, claiming.log->high);
    if (state_.transactions.whole()) state_.transactions.started(state_.assignments, assignment, claiming.log->high);
  }
  assignment.on(AssignmentEvent::started, std::move(streaming));
  state_.show(assignment);
}

}  // namespace sluice::runtime

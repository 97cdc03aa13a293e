#include "runtime/pipeline/lane_worker.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/units.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t light_rows = 100;       // batches below it mean that there is little to do
constexpr milliseconds light_for{100};        // the last batch indicates the load for so long
constexpr milliseconds frontier_linger{100};  // a range without records is not urgent
constexpr milliseconds duty_age{50};          // a duty that has waited for so long goes before the next batch
constexpr milliseconds reconnect_min{50}, reconnect_max{500};  // so PostgreSQL's return is noticed within half a second
constexpr milliseconds idle_wait{500};
constexpr milliseconds suspect_lock_wait{200};
constexpr int unclear_retries = 2;

}  // namespace

LaneWorker::LaneWorker(int index, const LaneParts& parts, Hooks hooks)
    : state_(index, parts),
      hooks_(std::move(hooks)),
      claimer_(state_, hooks_.log_answer),
      collector_(state_, hooks_.fatal),
      bisector_(state_, hooks_.progress) {}

void LaneWorker::assign(listener::Partition& partition, ReadySignal& signal, std::uint32_t token) {
  if (!partition.assigned()) return;
  const auto& at = partition.at();
  if (const auto old = state_.assignments.find(at); old != state_.assignments.end()) {
    if (!old->second.over()) return;
    drop_lost();
  }
  auto& held = state_.assignments.emplace(at, Assignment(partition, token)).first->second;
  held.troubled = state_.read_troubles.contains(at);
  collector_.attach(held);
  partition.wake_through(signal, token);
  state_.next_duty = {};
  state_.show(held);
  log::info(state_.log_prefix, "{}/{} assigned", at.topic, at.partition);
}

// Records collected of a partition that is not ours any more must not be applied, and a batch has no part that could
// be taken out: drops it, and the others in it are read again.
void LaneWorker::drop_lost() {
  bool drop = false;
  for (auto it = state_.assignments.begin(); it != state_.assignments.end();) {
    auto& held = it->second;
    if (!held.over()) {
      ++it;
      continue;
    }
    log::info(state_.log_prefix, "{}/{} revoked at {}", it->first.topic, it->first.partition, held.claim.next);
    drop = drop || state_.collecting_holds(held);
    FAILPOINT("after_revoke");
    collector_.detach(held);
    state_.suspects.remove(it->first);
    state_.parent_waits.remove(it->first);
    state_.transactions.revoked(it->first);
    it = state_.assignments.erase(it);
  }
  if (!drop || SEEDED_BUG("keep_after_revoke")) return;
  drop_collecting(nullptr);
}

void LaneWorker::set_pauses(std::shared_ptr<const PauseRules> pauses) {
  state_.pauses = std::move(pauses);
  state_.mapper.pause_tables(
      [rules = state_.pauses](const std::string& table) { return rules->reason_of_table(table); });
  claimer_.apply_pauses();
}

bool LaneWorker::turn() {
  auto& store = state_.parts.store;
  if (store.connected()) {
    if (const auto result = store.poll()) on_result(*result);
  }
  if (!store.busy()) act_when_idle();
  const bool more = !draining_ && !prepared_ && collector_.collect();
  if (store.busy() && collector_.full() && !prepared_) prepare();
  return more;
}

// A full batch takes no more records: it is planned and encoded while the one before it is in the server.
void LaneWorker::prepare() {
  if (!state_.collecting.empty()) prepared_ = state_.parts.store.prepare(state_.collecting.changes());
}

bool LaneWorker::finished() const {
  const auto& store = state_.parts.store;
  return draining_ && !store.busy() && (state_.collecting.empty() || !store.connected());
}

void LaneWorker::close() {
  state_.parts.store.close();
  state_.collecting.clear();
  state_.in_flight.clear();
}

void LaneWorker::act_when_idle() {
  if (std::exchange(reconnect_, false)) close_old_connection();
  const auto now = state_.now();
  if (now < try_after_) return;
  if (state_.assignments.empty() && state_.collecting.empty()) return;
  auto& store = state_.parts.store;
  if (!store.connected()) {
    if (auto done = store.connect(); !done) {
      // Retries whatever the reason, a wrong password included: only an operator can fix it.
      if (done.error().next != ErrorClass::stop_service) done.error().next = ErrorClass::reclaim;
      return handle_error(done.error());
    }
    ++state_.stats.connections;
    if (std::exchange(was_connected_, true)) log::info(state_.log_prefix, "connected to PostgreSQL again");
    backoff_ = milliseconds(0);
    losses_.clear();
  }
  SEEDED_BUG_DOES("blind_resend", if (resend()) return);
  const bool collected = batch_due();
  const bool due = collected && may_send();
  if (claimer_.due() <= now && (!due || now - claimer_.due() >= duty_age)) {
    if (const auto done = claimer_.work(); !done) return handle_error(done.error());
    failed_query_.clear();
  }
  if (!collected) state_.stats.limited_by.clear();
  if (due && batch_due()) submit();
}

// A lane that drains ends with what it has collected, whatever the limits.
bool LaneWorker::may_send() {
  const auto now = state_.now();
  auto& why = state_.stats.limited_by;
  why.clear();
  send_after_ = draining_ ? now : state_.parts.brake.opens(now, why);
  return send_after_ <= now;
}

// Due by rows, bytes, age, flush or drain, and at once where a partition waits for its collected part to be applied. An
// idle lane under light load does not let its first record wait: more records will arrive anyway while the transaction
// runs.
bool LaneWorker::batch_due() const {
  const auto& batch = state_.collecting;
  if (batch.empty()) return false;
  if (draining_ || prepared_ || collector_.full() || collector_.alone()) return true;
  for (const auto& range : batch.ranges()) {
    const auto found = state_.assignments.find(*range.at);
    if (found == state_.assignments.end() || found->second.phase() != Phase::streaming) return true;
    if (range.from < found->second.flush_to) return true;
  }
  const auto now = state_.now();
  const auto age = now - batch.since();
  if (batch.records() == 0) return age >= frontier_linger;
  const auto& settings = state_.parts.batch;
  const bool light = settings.adaptive() && (last_rows_ < light_rows || now - last_commit_ > light_for);
  return light || age >= settings.linger();
}

// A table may have been altered since it was described.
bool LaneWorker::descriptions_hold() {
  const auto holds = state_.descriptions.allows_batch(state_.collecting.changes());
  if (holds && *holds) return true;
  if (!holds) {
    state_.stats.last_error = holds.error().message;
    log::warning(state_.log_prefix, "cannot check a table's description, retrying: {}", holds.error().message);
    try_after_ = state_.now() + Claimer::retry_after;
    return false;
  }
  log::info(state_.log_prefix, "a table was altered, mapping {} records again", state_.collecting.records());
  drop_collecting(nullptr);
  return false;
}

void LaneWorker::submit() {
  if (!descriptions_hold()) return;
  was_full_ = collector_.full();
  in_flight_alone_ = collector_.alone().has_value();
  collector_.batch_ended();
  state_.descriptions.batch_ended();
  state_.in_flight.clear();
  state_.in_flight.swap(state_.collecting);
  state_.in_flight.seal();
  SEEDED_BUG_DOES("keep_after_revoke", claim_for(state_.in_flight));
  submitted_ = state_.now();
  state_.parts.brake.sent(state_.in_flight.changes().rows, submitted_);
  // A table that may be locked keeps the whole lane for as long as its batch waits.
  state_.parts.store.set_lock_wait(in_flight_alone_ ? suspect_lock_wait : milliseconds(0));
  const auto& batch = state_.in_flight;
  log::debug(state_.log_prefix, "submits {} records of {} partitions, {} rows, {} bytes{}{}", batch.records(),
             batch.ranges().size(), batch.changes().rows, batch.bytes(), was_full_ ? ", full" : "",
             in_flight_alone_ ? ", a suspect alone" : "");
  if (prepared_) {
    state_.parts.store.submit_prepared(std::move(prepared_), batch.changes(), batch.all_records(), batch.ranges());
  } else {
    state_.parts.store.submit(batch.changes(), batch.all_records(), batch.ranges());
  }
}

void LaneWorker::on_result(const Result<void>& result) {
  auto& batch = state_.in_flight;
  if (result) return committed(std::nullopt);
  state_.parts.brake.refused(batch.changes().rows);  // what is written of them after all is paid for then
  if (batch.empty() || !may_be_a_record(result.error())) return handle_error(result.error());
  // The statements are made from the descriptions, too.
  if (const auto holds = state_.descriptions.still_true(batch.changes()); !holds) {
    return handle_error({ErrorClass::retry, holds.error().sqlstate, holds.error().message});
  } else if (!*holds) {
    log::info(state_.log_prefix, "a table was altered, mapping {} records again", batch.records());
    return rewind_batch();
  }
  log::info(state_.log_prefix, "a batch of {} records was refused ({} {}), looking for the record", batch.records(),
            result.error().sqlstate, result.error().message);
  ++state_.stats.rejects;
  TableStats written;
  std::vector<TopicPartition> held;
  const auto done = bisector_.apply(batch, written, held);
  const auto took = std::chrono::duration_cast<milliseconds>(state_.now() - submitted_);
  if (state_.collecting.empty()) drop_collecting(nullptr);  // the bisector may have dropped it
  if (!done) {
    const auto stop = bisector_.take_stop();
    handle_error(done.error());
    if (stop) {
      if (auto* stopped = state_.find(*stop->first); stopped != nullptr && stopped->phase() == Phase::streaming)
        state_.stop(*stopped, {PartitionState::poison, stop->second, {}, {}});
    }
  } else {
    state_.parts.brake.sent(static_cast<std::size_t>(written.rows()), state_.now());
    committed(std::move(written));
  }
  for (const auto& at : held)
    state_.suspects.hold(at, state_.now() + state_.parent_waits.pause(at, took, state_.now()));
}

// What is not understood is tried again a few times, in the end by each partition alone.
bool LaneWorker::may_be_a_record(const Error& error) const {
  if (error.next != ErrorClass::unclear) return Bisector::may_be_a_record(error);
  if (state_.transactions.whole()) return state_.transactions.failures() >= unclear_retries;
  return std::ranges::all_of(state_.in_flight.ranges(), [&](const PartitionRange& range) {
    return state_.suspects.failures(*range.at) >= unclear_retries;
  });
}

// Sends the next batch before this one is counted and freed, so that the server does not wait.
void LaneWorker::committed(std::optional<TableStats> written) {
  const auto now = state_.now();
  const Flight flight{std::chrono::duration<double>(now - submitted_).count(), was_full_, in_flight_alone_};
  done_.clear();
  done_.swap(state_.in_flight);
  if (state_.transactions.whole()) {
    state_.transactions.committed(done_.notes());
    state_.transactions.succeeded();
  }
  const auto counts = state_.parts.store.take_counts();
  backoff_ = milliseconds(0);
  last_rows_ = done_.records();
  last_commit_ = now;
  if (!reconnect_ && batch_due() && now - claimer_.due() < duty_age && now >= try_after_ && may_send()) submit();
  if (!written) written.emplace().add(done_.changes());
  account(flight, std::move(*written), counts);
  done_.clear();
}

void LaneWorker::account(const Flight& flight, TableStats written, std::span<const sink::PartitionCounts> stored) {
  if (done_.ranges().empty()) return;  // nothing was committed
  auto& stats = state_.stats;
  std::int64_t records = 0;
  for (const auto& range : done_.ranges()) records += range.counts.total() - range.counts.gaps;
  const auto rows = written.rows();
  log::debug(state_.log_prefix, "committed {} records, {} rows in {:.1f} ms", records, rows, flight.seconds * 1000);
  ++stats.batches;
  stats.records += records;
  stats.rows += rows;
  stats.bytes += static_cast<std::int64_t>(done_.bytes());
  stats.commit_seconds += flight.seconds;
  const auto* bound = std::lower_bound(std::begin(commit_bounds), std::end(commit_bounds), flight.seconds);
  ++stats.commit_buckets[static_cast<std::size_t>(bound - std::begin(commit_bounds))];
  state_.tables.add_committed(std::move(written), WallClock::now());
  state_.tables_changed = true;
  for (const auto& range : done_.ranges()) {
    if (range.counts.dead > 0) {
      log::warning(state_.log_prefix, "{}/{}: {} in offsets {} to {}", range.at->topic, range.at->partition,
                   counted(range.counts.dead, "dead letter"), range.from, range.to - 1);
    }
    auto* held = state_.find(*range.at);
    if (held == nullptr || held->claim.epoch != range.epoch) {
      state_.tables.add_outcomes(range.at->topic, range.counts);
      continue;
    }
    const Counts before = held->claim.counts;
    log::debug(state_.log_prefix, "{}/{} advanced from {} to {}", range.at->topic, range.at->partition, range.from,
               range.to);
    held->claim.next = range.to;
    if (range.to >= held->flush_to) held->flush_to = 0;
    held->claim.counts += range.counts;
    const auto of_row = std::ranges::find(stored, *range.at, &sink::PartitionCounts::at);
    if (of_row != stored.end()) held->claim.counts = of_row->counts;
    state_.tables.add_outcomes(range.at->topic, held->claim.counts - before);
    state_.parent_waits.advanced(held->at(), range.to);
    if (!state_.parent_waits.waits(held->at())) held->waits.clear();
    state_.show(*held);
    if (!flight.alone) continue;
    state_.suspects.succeeded(held->at(), state_.sizer.rows(), flight.was_full);
    claimer_.on_probe_succeeded(held->at());
  }
  if (!flight.alone) state_.sizer.committed(done_.records(), done_.bytes(), flight.seconds, flight.was_full);
}

// The only place that decides about data after an error; every branch reads again from the pointer.
void LaneWorker::handle_error(const Error& error) {
  state_.stats.last_error = with_sqlstate(error);
  switch (error.next) {
    case ErrorClass::reject:  // outside a batch: not the fault of a record
    case ErrorClass::unclear:
    case ErrorClass::retry:
      ++state_.stats.retries;
      return read_again();
    case ErrorClass::reclaim:
      ++state_.stats.reclaims;
      tell_loss();
      SEEDED_BUG_DOES("blind_resend", if (!state_.in_flight.empty()) resend_.swap(state_.in_flight));
      state_.parts.store.close();
      doubt_all();
      return back_off(std::clamp(backoff_ * 2, reconnect_min, reconnect_max));
    case ErrorClass::fenced:
      ++state_.stats.fenced;
      log::warning(state_.log_prefix, "fenced, claiming again: {}", state_.stats.last_error);
      doubt_batch();
      return back_off(reconnect_min);
    case ErrorClass::stop_partition:
      if (state_.in_flight.empty()) {  // an error of Sluice's own tables, not of a partition's
        ++state_.stats.retries;
        return read_again();
      }
      return stop_for_schema(error);
    case ErrorClass::stop_service:
      log::error(state_.log_prefix, "ending: {}", state_.stats.last_error);
      doubt_all();
      back_off(reconnect_max);
      return hooks_.fatal(state_.stats.last_error);
  }
}

// The server has rolled the batch back and the connection is good, so the pointers are where we believe: its records
// are read again, each partition alone and half as many at a time.
void LaneWorker::read_again() {
  const auto took = std::chrono::duration_cast<milliseconds>(state_.now() - submitted_);
  tell_retry();
  if (!state_.parts.store.connected()) {
    doubt_all();
    return back_off(reconnect_min);
  }
  if (!state_.parts.store.busy()) state_.parts.store.rollback();
  if (state_.in_flight.empty()) {
    state_.next_duty = state_.now() + Claimer::retry_after;
    return back_off(std::clamp(backoff_ * 2, reconnect_min, reconnect_max));
  }
  if (state_.transactions.whole()) {
    state_.transactions.failed(state_.in_flight.units());
    back_off(std::clamp(backoff_ * 2, reconnect_min, reconnect_max));
  } else {
    state_.suspects.failed(batch_partitions(), state_.in_flight.records(), took, state_.now());
  }
  rewind_batch();
}

void LaneWorker::back_off(milliseconds pause) {
  backoff_ = pause;
  try_after_ = state_.now() + pause;
}

Clock::time_point LaneWorker::wait_until() const {
  const auto now = state_.now();
  auto until = now + idle_wait;
  if (state_.parts.store.busy()) return until;
  const auto sooner = [&](Clock::time_point at) { until = std::min(until, std::max({at, try_after_, now})); };
  const auto& batch = state_.collecting;
  if (batch_due()) sooner(send_after_);
  if (!batch.empty())
    sooner(
        std::max(send_after_, batch.since() + (batch.records() == 0 ? frontier_linger : state_.parts.batch.linger())));
  if (state_.pauses && !state_.assignments.empty()) sooner(state_.next_duty);
  // Nothing is collected of a suspect beside what is held back.
  if (collector_.full() || (!batch.empty() && send_after_ > now)) return until;
  if (const auto suspect = state_.suspects.next_due()) sooner(std::max(*suspect, now + milliseconds(5)));
  return until;
}

}  // namespace sluice::runtime

// The lane's reading half: polls its partitions' queues in turn and maps what comes.

#include "base/log.h"
#include "runtime/pipeline/lane.h"

namespace sluice::runtime {
namespace {

constexpr int turn = 128;               // records of one partition before the next has its turn
constexpr std::size_t round_max = 512;  // records before the writer is looked after again
constexpr std::chrono::seconds look_again_after{3};

}  // namespace

bool Lane::full() const {
  return collecting_.records() >= target_rows_ || collecting_.bytes() >= pipeline_->batch.bytes;
}

// True when something was polled and there may be more.
bool Lane::collect() {
  if (draining_ || full() || tenures_.empty()) return false;
  const auto before = collecting_.records();
  bool any = false;
  auto it = tenures_.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(next_tenure_++ % tenures_.size()));
  for (std::size_t n = tenures_.size(); n > 0 && !full(); --n) {
    any = collect_from(it->second) || any;
    if (++it == tenures_.end()) it = tenures_.begin();
    if (collecting_.records() - before >= round_max) break;
  }
  return any && !full();
}

bool Lane::collect_from(Tenure& tenure) {
  if (!suspects_.empty()) {
    auto* first = this->tenure(*suspects_.front());
    if (first == nullptr || first->phase == Phase::stopped) suspects_.pop_front();
    if (first != &tenure) return false;
  }
  bool any = false;
  for (int i = 0; i < turn && tenure.phase == Phase::streaming && !full(); ++i) {
    auto event = tenure.source->poll();
    if (std::holds_alternative<std::monostate>(event)) break;
    if (tenure.over()) return true;
    any = true;
    if (auto* record = std::get_if<Record>(&event)) {
      on_record(tenure, std::move(*record));
    } else if (const auto* end = std::get_if<listener::EndOfPartition>(&event)) {
      on_end(tenure, end->next);
    } else if (std::holds_alternative<listener::OutOfRange>(event)) {
      log::warning(who_, "{}/{}: the broker does not have offset {}", tenure.at().topic,
                   tenure.at().partition, tenure.expected);
      tenure.phase = Phase::claiming;  // which compares the pointer with the log's first and last offset
    } else if (const auto* trouble = std::get_if<listener::Trouble>(&event)) {
      log::warning(who_, "{}", trouble->message);
    }
  }
  return any;
}

// Handles a record that is not new: the anchor, or a duplicate. Also an unproven gap. True if the record is
// done with.
bool Lane::known_before(Tenure& tenure, const Record& record) {
  if (record.offset < tenure.expected) {
    if (record.offset != tenure.anchor) {
      ++now_.duplicates_dropped;
    } else if (fingerprint(record) != tenure.claim.anchor_crc ||
               record.timestamp_ms != tenure.claim.anchor_timestamp_ms) {
      stop(
          tenure, "log_changed",
          fmt::format("offset {} is not the record that was applied: the topic was created anew or truncated",
                      record.offset));
    }
    tenure.anchor = -1;
    tenure.proven = true;
    return true;
  }
  tenure.anchor = -1;
  if (record.offset > tenure.expected && !tenure.proven) {
    tenure.proven = true;
    if (const auto done = tenure.source->start_at(tenure.expected); !done) tenure.phase = Phase::claiming;
    return true;
  }
  tenure.proven = true;
  return false;
}

void Lane::on_record(Tenure& tenure, Record record) {
  if (known_before(tenure, record)) return;
  if (!map(tenure, record)) return;
  const bool dead = mapper_.changes().outcomes.back() == Outcome::dead;
  if (dead && must_stop(tenure, mapper_.changes().dead.back())) {
    collecting_.add_excluded(std::move(record));
    return;
  }
  collecting_.extend(tenure.claim, tenure.expected, record.offset + 1, Clock::now());
  tenure.expected = record.offset + 1;
  collecting_.add(std::move(record));
}

// The log ends at `next` for a reader of committed records: what lies between has no record, now or later.
void Lane::on_end(Tenure& tenure, Offset next) {
  if (next <= tenure.expected) return;
  if (!tenure.proven) {
    tenure.proven = true;
    if (const auto done = tenure.source->start_at(tenure.expected); !done) tenure.phase = Phase::claiming;
    return;
  }
  collecting_.extend(tenure.claim, tenure.expected, next, Clock::now());
  tenure.expected = next;
}

// Maps the record into the batch; false if that has to wait and the record will be read again.
bool Lane::map(Tenure& tenure, const Record& record) {
  for (;;) {
    const auto mapped = mapper_.add(record);
    if (mapped) return true;
    const auto learned = learn(mapper_, mapped.error());
    if (learned) continue;
    if (learned.error().next == ErrorClass::stop_partition) {
      tenure.missing = mapped.error();
      stop(tenure, "schema", learned.error().message);
    } else {
      now_.last_error = learned.error().message;
      log::warning(who_, "cannot look at table {}: {}", mapped.error().table, now_.last_error);
      tenure.phase = Phase::claiming;
      tenure.look_again = Clock::now() + std::chrono::milliseconds(200);
    }
    return false;
  }
}

Result<void> Lane::learn(mapping::Mapper& mapper, const mapping::Missing& missing) {
  auto table = catalogue_.describe(missing.table, *missing.route);
  if (!table) return std::unexpected(table.error());
  mapper.learn(missing, std::move(*table));
  return {};
}

bool Lane::must_stop(Tenure& tenure, const DeadLetter& letter) {
  const auto* route = mapper_.route(tenure.at().topic);
  if (route == nullptr) return false;
  if (route->on_error == config::OnError::stop) {
    stop(tenure, "poison", fmt::format("offset {}: {}", tenure.expected, letter.reason));
    return true;
  }
  if (!floods_.admit(*route, Clock::now())) {
    stop(tenure, "poison",
         fmt::format("more than {} dead letters a minute; the last, at offset {}: {}",
                     route->max_dead_letters, tenure.expected, letter.reason));
    return true;
  }
  return false;
}

// The partition takes nothing more; once its collected part is applied, the state is written to its pointer
// row.
void Lane::stop(Tenure& tenure, std::string state, std::string reason) {
  const auto said = fmt::format("{}/{} stops at {} with state {}: {}", tenure.at().topic,
                                tenure.at().partition, tenure.expected, state, reason);
  const auto level = state == "paused" ? log::Level::info : log::Level::error;
  if (log::enabled(level)) log::write(level, who_, said);
  tenure.phase = Phase::stopping;
  tenure.state = std::move(state);
  tenure.reason = std::move(reason);
  tenure.look_again = Clock::now() + look_again_after;
  tenure.source->pause();
}

}  // namespace sluice::runtime

#include "runtime/control/pointer_moves.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/interrupt.h"
#include "base/log.h"
#include "listener/log_range.h"
#include "listener/reader.h"
#include "runtime/control/deadlines.h"
#include "runtime/control/explain.h"
#include "runtime/pipeline/batch.h"
#include "sink/pointer_move.h"

namespace sluice::runtime {

Result<LogPlace> PointerMoves::log(const TopicPartition& at, std::optional<WallClock::time_point> moment) {
  const InterruptScope limit(Clock::now() + one_call);
  const auto range = listener::log_range(pipeline_->kafka, at, moment, Clock::now() + fetch_deadline);
  if (!range) return std::unexpected(range.error());
  return LogPlace{range->first, range->end, range->at_time};
}

Result<std::optional<FirstRecord>> PointerMoves::first_record(const PointerRow& from) {
  const InterruptScope limit(Clock::now() + one_call);
  const auto deadline = Clock::now() + fetch_deadline;
  auto reader = listener::Reader::open(pipeline_->kafka, from.at, from.next, deadline);
  if (!reader) return std::unexpected(reader.error());
  std::optional<FirstRecord> found;
  Result<void> explained;
  const auto read = reader->read_to(
      reader->end(), deadline,
      [&](const Record& record) {
        auto told = explain(pipeline_, record, true, parts_.schemas);
        if (!told) {
          explained = std::unexpected(told.error());
          return;
        }
        FirstRecord first{.record = {.offset = record.offset,
                                     .fingerprint = fingerprint(record),
                                     .stage = told->stage.empty() ? "write" : told->stage,
                                     .table = told->rows.empty() ? std::string() : told->rows.front().table,
                                     .sqlstate = told->sqlstate,
                                     .reason = told->cause,
                                     .detail = told->outcome == "dead" ? told->reason : std::string()},
                          .explanation = {}};
        if (const auto tables = parts_.routes.by_configuration(from.at.topic);
            first.record.table.empty() && !tables.empty())
          first.record.table = tables.front();
        first.explanation = std::move(*told);
        found = std::move(first);
      },
      1);
  if (!read) return std::unexpected(read.error());
  if (!explained) return std::unexpected(explained.error());
  return found;
}

Result<bool> PointerMoves::move(const Move& move) {
  const InterruptScope limit(Clock::now() + one_call);
  auto done = move.record
                  ? skip(move)
                  : sink::move_pointer(pipeline_->postgres, identity_, move, nullptr, {pipeline_->dead_letters.values});
  if (!done || !*done) return done;
  const auto& at = move.from.at;
  log::info("moves", "{}/{}: the pointer went from {} to {}, by order of an operator", at.topic, at.partition,
            move.from.next, move.to);
  parts_.pauses_changed.notify();
  parts_.doubts.reclaim(at, move.from.epoch);
  return done;
}

// The record is read again, because what is kept of a plan must not grow with it.
Result<bool> PointerMoves::skip(const Move& move) {
  const auto& wanted = *move.record;
  const auto deadline = Clock::now() + fetch_deadline;
  auto reader = listener::Reader::open(pipeline_->kafka, move.from.at, wanted.offset, deadline);
  if (!reader) return std::unexpected(reader.error());
  Result<bool> done = false;
  const auto read = reader->read_to(
      wanted.offset + 1, deadline,
      [&](const Record& record) {
        if (record.offset != wanted.offset || fingerprint(record) != wanted.fingerprint) return;
        done = sink::move_pointer(pipeline_->postgres, identity_, move, &record, {pipeline_->dead_letters.values});
      },
      1);
  if (!read) return std::unexpected(read.error());
  return done;
}

Result<bool> PointerMoves::reclaim(const PointerRow& from) {
  const InterruptScope limit(Clock::now() + one_call);
  if (is_broken(from.state)) {
    const auto released = tables_.release(from);
    if (!released || !*released) return released;
  } else if (!from.ours) {
    return false;
  }
  parts_.doubts.reclaim(from.at, from.epoch);
  return true;
}

}  // namespace sluice::runtime

// Asks whether the descriptions of tables, by which records are mapped, are still true: a table may be altered at any
// time, and no record may suffer from what it was like before.
//
// A record that mapping refuses, or of which it leaves fields out, is doubtful. No dead letter is written by a
// description that has not been checked after its record was mapped, and none that is older than a few seconds is
// written by. The catalogue is asked at most once for each batch and, while records are mapped, once a second for each
// table, however many are refused. While it does not answer it is asked seldom, with the last error in between. A
// description that is not true any more is forgotten with all the others; what was mapped by it has to be mapped again.
//
// Owned by a lane, or by one caller outside of lanes, and used by its thread; blocks as sink::Tables does, so never
// with locks held in PostgreSQL.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/changes.h"
#include "base/clock.h"
#include "mapping/mapper.h"
#include "sink/tables.h"

namespace sluice::runtime {

class DescriptionCheck {
 public:
  static constexpr std::chrono::milliseconds refusals_believed_for{1000};  // while records are mapped
  static constexpr std::chrono::milliseconds overlooked_believed_for{100};
  static constexpr std::chrono::milliseconds anything_believed_for{5000};
  static constexpr std::chrono::milliseconds away_pause_min{100}, away_pause_max{5000};

  DescriptionCheck(mapping::Mapper& mapper, sink::Tables& tables, const TimeSource& time)
      : mapper_(mapper), tables_(tables), time_(time) {}

  // To be called for each record that was mapped. Returns false if it was refused by a description that is not true
  // any more: the record has to be mapped again.
  Result<bool> allows(Outcome outcome);
  // Before the last record stops its partition, as one refusal too many: as allows(), whenever it was asked last.
  Result<bool> allows_stop();
  // Before a batch is sent: returns false if it has to be mapped again. An error if a dead letter in it cannot be
  // checked.
  Result<bool> allows_batch(const Changes& changes);
  // After PostgreSQL has refused a batch, whose statements are made from the descriptions, too.
  Result<bool> still_true(const Changes& changes);
  // The batch was sent or dropped.
  void batch_ended();
  // Returns the number of descriptions that it has times of.
  std::size_t remembered() const { return checked_.size(); }

 private:
  using Described = std::shared_ptr<const Table>;
  struct Checked {
    std::weak_ptr<const Table> table;  // gone: nobody maps by it any more
    Clock::time_point at;
  };
  bool older(const Table& table, std::chrono::milliseconds than) const;
  bool is_new(const Described& table);
  void forget_gone();
  Result<bool> ask(const std::vector<Described>& tables);

  mapping::Mapper& mapper_;
  sink::Tables& tables_;
  const TimeSource& time_;
  std::unordered_map<std::uint64_t, Checked> checked_;  // by Table::version
  std::size_t forget_at_ = 0;                           // when it has so many
  std::vector<Described> refused_, overlooked_;         // of the batch, not checked since
  bool stale_ = false;                                  // some of these were found to be no longer true
  std::optional<Error> away_;                           // what the catalogue answers with
  Clock::time_point ask_again_{};
  std::chrono::milliseconds away_pause_{0};
};

}  // namespace sluice::runtime

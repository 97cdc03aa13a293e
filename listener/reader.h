// Reads one partition from an offset on, with a consumer of its own: no group, no commits, no effect on the partition's
// owner. For looking at records, not for applying them.
//
// Used by one thread; open() and read_to() block up to their deadline. Errors are `retry`, or `reject` where the
// log does not hold the offset, with a sentence for an operator. Records are valid during the visit only.
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::listener {

class Reader {
 public:
  // Fails when the log does not hold `from` any more, or never did; `from` may be the log's end.
  static Result<Reader> open(const config::Kafka& settings, const TopicPartition& at, Offset from,
                             Clock::time_point deadline);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  // Visits the records below `to`, which the log must have, and no more than `at_most` of them; those that are not
  // committed are left out.
  Result<void> read_to(Offset to, Clock::time_point deadline, const std::function<void(const Record&)>& visit,
                       std::size_t at_most = std::numeric_limits<std::size_t>::max());
  // First offset that was not visited.
  Offset next() const;
  // The log's end when it was opened.
  Offset end() const;

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::listener

// Limits the size of batches, and lists the partitions that are tried alone because of an error in what they write.
//
// Both are values of a lane, used by its thread; neither looks at a clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/record.h"
#include "runtime/pipeline/live_batch.h"

namespace sluice::runtime {

// Maximises rows per second: batches grow while larger ones are faster, and shrink when they are slower. All lanes
// together stay within the bytes of one batch.
class BatchSizer {
 public:
  static constexpr std::size_t rows_min = 100, rows_max = 20000;  // as in the help of batch.adaptive

  // `bytes` is what a batch may have. The settings outlive it.
  BatchSizer(const LiveBatch& settings, std::size_t bytes, std::size_t lanes);

  std::size_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_; }
  std::size_t room() const { return 4 * bytes_; }  // bytes that the rows of a batch may take
  // Before a batch: takes over what was set meanwhile, and begins with the size that is set now.
  void begin_batch();
  bool full(std::size_t records, std::size_t bytes) const { return records >= rows_ || bytes >= bytes_; }
  // A batch was committed; `was_full` by its rows.
  void committed(std::size_t records, std::size_t bytes, double seconds, bool was_full);

 private:
  void step(double factor);

  const LiveBatch& settings_;
  const std::size_t bytes_, lanes_;
  std::size_t begun_with_;  // what was set, and `rows_` departed from
  bool adaptive_;
  std::size_t rows_;
  bool growing_ = true;
  int measured_ = 0;  // full batches at this size
  double records_sum_ = 0, seconds_sum_ = 0, bytes_sum_ = 0;
  double last_rate_ = 0;  // at the size before
  int settled_ = 0;       // measurements without a change worth a step
};

// Partitions of a batch that failed for a reason that may come again. Each is applied alone, with a size and a back-off
// of its own, so that the others continue; success lets it grow until it joins them again.
class Suspects {
 public:
  bool empty() const { return suspects_.empty(); }
  bool contains(const TopicPartition& at) const { return suspects_.contains(at); }
  // The partitions of a batch of `rows` records failed together. `took` is the time that this took the lane.
  void failed(const std::vector<const TopicPartition*>& of, std::size_t rows, std::chrono::milliseconds took,
              Clock::time_point now);
  // A batch of this partition alone was committed; `normal_rows` is what other batches may have.
  // One that was not full took all there was, so its size is not a limit any more.
  void succeeded(const TopicPartition& at, std::size_t normal_rows, bool was_full);
  // Tries it alone from now on, the first time at once: a stopped partition that is admitted again.
  void probe(const TopicPartition& at);
  // Tries it alone from now on, not before that time, with as many rows as it has.
  void hold(const TopicPartition& at, Clock::time_point not_before);
  void remove(const TopicPartition& at) { suspects_.erase(at); }

  std::size_t rows(const TopicPartition& at) const;
  // Returns how often in a row its batches have failed.
  int failures(const TopicPartition& at) const;
  bool due(const TopicPartition& at, Clock::time_point now) const;
  // Returns the time at which the next one is due; empty without suspects.
  std::optional<Clock::time_point> next_due() const;

 private:
  struct Suspect {
    std::size_t rows = 0;
    int failures = 0;
    std::chrono::milliseconds backoff{0};
    Clock::time_point not_before{};
  };
  std::map<TopicPartition, Suspect> suspects_;
};

}  // namespace sluice::runtime

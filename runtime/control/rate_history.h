// The last fifteen minutes of each partition: a rate for each of the last 60 seconds, and one for each ten seconds
// before.
//
// Owned by the admin service's snapshots. sample() in the main thread, about once a second; the rest in any. Some 1.3
// KB for a partition, and no more partitions than `most_partitions`: of those beyond nothing is known.
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "admin/rates.h"
#include "admin/snapshot.h"
#include "base/mutex.h"

namespace sluice::runtime {

class RateHistory final : public Rates {
 public:
  static constexpr std::size_t most_partitions = 2000;

  // What the lanes have published, so many seconds after the sample before.
  void sample(const std::vector<PartitionSnapshot>& partitions, double seconds);

  RateReport rates(const std::vector<TopicPartition>& partitions, std::chrono::seconds over) const override;
  std::map<TopicPartition, double> applied() const override;

 private:
  // Rates of one kind, the newest last.
  struct Series {
    std::vector<float> seconds, tens;
    float sum = 0;  // of the seconds since the last of `tens`
    int summed = 0;

    void add(float rate);
  };
  struct Track {
    Offset next = -1, end = -1;
    std::int64_t epoch = -1;
    Series applied, arrived;
  };

  mutable Mutex mutex_;
  std::map<TopicPartition, Track> tracks_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime

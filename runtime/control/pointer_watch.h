// Compares what the lanes believe of their pointers with the rows in PostgreSQL. A lane compares whenever it applies a
// batch; an idle one would not notice that a failover or a restored backup has taken back what it had applied, least of
// all behind a pooler, where its connection survives.
//
// Owned by LaneWatch, used by the admin service's thread. Pure.
#pragma once

#include <map>
#include <vector>

#include "admin/positions.h"
#include "admin/snapshot.h"

namespace sluice::runtime {

class PointerWatch {
 public:
  // A row that is behind must be seen so often, of a partition that does not move: it may have been read from a standby
  // that is a moment late. One that somebody else has claimed is usually taken from us by Kafka before.
  static constexpr int looks_behind = 2, looks_claimed = 5;

  // Returns the partitions that have to be claimed again. `believed` must have been taken before the rows were read.
  std::vector<TopicPartition> compare(const std::vector<PartitionSnapshot>& believed,
                                      const std::vector<PointerRow>& rows);

 private:
  struct Doubt {
    Offset next = 0;
    std::int64_t epoch = 0;
    int looks = 0;
  };
  std::map<TopicPartition, Doubt> doubts_;
};

}  // namespace sluice::runtime

// Which lane gets a partition: the one that has the fewest of its topic, then the fewest at all, then the one that had
// it.
//
// Counting, unlike a hash of the partition's number, also balances what is left of a topic when another instance has
// every second partition. Used by the poll thread only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/record.h"

namespace sluice::runtime {

class LaneChoice {
 public:
  explicit LaneChoice(std::size_t lanes) : lanes_(lanes) {}

  std::size_t assign(const TopicPartition& at) {
    auto [found, first] = lane_of_.try_emplace(at, 0);
    const std::size_t before = first ? lanes_.size() : found->second;
    std::size_t best = 0;
    for (std::size_t lane = 1; lane < lanes_.size(); ++lane)
      if (load(lane, at, before) < load(best, at, before)) best = lane;
    found->second = best;
    ++lanes_[best].partitions;
    ++lanes_[best].of_topic[at.topic];
    return best;
  }
  // The lane that had it.
  std::size_t revoke(const TopicPartition& at) {
    const auto lane = lane_of_.at(at);
    --lanes_[lane].partitions;
    --lanes_[lane].of_topic[at.topic];
    return lane;
  }

 private:
  struct Load {
    int partitions = 0;
    std::map<std::string, int> of_topic;
  };
  std::tuple<int, int, bool> load(std::size_t lane, const TopicPartition& at, std::size_t before) {
    return {lanes_[lane].of_topic[at.topic], lanes_[lane].partitions, lane != before};
  }

  std::vector<Load> lanes_;
  std::map<TopicPartition, std::size_t> lane_of_;  // of every partition that was ever assigned
};

}  // namespace sluice::runtime

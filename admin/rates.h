// How fast records are applied and written: the last minutes of each partition of this process.
//
// Values, and the interface of what keeps them; any thread, never waits. Rates are offsets per second. Applied is what
// took effect here, arrived by how much the log has grown, as far as this process has heard.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "base/record.h"

namespace sluice {

// Means over the last second, ten seconds, minute and five minutes; nothing while the partitions are not known so long.
struct RateSeries {
  std::optional<double> second = {}, ten_seconds = {}, minute = {}, five_minutes = {};
  std::vector<double> history = {};  // oldest first
};

struct RateReport {
  RateSeries applied = {}, arrived = {};
  std::chrono::seconds step{1};  // of the histories
};

class Rates {
 public:
  static constexpr std::chrono::seconds longest{900};

  virtual ~Rates() = default;
  // Of these partitions together, with a history of so long at most.
  virtual RateReport rates(const std::vector<TopicPartition>& partitions, std::chrono::seconds over) const = 0;
  // The mean of the last ten seconds applied, by partition.
  virtual std::map<TopicPartition, double> applied() const = 0;
};

}  // namespace sluice

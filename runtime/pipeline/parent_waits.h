// Records that a foreign key refuses while what they refer to may still come by another topic: since when each
// partition waits, and whether its time is over.
//
// A value of a lane, used by its thread; it does not look at a clock, and knows one record of each partition, in front
// of which the partition stands. What was collected behind a record that waited in vain has waited as long: its time is
// over as well, so that many orphans cost one wait. It lives in memory: another claim elsewhere begins anew.
#pragma once

#include <chrono>
#include <map>
#include <string_view>

#include "base/clock.h"
#include "base/record.h"

namespace sluice::runtime {

class ParentWaits {
 public:
  // Returns true if the SQLSTATE says that a row that another one refers to is missing, or is still referred to.
  static bool is_of_foreign_key(std::string_view sqlstate);

  // The record was refused, in a batch that has those of its partition before offset `to`. Returns true if it has to
  // wait, as `limit` has not passed since it was refused first.
  bool holds(const TopicPartition& at, Offset offset, Offset to, std::chrono::milliseconds limit,
             Clock::time_point now);
  // Offsets before `next` have taken effect.
  void advanced(const TopicPartition& at, Offset next);
  void remove(const TopicPartition& at) { waits_.erase(at); }

  // Returns true if the partition stands in front of a record that waits.
  bool waits(const TopicPartition& at) const;
  // Returns true if a record of the partition waits that has not been told of by this before.
  bool begins(const TopicPartition& at);
  // Returns how long the partition pauses before the next attempt: longer the longer it waits, and at most until its
  // time is over. `took` is the time that the last one took the lane.
  std::chrono::milliseconds pause(const TopicPartition& at, std::chrono::milliseconds took,
                                  Clock::time_point now) const;

 private:
  struct Wait {
    Offset from = 0, to = 0;  // were collected when the time began
    Offset offset = 0;        // of the record that waits
    Clock::time_point since{};
    std::chrono::milliseconds limit{0};
    bool over = false;
    bool told = false;
  };
  std::map<TopicPartition, Wait> waits_;
};

}  // namespace sluice::runtime

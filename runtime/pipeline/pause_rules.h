// The pauses of the pipeline as the lanes obey them: which partitions stand still, and why.
//
// Made by the supervisor from the table `pause`, handed to every lane as a shared value, never changed. A
// lane that has none yet claims nothing: it cannot know what is paused.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/snapshot.h"
#include "admin/selector.h"

namespace sluice::runtime {

class Pauses {
 public:
  // A target that cannot be read pauses nothing; `unreadable` tells which.
  explicit Pauses(const std::vector<Pause>& pauses);

  // Why the partition stands still, for its pointer row; nothing if it may stream. The oldest pause speaks.
  std::optional<std::string> reason(const TopicPartition& at,
                                    const std::vector<std::string>& tables_fed) const;
  const std::vector<std::string>& unreadable() const { return unreadable_; }
  bool operator==(const Pauses&) const = default;

 private:
  struct Rule {
    Target target;
    std::string reason;
    bool operator==(const Rule&) const = default;
  };
  std::vector<Rule> rules_;
  std::vector<std::string> unreadable_;
};

}  // namespace sluice::runtime

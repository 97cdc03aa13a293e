// The pauses of the pipeline, as rules that tell a lane if a partition is paused, and why.
//
// Made by the admin service from the table `pause`, handed to every lane as a shared value, never changed. A lane that
// has none yet claims nothing: it cannot know what is paused.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/selector.h"
#include "admin/snapshot.h"

namespace sluice::runtime {

class PauseRules {
 public:
  // A target that cannot be read pauses nothing; unreadable() lists them.
  explicit PauseRules(const std::vector<Pause>& pauses);

  // Returns the reason why the partition is paused, for its pointer row; nothing if it may stream. If several pauses
  // match, the oldest gives the reason.
  std::optional<std::string> reason(const TopicPartition& at, const std::vector<std::string>& target_tables) const;
  // The same for a table that an event names.
  std::optional<std::string> reason_of_table(const std::string& table) const;
  const std::vector<std::string>& unreadable() const { return unreadable_; }
  bool operator==(const PauseRules&) const = default;

 private:
  struct Rule {
    PartitionSelector target;
    std::string reason;
    bool operator==(const Rule&) const = default;
  };
  std::vector<Rule> rules_;
  std::vector<std::string> unreadable_;
};

}  // namespace sluice::runtime

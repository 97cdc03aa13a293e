#include "runtime/pipeline/pause_rules.h"

#include <fmt/format.h>

namespace sluice::runtime {

PauseRules::PauseRules(const std::vector<Pause>& pauses) {
  for (const auto& pause : pauses) {
    auto target = PartitionSelector::parse(pause.target);
    if (!target) {
      unreadable_.push_back(pause.target);
      continue;
    }
    std::string reason = pause.by.empty() ? "paused" : "paused by " + pause.by;
    if (target->text() != "all") reason += fmt::format(" ({})", target->text());
    if (!pause.reason.empty()) reason += ": " + pause.reason;
    rules_.push_back({std::move(*target), std::move(reason)});
  }
}

std::optional<std::string> PauseRules::reason(const TopicPartition& at,
                                              const std::vector<std::string>& target_tables) const {
  for (const auto& rule : rules_) {
    if (rule.target.covers(at, target_tables)) return rule.reason;
  }
  return std::nullopt;
}

}  // namespace sluice::runtime

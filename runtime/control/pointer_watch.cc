#include "runtime/control/pointer_watch.h"

#include "base/failpoint.h"

namespace sluice::runtime {

std::vector<TopicPartition> PointerWatch::compare(const std::vector<PartitionSnapshot>& believed,
                                                  const std::vector<PointerRow>& rows) {
  std::vector<TopicPartition> wrong;
  if (SEEDED_BUG("idle_pointer_believed")) return wrong;
  std::map<TopicPartition, const PointerRow*> stored;
  for (const auto& row : rows) stored.emplace(row.at, &row);
  std::map<TopicPartition, Doubt> doubts;
  for (const auto& one : believed) {
    if (one.state != PartitionState::ok) continue;  // on its way to a claim, or looked at again anyway
    const auto found = stored.find(one.at);
    const auto* row = found == stored.end() ? nullptr : found->second;
    const bool behind = row == nullptr || row->next < one.next || row->epoch < one.epoch;
    if (!behind && (row->ours || row->epoch == one.epoch)) continue;
    Doubt doubt{one.next, one.epoch, 1};
    const auto before = doubts_.find(one.at);
    if (before != doubts_.end() && before->second.next == one.next && before->second.epoch == one.epoch)
      doubt.looks = before->second.looks + 1;
    if (doubt.looks < (behind ? looks_behind : looks_claimed)) {
      doubts.emplace(one.at, doubt);
    } else {
      wrong.push_back(one.at);
    }
  }
  doubts_ = std::move(doubts);
  return wrong;
}

}  // namespace sluice::runtime

#include "runtime/control/missing_topics.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace sluice::runtime {
namespace {

constexpr std::string_view reason =
    "the topic is not in the cluster: create it again, or remove it from the route; its pointer stays";

}  // namespace

void MissingTopics::set(std::vector<std::string> topics) {
  const MutexLock lock(mutex_);
  anew_ = true;
  topics_ = std::move(topics);
}

void MissingTopics::refresh() {
  std::vector<std::string> topics;
  {
    const MutexLock lock(mutex_);
    if (!std::exchange(anew_, false)) return;
    topics = topics_;
  }
  std::vector<PartitionSnapshot> shown;
  if (!topics.empty()) {
    const auto marked = tables_.mark_missing(topics, std::string(reason));
    auto rows = marked ? tables_.pointers() : Result<std::vector<PointerRow>>(std::unexpected(marked.error()));
    if (!rows) {
      log::debug("state", "cannot record missing topics: {}", rows.error().message);
      const MutexLock lock(mutex_);
      anew_ = true;
      return;
    }
    for (const auto& at : *marked)
      incidents_.publish(
          {WallClock::now(), at, PartitionState::ok, PartitionState::topic_missing, std::string(reason)});
    for (auto& row : *rows) {
      if (row.state != PartitionState::topic_missing || !std::ranges::binary_search(topics, row.at.topic)) continue;
      shown.push_back({row.at, 0, row.state, std::move(row.reason), row.epoch, row.start, row.next, -1, row.counts});
    }
  }
  const MutexLock lock(mutex_);
  shown_ = std::move(shown);
}

std::vector<PartitionSnapshot> MissingTopics::shown() const {
  const MutexLock lock(mutex_);
  return shown_;
}

}  // namespace sluice::runtime

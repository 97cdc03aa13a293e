#include "runtime/pipeline/parent_waits.h"

#include <algorithm>
#include <utility>

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

// A parent is mostly a moment late. Each attempt occupies the lane, which gets most of its time for others.
constexpr milliseconds parents_min{50}, parents_max{1000};
constexpr int pause_share = 10;

}  // namespace

bool ParentWaits::is_of_foreign_key(std::string_view sqlstate) {
  return sqlstate == "23503" || sqlstate == "23001";  // RESTRICT has its own since PostgreSQL 18
}

bool ParentWaits::holds(const TopicPartition& at, Offset offset, Offset to, milliseconds limit, Clock::time_point now) {
  if (limit == milliseconds(0)) return false;
  const auto [found, first] = waits_.try_emplace(at);
  auto& wait = found->second;
  const bool waited = !first && (offset == wait.offset || (wait.over && offset >= wait.from && offset < wait.to));
  if (!waited) wait = {.from = offset, .to = to, .since = now};
  if (offset != wait.offset) wait.told = false;
  wait.offset = offset;
  wait.limit = limit;
  wait.over = now - wait.since >= limit;
  return !wait.over;
}

void ParentWaits::advanced(const TopicPartition& at, Offset next) {
  const auto found = waits_.find(at);
  if (found == waits_.end()) return;
  const auto& wait = found->second;
  if (next > wait.offset && (!wait.over || next >= wait.to)) waits_.erase(found);
}

bool ParentWaits::waits(const TopicPartition& at) const {
  const auto found = waits_.find(at);
  return found != waits_.end() && !found->second.over;
}

bool ParentWaits::begins(const TopicPartition& at) {
  const auto found = waits_.find(at);
  return found != waits_.end() && !std::exchange(found->second.told, true);
}

milliseconds ParentWaits::pause(const TopicPartition& at, milliseconds took, Clock::time_point now) const {
  const auto found = waits_.find(at);
  if (found == waits_.end()) return milliseconds(0);
  const auto waited = std::chrono::duration_cast<milliseconds>(now - found->second.since);
  const auto wanted = std::clamp(std::max(waited / 2, took * pause_share), parents_min, parents_max);
  return std::clamp(found->second.limit - waited, parents_min, wanted);
}

}  // namespace sluice::runtime

#include "listener/topic_watcher.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/log.h"

namespace sluice::listener {
namespace {

constexpr std::string_view who = "kafka";

}  // namespace

TopicWatcher::TopicWatcher(List list, TopicSelection selection, std::vector<std::string> names,
                           std::chrono::milliseconds interval, Changed changed)
    : list_(std::move(list)),
      selection_(std::move(selection)),
      interval_(interval),
      changed_(std::move(changed)),
      names_(std::move(names)),
      thread_(&TopicWatcher::run, this) {}

TopicWatcher::~TopicWatcher() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

void TopicWatcher::run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (stop_.wait_for(lock, interval_, [this]() REQUIRES(mutex_) { return stopping_; })) return;
    }
    look();
  }
}

void TopicWatcher::look() {
  const auto existing = list_();
  if (!existing) {
    if (!std::exchange(trouble_told_, true))
      log::warning(who, "cannot list the topics, the subscription stays: {}", existing.error().message);
    return;
  }
  trouble_told_ = false;
  auto wanted = selection_.names(*existing);
  std::set<std::string> missed;
  for (const auto& name : names_) {
    if (std::ranges::binary_search(wanted, name)) continue;
    if (!missed_.contains(name)) missed.insert(name);
  }
  missed_ = missed;
  wanted.insert(wanted.end(), missed.begin(), missed.end());
  std::ranges::sort(wanted);
  if (wanted == names_) return;
  std::vector<std::string> added, gone;
  std::ranges::set_difference(wanted, names_, std::back_inserter(added));
  std::ranges::set_difference(names_, wanted, std::back_inserter(gone));
  if (!added.empty()) log::info(who, "new topics: {}", fmt::join(added, ", "));
  if (!gone.empty()) log::warning(who, "topics that are gone: {}", fmt::join(gone, ", "));
  names_ = wanted;
  changed_(std::move(wanted));
}

}  // namespace sluice::listener

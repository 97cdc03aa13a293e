#include "listener/topic_watcher.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/log.h"

namespace sluice::listener {
namespace {

constexpr std::chrono::milliseconds lacking_pause{1000};  // doubles while the same topics are lacking

}  // namespace

TopicWatcher::TopicWatcher(List list, TopicSelection selection, std::vector<std::string> names,
                           std::chrono::milliseconds interval, Changed changed, Missing missing)
    : list_(std::move(list)),
      selection_(std::move(selection)),
      interval_(interval),
      changed_(std::move(changed)),
      missing_(std::move(missing)),
      names_(std::move(names)),
      pause_(interval),
      thread_(&TopicWatcher::run, this) {}

TopicWatcher::~TopicWatcher() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

void TopicWatcher::look_now() {
  {
    const MutexLock lock(mutex_);
    now_ = true;
  }
  stop_.notify_one();
}

void TopicWatcher::run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      stop_.wait_for(lock, pause_, [this]() REQUIRES(mutex_) { return stopping_ || now_; });
      if (stopping_) return;
      now_ = false;
    }
    look();
  }
}

std::set<std::string> TopicWatcher::find_lacking(const std::vector<Topic>& existing) const {
  std::set<std::string> lacking(names_.begin(), names_.end());
  lacking.insert(given_up_.begin(), given_up_.end());
  for (const auto& topic : existing) lacking.erase(topic.name);
  return lacking;
}

void TopicWatcher::tell_missing(const std::set<std::string>& lacking) {
  std::vector<std::string> twice;
  std::ranges::set_intersection(lacking, lacking_, std::back_inserter(twice));
  if (twice.empty() && !missing_told_) return;
  missing_told_ = !twice.empty();
  missing_(std::move(twice));
}

void TopicWatcher::look() {
  const auto existing = list_();
  if (!existing) {
    if (!std::exchange(trouble_told_, true))
      log::warning("kafka", "cannot list the topics, the subscription stays: {}", existing.error().message);
    return;
  }
  trouble_told_ = false;
  const auto lacking = find_lacking(*existing);
  tell_missing(lacking);
  auto wanted = selection_.names(*existing);
  for (const auto& name : names_) {
    if (!std::ranges::binary_search(wanted, name) && !lacking_.contains(name)) wanted.push_back(name);
  }
  std::ranges::sort(wanted);
  const auto twice = std::ranges::unique(wanted);
  wanted.erase(twice.begin(), twice.end());
  if (lacking.empty()) {
    pause_ = interval_;
  } else {
    pause_ = std::min(interval_, lacking == lacking_ ? pause_ * 2 : lacking_pause);
  }
  lacking_ = lacking;
  std::erase_if(given_up_, [&](const auto& name) { return !lacking.contains(name); });
  if (wanted == names_) return;
  std::vector<std::string> added, gone;
  std::ranges::set_difference(wanted, names_, std::back_inserter(added));
  std::ranges::set_difference(names_, wanted, std::back_inserter(gone));
  if (!added.empty()) log::info("kafka", "new topics: {}", fmt::join(added, ", "));
  if (!gone.empty()) log::warning("kafka", "removed topics: {}", fmt::join(gone, ", "));
  given_up_.insert(gone.begin(), gone.end());
  names_ = wanted;
  changed_(std::move(wanted));
}

}  // namespace sluice::listener

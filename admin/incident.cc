#include "admin/incident.h"

#include <algorithm>

namespace sluice {

void IncidentLog::publish(Incident incident) {
  if (incident.from == incident.to) return;
  const MutexLock lock(mutex_);
  ++counts_.at(static_cast<std::size_t>(incident.from)).at(static_cast<std::size_t>(incident.to));
  ring_.push_back(std::move(incident));
  if (ring_.size() > kept) ring_.pop_front();
  ++published_;
  for (const auto* bell : bells_) bell->notify();
}

std::vector<StateChangeCount> IncidentLog::counts() const {
  std::vector<StateChangeCount> found;
  const MutexLock lock(mutex_);
  for (const auto& from : partition_states())
    for (const auto& to : partition_states())
      if (const auto count = counts_.at(static_cast<std::size_t>(from.state)).at(static_cast<std::size_t>(to.state));
          count > 0)
        found.push_back({from.state, to.state, count});
  return found;
}

IncidentLog::Subscription::Subscription(const IncidentLog& log, const EventFd* bell, std::size_t past)
    : log_(log), bell_(bell) {
  const MutexLock lock(log_.mutex_);
  next_ = log_.published_ - std::min(past, log_.ring_.size());
  if (bell_ != nullptr) log_.bells_.push_back(bell_);
}

IncidentLog::Subscription::~Subscription() {
  const MutexLock lock(log_.mutex_);
  // One of them only: subscribers may share a bell.
  if (const auto found = std::ranges::find(log_.bells_, bell_); found != log_.bells_.end()) log_.bells_.erase(found);
}

IncidentLog::Subscription::News IncidentLog::Subscription::take() {
  News news;
  const MutexLock lock(log_.mutex_);
  const auto oldest = log_.published_ - log_.ring_.size();
  if (next_ < oldest) news.missed = oldest - next_;
  const auto first = std::max(next_, oldest) - oldest;
  news.incidents.assign(log_.ring_.begin() + static_cast<std::ptrdiff_t>(first), log_.ring_.end());
  next_ = log_.published_;
  return news;
}

}  // namespace sluice

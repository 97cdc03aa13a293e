#include "console/ssh/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::console {

Admission::Arrival Admission::arrive(std::int64_t id, const std::string& group, Clock::time_point now) {
  const MutexLock lock(mutex_);
  if (const auto offender = offenders_.find(group); offender != offenders_.end() && now < offender->second.until) {
    return {};
  }
  std::size_t unauthenticated = 0, of_group = 0;
  std::optional<std::int64_t> oldest_of_group;
  for (const auto& [other, connection] : connections_) {
    if (!connection.fingerprint.empty()) continue;
    ++unauthenticated;
    if (connection.group != group) continue;
    ++of_group;
    if (!oldest_of_group) oldest_of_group = other;
  }
  Arrival arrival{true, std::nullopt};
  if (of_group >= limits_.unauthenticated_per_group) {
    arrival.evict = oldest_of_group;
  } else if (unauthenticated >= limits_.unauthenticated) {
    arrival.evict = oldest_of_largest_group();
  }
  if (arrival.evict) connections_.erase(*arrival.evict);
  connections_[id] = {group, {}};
  return arrival;
}

// Of at least one unauthenticated connection.
std::int64_t Admission::oldest_of_largest_group() const {
  struct Group {
    std::size_t size = 0;
    std::int64_t oldest = 0;
  };
  std::map<std::string, Group> groups;
  for (const auto& [id, connection] : connections_) {
    if (!connection.fingerprint.empty()) continue;
    auto& group = groups[connection.group];
    if (group.size++ == 0) group.oldest = id;
  }
  return std::max_element(groups.begin(), groups.end(),
                          [](const auto& a, const auto& b) { return a.second.size < b.second.size; })
      ->second.oldest;
}

std::optional<std::string> Admission::log_in(std::int64_t id, const std::string& fingerprint, bool admin,
                                             int max_sessions) {
  const MutexLock lock(mutex_);
  const auto connection = connections_.find(id);
  if (connection == connections_.end()) return "too many connections";  // evicted at this very moment
  std::size_t all = 0;
  int of_key = 0;
  for (const auto& [other, known] : connections_) {
    if (known.fingerprint.empty()) continue;
    ++all;
    of_key += known.fingerprint == fingerprint ? 1 : 0;
  }
  if (of_key >= max_sessions) {
    return fmt::format("too many sessions: this key has {} of {}", of_key, max_sessions);
  }
  const std::size_t room = admin ? limits_.sessions : limits_.sessions - limits_.reserved_for_admin;
  if (all >= room) return fmt::format("too many sessions: {} of {} are in use", all, limits_.sessions);
  connection->second.fingerprint = fingerprint;
  offenders_.erase(connection->second.group);
  return std::nullopt;
}

void Admission::leave(std::int64_t id) {
  const MutexLock lock(mutex_);
  connections_.erase(id);
}

std::chrono::seconds Admission::penalize(const std::string& group, Clock::time_point now) {
  const MutexLock lock(mutex_);
  const bool good_standing = std::any_of(connections_.begin(), connections_.end(), [&](const auto& known) {
    return !known.second.fingerprint.empty() && known.second.group == group;
  });
  if (good_standing) return std::chrono::seconds{0};
  // An address that has behaved for the time of the longest penalty is forgotten.
  std::erase_if(offenders_, [&](const auto& known) { return now > known.second.until + limits_.longest_penalty; });
  if (!offenders_.contains(group) && offenders_.size() >= limits_.offenders) {
    offenders_.erase(std::min_element(offenders_.begin(), offenders_.end(),
                                      [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
  }
  auto& offender = offenders_[group];
  // Several connections that fail together are one offence.
  if (now < offender.until) return offender.last;
  offender.last = offender.last.count() == 0 ? limits_.penalty : std::min(offender.last * 2, limits_.longest_penalty);
  offender.until = now + offender.last;
  return offender.last;
}

std::size_t Admission::unauthenticated() const {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                [](const auto& known) { return known.second.fingerprint.empty(); }));
}

std::size_t Admission::sessions() const {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                [](const auto& known) { return !known.second.fingerprint.empty(); }));
}

std::optional<std::int64_t> Admission::may_log(Clock::time_point now) {
  const MutexLock lock(mutex_);
  if (now - log_second_ >= std::chrono::seconds(1)) {
    log_second_ = now;
    logged_ = 0;
  }
  if (logged_ >= limits_.log_lines_per_second) {
    ++not_logged_;
    return std::nullopt;
  }
  ++logged_;
  return std::exchange(not_logged_, 0);
}

}  // namespace sluice::console

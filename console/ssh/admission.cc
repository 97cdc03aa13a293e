#include "console/ssh/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/log.h"

namespace sluice::console {

namespace {

// Makes room for another address by forgetting the one whose time is the earliest.
template <class Map, class Time>
void make_room(Map& map, const std::string& group, std::size_t most, Time time_of) {
  if (map.contains(group) || map.size() < most) return;
  map.erase(std::ranges::min_element(map, {}, [&](const auto& known) { return time_of(known.second); }));
}

}  // namespace

bool Admission::refused(const std::string& group, Clock::time_point now) const {
  const MutexLock lock(mutex_);
  const auto offender = offenders_.find(group);
  return offender != offenders_.end() && now < offender->second.until;
}

std::optional<std::int64_t> Admission::arrive(std::int64_t id, const std::string& group, Progress progress,
                                              Clock::time_point now) {
  const MutexLock lock(mutex_);
  std::optional<std::int64_t> evicted;
  if (size_of(Crowd::strangers) >= limits_.unauthenticated) {
    evicted = victim(Crowd::strangers, now);
  } else if (size_of(Crowd::listed) >= limits_.listed) {
    evicted = victim(Crowd::listed, now);
  }
  if (evicted) connections_.erase(*evicted);
  connections_[id] = {group, {}, progress, now};
  return evicted;
}

void Admission::progress(std::int64_t id, Progress progress, Clock::time_point now) {
  const MutexLock lock(mutex_);
  const auto connection = connections_.find(id);
  if (connection == connections_.end() || connection->second.progress >= progress) return;
  connection->second.progress = progress;
  connection->second.since = now;
}

Admission::Crowd Admission::crowd_of(const Connection& connection) {
  if (!connection.fingerprint.empty()) return Crowd::sessions;
  return connection.progress < Progress::listed ? Crowd::strangers : Crowd::listed;
}

std::size_t Admission::size_of(Crowd crowd) const {
  return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                [&](const auto& known) { return crowd_of(known.second) == crowd; }));
}

// Of the addresses with the most of the crowd. First those that stand still, then those that have come least far; of
// those that have asked for a listed key, which a signature follows at once, that is the oldest.
std::optional<std::int64_t> Admission::victim(Crowd crowd, Clock::time_point now) const {
  std::map<std::string, std::size_t> sizes;
  std::size_t largest = 0;
  for (const auto& [id, connection] : connections_) {
    if (crowd_of(connection) == crowd) largest = std::max(largest, ++sizes[connection.group]);
  }
  const auto rank = [&](const Connection& connection) {
    const bool moving = now - connection.since < limits_.stalled;
    return std::tuple(moving, moving ? connection.progress : Progress::silent, connection.since);
  };
  const std::pair<const std::int64_t, Connection>* chosen = nullptr;
  for (const auto& known : connections_) {
    if (crowd_of(known.second) != crowd || sizes[known.second.group] < largest) continue;
    if (chosen == nullptr || rank(known.second) < rank(chosen->second)) chosen = &known;
  }
  return chosen == nullptr ? std::nullopt : std::optional(chosen->first);
}

std::optional<std::string> Admission::log_in(std::int64_t id, const std::string& fingerprint, bool admin,
                                             int max_sessions, Clock::time_point now) {
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
  const auto& group = connection->second.group;
  make_room(logins_, group, limits_.addresses, [](Clock::time_point at) { return at; });
  logins_[group] = now;
  offenders_.erase(group);
  handshakes_.erase(group);
  if (of_key >= max_sessions) {
    return fmt::format("too many sessions: this key has {} of {}", of_key, max_sessions);
  }
  const std::size_t room = admin ? limits_.sessions : limits_.sessions - limits_.reserved_for_admin;
  if (all >= room) return fmt::format("too many sessions: {} of {} are in use", all, limits_.sessions);
  connection->second.fingerprint = fingerprint;
  return std::nullopt;
}

void Admission::leave(std::int64_t id) {
  const MutexLock lock(mutex_);
  connections_.erase(id);
}

bool Admission::in_good_standing(const std::string& group, Clock::time_point now) const {
  if (const auto login = logins_.find(group); login != logins_.end() && now - login->second < limits_.good_standing) {
    return true;
  }
  return std::ranges::any_of(connections_, [&](const auto& known) {
    return !known.second.fingerprint.empty() && known.second.group == group;
  });
}

std::optional<std::chrono::seconds> Admission::penalize(const std::string& group, Clock::time_point now) {
  const MutexLock lock(mutex_);
  if (in_good_standing(group, now)) return std::nullopt;
  // An address that has behaved for the time of the longest penalty is forgotten.
  std::erase_if(offenders_, [&](const auto& known) { return now > known.second.until + limits_.longest_penalty; });
  make_room(offenders_, group, limits_.addresses, [](const Offender& one) { return one.until; });
  auto& offender = offenders_[group];
  // Several connections that fail together are one offence.
  if (now < offender.until) return std::nullopt;
  offender.last = offender.last.count() == 0 ? limits_.penalty : std::min(offender.last * 2, limits_.longest_penalty);
  offender.until = now + offender.last;
  return offender.last;
}

bool Admission::count_handshake(const std::string& group, Clock::time_point now) {
  const MutexLock lock(mutex_);
  make_room(handshakes_, group, limits_.addresses, [](const Handshakes& one) { return one.at; });
  auto& bucket = handshakes_.try_emplace(group, Handshakes{limits_.handshakes, now}).first->second;
  const double seconds = std::chrono::duration<double>(now - bucket.at).count();
  bucket = {std::min(limits_.handshakes, bucket.left + seconds * limits_.handshakes_per_second), now};
  if (bucket.left < 1) return false;
  bucket.left -= 1;
  return true;
}

std::size_t Admission::unauthenticated() const {
  const MutexLock lock(mutex_);
  return size_of(Crowd::strangers) + size_of(Crowd::listed);
}

std::size_t Admission::sessions() const {
  const MutexLock lock(mutex_);
  return size_of(Crowd::sessions);
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

bool Admission::has_room_in_log(Clock::time_point now) {
  const auto suppressed = may_log(now);
  if (suppressed.value_or(0) > 0) log::info("console", "{} more connections left without a login", *suppressed);
  return suppressed.has_value();
}

}  // namespace sluice::console

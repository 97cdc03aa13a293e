#include "listener/group_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::listener {

void GroupWatch::joined() {
  outside_.reset();
  rebuilt_.reset();
  factor_ = 1;
  rebuilds_ = 0;
  standing_.reconnects += std::exchange(ordered_, 0);
}

void GroupWatch::replaced(Clock::time_point now) {
  left(now);
  ++ordered_;
  ++replaced_;
}

void GroupWatch::left(Clock::time_point now) {
  if (!outside_) outside_ = now;
}

void GroupWatch::kafka(bool answers, Clock::time_point now) {
  if (!answers) {
    answering_.reset();
    if (!away_) away_ = now;
    return;
  }
  away_.reset();
  if (!answering_) answering_ = now;
}

std::optional<Clock::time_point> GroupWatch::outside(Clock::time_point now) const {
  if (!outside_ || !answering_) return std::nullopt;
  return now - std::max(*outside_, *answering_) >= session_ * told_after ? outside_ : std::nullopt;
}

// The time counts while Kafka answers only: as long as it is away, no client can do better.
GroupWatch::Step GroupWatch::step(Clock::time_point now) {
  if (!outside_ || !answering_) return Step::nothing;
  auto since = std::max(*outside_, *answering_);
  if (rebuilt_) since = std::max(since, *rebuilt_);
  if (now - since < waits()) return Step::nothing;
  if (rebuilds_ == rebuilds_max || replaced_ >= replaced_ever_max) return Step::give_up;
  ++rebuilds_;
  ++replaced_;
  ++standing_.rebuilds;
  factor_ *= 2;
  rebuilt_ = now;
  return Step::rebuild;
}

std::string GroupWatch::trouble(const std::string& group, Clock::time_point now, const std::string& failure) const {
  const auto seconds = [](auto time) { return std::chrono::duration_cast<std::chrono::seconds>(time).count(); };
  const auto next =
      failure.empty() ? fmt::format("a new consumer joins, the next one would after {} s", seconds(waits())) : failure;
  return fmt::format(
      "the consumer group {} has given this member nothing for {} s although Kafka answers: look for its coordinator in "
      "the brokers' logs; {}",
      group, outside_ ? seconds(now - *outside_) : 0, next);
}

std::optional<GroupStanding> GroupWatch::changed_standing(Clock::time_point now) {
  const auto tell = [now](std::optional<WallClock::time_point>& told, std::optional<Clock::time_point> since) {
    if (!since)
      told.reset();
    else if (!told)
      told = WallClock::now() - std::chrono::duration_cast<WallClock::duration>(now - *since);
  };
  tell(standing_.away_since, away_);
  tell(standing_.outside_since, outside(now));
  if (standing_ == told_) return std::nullopt;
  return told_ = standing_;
}

}  // namespace sluice::listener

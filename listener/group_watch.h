// Notices that Kafka does not answer, and that the consumer group gives this member nothing although it does, and says
// when to build the consumer anew.
//
// Pure: the poll thread owns it and tells it what happens and what time it is. A rebalance of living members ends
// within a session time-out, since whoever does not heartbeat is left out after it. A member that waits much longer is
// stuck, in the client library or at the group's coordinator: librdkafka before 2.6.1 can compute an assignment for
// ever, and a coordinator that never finishes loading answers every join by "try again".
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"
#include "listener/consumer.h"

namespace sluice::listener {

class GroupWatch {
 public:
  enum class Step { nothing, rebuild, give_up };
  static constexpr int told_after = 2, patience = 5;  // session time-outs
  static constexpr int rebuilds_max = 3;              // without success, then only a new process may help
  static constexpr int replaced_ever_max = 10;        // since what was replaced lasts as long as the process

  GroupWatch(std::chrono::milliseconds session, Clock::time_point now) : session_(session), outside_(now) {}

  // The group has given this member its partitions, perhaps none.
  void joined();
  // They were taken, the member waits for the next ones.
  void left(Clock::time_point now);
  // The client was replaced by order of an operator; the standing counts that once the new one has joined.
  void replaced(Clock::time_point now);
  // Whether Kafka answered the last question, which needs no group.
  void kafka(bool answers, Clock::time_point now);
  // What to do now; rebuild is answered once, and again after twice as long.
  Step step(Clock::time_point now);

  // Since when the member is outside, once that is longer than a rebalance takes while Kafka answers.
  std::optional<Clock::time_point> outside(Clock::time_point now) const;
  // How the member stands, if that has changed since it was asked last.
  std::optional<GroupStanding> changed_standing(Clock::time_point now);
  // The line for the log after a step; `failure`: why no new consumer was made, empty if one was.
  std::string trouble(const std::string& group, Clock::time_point now, const std::string& failure) const;

 private:
  std::chrono::milliseconds waits() const { return session_ * patience * factor_; }

  const std::chrono::milliseconds session_;
  std::optional<Clock::time_point> outside_, answering_, away_, rebuilt_;
  int factor_ = 1, rebuilds_ = 0, replaced_ = 0, ordered_ = 0;  // ordered_: not counted in the standing yet
  GroupStanding standing_, told_;
};

}  // namespace sluice::listener

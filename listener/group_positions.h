// Where another consumer group has committed, for a take-over from it.
//
// group_positions() is for any thread, with a client of its own; it blocks up to its deadline and ends early when the
// thread is interrupted. GroupLookup asks for threads that must not wait: owned by the consumer, with a thread that
// lives while there is something to ask. Errors are sentences for an operator: `stop_partition` for what Kafka refuses.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::listener {

struct GroupPositions {
  enum class Standing { missing, empty, active };
  Standing standing = Standing::missing;
  std::size_t members = 0;                     // 0 of an active group: their number is not known
  std::map<TopicPartition, Offset> committed;  // of those asked for; the first offset that is not done with
};

// Why the group's positions cannot be taken over now, and what to do; empty if they can.
std::string obstacle(const std::string& group, const GroupPositions& positions);

// The standing is asked for before the positions, so those of a group that is empty are its last.
Result<GroupPositions> group_positions(const config::Kafka& settings, const std::string& group,
                                       const std::vector<TopicPartition>& of, Clock::time_point deadline);

class GroupLookup {
 public:
  explicit GroupLookup(const config::Kafka& settings);
  ~GroupLookup();
  GroupLookup(const GroupLookup&) = delete;
  GroupLookup& operator=(const GroupLookup&) = delete;

  // Returns at once, with nothing as long as it is being asked: come again. An answer is given out for a second.
  std::optional<Result<GroupPositions>> find(const std::string& topic, int partitions);
  // Interrupts the question under way; find() answers nothing any more.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::listener

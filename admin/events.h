// The time line of all instances: what became of partitions and of the service, as rows of the table `event`.
//
// The rows are values, without data of any record. Events is implemented by runtime/control; any thread may call it. It
// asks PostgreSQL on a connection of its own, and returns within 30 seconds; errors are sentences for an operator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace sluice {

struct EventRow {
  std::int64_t id = 0;
  WallClock::time_point at{};
  std::string instance;  // host
  std::string kind;      // a name of base/event_kind.h; a later version may have more
  std::string topic;     // empty: not of one topic
  std::int32_t partition = -1;
  std::string from, to;  // states; empty where the kind has none
  std::string reason;
};

// What an operator left for the next on duty: `note TEXT`.
struct Note {
  WallClock::time_point at{};
  std::string by, text;
};

class Events {
 public:
  virtual ~Events() = default;
  // The newest one, of every instance, as it was some seconds ago; never waits.
  virtual std::optional<Note> note() const = 0;
  // The newest `limit` since then, the newest first.
  virtual Result<std::vector<EventRow>> events(const std::optional<WallClock::time_point>& since, int limit) = 0;
};

}  // namespace sluice

#include "runtime/control/lane_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <memory>

#include "base/interrupt.h"
#include "base/mutex.h"

namespace sluice::runtime {
namespace {

// Outlives the command that waits, as a lane may answer late.
struct Answers {
  Mutex mutex;
  std::condition_variable_any changed;
  std::vector<LaneFlush> told GUARDED_BY(mutex);
};

}  // namespace

// The console's connections that nobody uses are as old as the lane's.
void LaneControl::reconnect(int lane) {
  tables_.close_idle();
  lanes_.reconnect(lane);
}

Result<std::vector<LaneFlush>> LaneControl::flush(const std::vector<TopicPartition>& partitions) {
  const auto answers = std::make_shared<Answers>();
  const auto asked = lanes_.flush(partitions, [answers](const LaneFlush& one) {
    const MutexLock lock(answers->mutex);
    answers->told.push_back(one);
    answers->changed.notify_all();
  });
  const Interruption& until = interruption();
  const auto deadline = until.earlier(Clock::now() + std::chrono::hours(24));
  MutexLock lock(answers->mutex);
  const bool all = answers->changed.wait_until(
      lock, until.stop, deadline, [&]() REQUIRES(answers->mutex) { return answers->told.size() >= asked; });
  if (!all && until.requested()) return fail(ErrorClass::retry, std::string(cancelled));
  if (!all)
    return fail(ErrorClass::retry, fmt::format("{} of {} lanes have not answered, they are busy with PostgreSQL",
                                               asked - answers->told.size(), asked));
  std::ranges::sort(answers->told, {}, &LaneFlush::lane);
  return answers->told;
}

}  // namespace sluice::runtime

#include "runtime/control/dead_letter_control.h"

#include "base/clock.h"

#include <fmt/format.h>

namespace sluice::runtime {
namespace {

// Counting may take up to a twentieth of the thread's time.
constexpr int count_share = 20;
constexpr std::chrono::seconds count_pause{10};

}  // namespace

Result<std::int64_t> DeadLetterControl::discard(const DeadLetterFilter& filter, const std::string& reason,
                                                const Caller& by) {
  return tables_.discard(filter, reason.empty() ? fmt::format("discarded by {}", by.name)
                                                : fmt::format("discarded by {}: {}", by.name, reason));
}

void DeadLetterControl::count_open() {
  const auto before = Clock::now();
  if (before < count_again_) return;
  const auto open = tables_.open_letters();
  const auto now = Clock::now();
  count_again_ = now + (now - before) * count_share;
  if (open)
    open_ = *open;
  else
    count_again_ += count_pause;  // a count that ran into its time-out would be the next one, too
}

}  // namespace sluice::runtime

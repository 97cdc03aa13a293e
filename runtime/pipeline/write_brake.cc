#include "runtime/pipeline/write_brake.h"

#include <fmt/format.h>

#include <utility>

namespace sluice::runtime {
namespace {

constexpr std::chrono::milliseconds brake_again{100};

}  // namespace

Clock::time_point WriteBrake::opens_under_limits(Clock::time_point now, std::string& why) const {
  const MutexLock lock(mutex_);
  if (!reason_.empty()) {
    why = reason_;
    return now + brake_again;
  }
  if (paid_until_ > now) why = fmt::format("waits for limits.rows_per_second = {}", rows_per_second());
  return std::max(now, paid_until_);
}

void WriteBrake::sent(std::size_t rows, Clock::time_point now) {
  const int limit = rows_per_second();
  if (limit == 0) return;
  const std::chrono::duration<double> worth(static_cast<double>(rows) / limit);
  const MutexLock lock(mutex_);
  paid_until_ = std::max(now, paid_until_) + std::chrono::ceil<Clock::duration>(worth);
}

void WriteBrake::refused(std::size_t rows) {
  const int limit = rows_per_second();
  if (limit == 0) return;
  const std::chrono::duration<double> worth(static_cast<double>(rows) / limit);
  const MutexLock lock(mutex_);
  paid_until_ -= std::chrono::ceil<Clock::duration>(worth);
}

void WriteBrake::limit(int rows_per_second) {
  const MutexLock lock(mutex_);
  if (rows_per_second_.exchange(rows_per_second, std::memory_order_relaxed) != rows_per_second) paid_until_ = {};
}

void WriteBrake::hold(std::string reason) {
  const MutexLock lock(mutex_);
  reason_ = std::move(reason);
  held_.store(!reason_.empty(), std::memory_order_relaxed);
}

}  // namespace sluice::runtime

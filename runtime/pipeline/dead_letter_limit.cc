#include "runtime/pipeline/dead_letter_limit.h"

#include "base/failpoint.h"

namespace sluice::runtime {

bool DeadLetterLimit::admit(const config::Route& route, const TopicPartition& at, Offset offset,
                            std::chrono::steady_clock::time_point now) {
  const MutexLock lock(mutex_);
  auto& window = windows_[&route];
  if (now - window.since >= std::chrono::minutes(1)) {
    window.before.clear();
    window.before.swap(window.admitted);
    window.since = now;
    window.count = 0;
  }
  const Place place{at, offset};
  const bool known =
      (window.admitted.contains(place) || window.before.contains(place)) && !SEEDED_BUG("letters_counted_again");
  if (!known && window.count >= route.max_dead_letters) return false;
  if (!known) ++window.count;
  window.admitted.insert(place);
  return true;
}

}  // namespace sluice::runtime

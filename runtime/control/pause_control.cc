#include "runtime/control/pause_control.h"

#include <utility>

#include "base/log.h"

namespace sluice::runtime {
Result<bool> PauseControl::pause(const Pause& pause) {
  auto done = tables_.pause(pause);
  if (done && *done) bell_.notify();
  return done;
}

Result<std::optional<Pause>> PauseControl::resume(const std::string& target, const std::optional<std::string>& reason) {
  auto done = tables_.resume(target, reason);
  if (done && *done) bell_.notify();
  return done;
}

// Without an answer the lanes keep the last rules; before the first answer they claim nothing.
void PauseControl::refresh() {
  if (const auto expired = tables_.expire()) {
    for (const auto& pause : *expired) log::info("pauses", "the pause of {} has expired", pause.target);
  }
  auto pauses = tables_.pauses();
  {
    const MutexLock lock(mutex_);
    trouble_ = pauses ? std::string() : pauses.error().message;
  }
  if (!pauses) {
    if (!std::exchange(trouble_logged_, true))
      log::warning("pauses", "cannot read the pauses, the last known ones stay in force: {}", pauses.error().message);
    return;
  }
  if (std::exchange(trouble_logged_, false)) log::info("pauses", "the pauses can be read again");
  auto wanted = std::make_shared<const PauseRules>(*pauses);
  {
    const MutexLock lock(mutex_);
    pauses_ = std::move(*pauses);
  }
  if (handed_out_ && *handed_out_ == *wanted) return;
  for (const auto& target : wanted->unreadable())
    log::warning("pauses", "a row of the table pause has a target that pauses nothing: {}", target);
  handed_out_ = std::move(wanted);
  receiver_.set_pauses(handed_out_);
}

std::vector<Pause> PauseControl::in_force() const {
  const MutexLock lock(mutex_);
  return pauses_;
}

std::string PauseControl::trouble() const {
  const MutexLock lock(mutex_);
  return trouble_;
}

}  // namespace sluice::runtime

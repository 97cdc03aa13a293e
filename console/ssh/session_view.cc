#include "console/ssh/session_view.h"

namespace sluice::console {

void SessionView::identify(const Grant& grant, const std::string& address) {
  const MutexLock lock(mutex_);
  grant_ = grant;
  grant_.login.caller.address = address;
  grant_.login.session = id_;
}

void SessionView::show() {
  const MutexLock lock(mutex_);
  shown_ = true;
}

void SessionView::hide() {
  const MutexLock lock(mutex_);
  shown_ = false;
}

void SessionView::running(const std::string& command) {
  const MutexLock lock(mutex_);
  command_ = command;
}

std::optional<SessionInfo> SessionView::info() const {
  const MutexLock lock(mutex_);
  if (!shown_) return std::nullopt;
  SessionInfo info;
  info.id = id_;
  info.who = grant_.login.caller;
  info.since = since_;
  info.idle = std::chrono::duration_cast<std::chrono::milliseconds>(idle());
  info.command = command_;
  info.queued = queued_;
  return info;
}

std::optional<Grant> SessionView::grant() const {
  const MutexLock lock(mutex_);
  if (!shown_) return std::nullopt;
  return grant_;
}

}  // namespace sluice::console

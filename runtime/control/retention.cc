#include "runtime/control/retention.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "sink/event_tables.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::minutes pause{1};

}  // namespace

Result<bool> Retention::remove() {
  const auto letters = tables_.purge_letters(keep_);
  if (!letters) return std::unexpected(letters.error());
  const auto rows = tables_.purge_audit(keep_);
  if (!rows) return std::unexpected(rows.error());
  const auto proofs = tables_.purge_verification(keep_);
  if (!proofs) return std::unexpected(proofs.error());
  const auto events = sink::EventTables(tables_).purge(keep_);
  if (!events) return std::unexpected(events.error());
  if (*letters + *rows + *proofs + *events > 0)
    log::info(
        "retention",
        "removed {} resolved dead letters, {} audit rows, {} results of proofs and {} events that were older than "
        "[dead_letters] keep",
        *letters, *rows, *proofs, *events);
  return std::ranges::max({*letters, *rows, *proofs, *events}) == sink::AdminTables::purged_at_most;
}

void Retention::work() {
  if (Clock::now() >= next_look_) {
    next_look_ = Clock::now() + pause;
    if (auto sizes = tables_.sizes()) {
      const MutexLock lock(mutex_);
      sizes_ = std::move(*sizes);
    }
  }
  if (keep_.count() == 0 || Clock::now() < next_removal_) return;
  const auto more = remove();
  if (!more && !std::exchange(told_, true))
    log::warning("retention", "cannot remove old dead letters and audit rows, trying again: {}", more.error().message);
  if (more) told_ = false;
  if (!more || !*more) next_removal_ = Clock::now() + pause;
}

std::map<std::string, std::int64_t> Retention::sizes() const {
  const MutexLock lock(mutex_);
  return sizes_;
}

}  // namespace sluice::runtime

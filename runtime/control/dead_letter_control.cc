#include "runtime/control/dead_letter_control.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "runtime/control/deadlines.h"
#include "runtime/control/freeing_ddl.h"
#include "runtime/control/group_rehearsal.h"
#include "runtime/control/stored_record.h"
#include "sink/literals.h"

namespace sluice::runtime {
namespace {

// Counting may take up to a twentieth of the thread's time.
constexpr int count_share = 20;
constexpr std::chrono::seconds count_pause{10};
constexpr std::chrono::seconds ddl_deadline{5};         // of all groups; what is left then is not known
constexpr std::chrono::seconds rehearsal_deadline{18};  // likewise; the last group may take longer

}  // namespace

Result<std::vector<std::string>> DeadLetterControl::sql(const DeadLetterRow& letter) {
  RecordMapper mapper(pipeline_, schemas_);
  if (const auto done = add_record(mapper, pipeline_->kafka, letter, Clock::now() + fetch_deadline); !done)
    return std::unexpected(done.error());
  const auto changes = mapper.take();
  if (!changes.dead.empty())
    return fail(ErrorClass::reject, fmt::format("its record makes no row: {}", changes.dead.front().whole()));
  if (changes.tables.empty()) return fail(ErrorClass::reject, "the configuration skips its record");
  return sink::statements_with_literals(pipeline_->postgres, changes);
}

Result<DeadLetterGroups> DeadLetterControl::groups(const DeadLetterFilter& filter, LetterGrouping by) {
  return by == LetterGrouping::reason ? groups_with_ddl(filter, FreeingDdl::letters_of_each)
                                      : tables_.letter_groups(filter, by, FreeingDdl::letters_of_each);
}

Result<DeadLetterGroups> DeadLetterControl::groups_with_ddl(const DeadLetterFilter& filter, int letters_of_each) {
  auto found = tables_.letter_groups(filter, LetterGrouping::reason, letters_of_each);
  if (!found || found->largest.empty()) return found;
  FreeingDdl ddl(*pipeline_, tables_, schemas_);
  const auto deadline = Clock::now() + ddl_deadline;
  for (auto& group : found->largest) ddl.find(group, deadline);
  return found;
}

Result<DeadLetterGroups> DeadLetterControl::rehearse(const DeadLetterFilter& filter, int letters_of_each) {
  const std::unique_lock alone(one_rehearsal_at_a_time_, std::try_to_lock);
  if (!alone) return fail(ErrorClass::retry, "another rehearsal is running");
  const auto deadline = Clock::now() + rehearsal_deadline;
  auto found = groups_with_ddl(filter, std::max(letters_of_each, FreeingDdl::letters_of_each));
  if (!found || found->largest.empty()) return found;
  GroupRehearsal rehearsal(pipeline_, identity_, tables_, schemas_);
  for (auto& group : found->largest) {
    group.ids.resize(std::min(group.ids.size(), static_cast<std::size_t>(letters_of_each)));
    rehearsal.run(group, deadline);
  }
  return found;
}

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

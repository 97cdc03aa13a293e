#include "admin/partition_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice {
namespace {

using enum PartitionState;

// In the order of the enum.
constexpr std::array<PartitionStateInfo, partition_state_count> states{{
    {claiming, "claiming", Severity::waiting, true, "The instance is taking the partition over.",
     "Nothing; if it lasts, another instance holds the pointer row, or Kafka or PostgreSQL does not answer."},
    {ok, "ok", Severity::good, true, "Records take effect.", "Nothing."},
    {paused, "paused", Severity::waiting, true,
     "An operator paused it; `status` and the table `pause` have who, when and why.",
     "`resume TARGET`, or wait until the pause expires."},
    {poison, "poison", Severity::broken, false,
     "A record cannot be applied and its route has `on_error = \"stop\"`, or there were more dead letters within a minute "
     "than `max_dead_letters`.",
     "`explain TOPIC/PARTITION OFFSET` with the pointer's offset shows why. Fix the table, then `reclaim TOPIC/PARTITION`: "
     "the record is tried again. Or `skip TOPIC/PARTITION OFFSET`: it becomes a dead letter. A restart alone changes "
     "nothing."},
    {lost_data, "lost_data", Severity::broken, false,
     "The log begins after the pointer: retention removed records before they were applied.",
     "Restore the records, then `reclaim TOPIC/PARTITION`. Or accept the loss: `seek TOPIC/PARTITION start` goes on where "
     "the log begins; take a new snapshot of the source."},
    {log_shrunk, "log_shrunk", Severity::broken, false,
     "The log ends before the pointer: the topic was created anew, or the brokers lost records.",
     "Find out what the brokers did; the tables hold more than the log. `seek TOPIC/PARTITION start` applies the new log "
     "from its beginning, `seek TOPIC/PARTITION end` only what comes; if the old log is back, `reclaim TOPIC/PARTITION`."},
    {log_changed, "log_changed", Severity::broken, false,
     "The record at the anchor is not the one that was applied: the topic was created anew or truncated.",
     "Find out what the brokers did. `seek TOPIC/PARTITION start` applies the new log from its beginning, "
     "`seek TOPIC/PARTITION end` only what comes; if the old log is back, `reclaim TOPIC/PARTITION`."},
    {topic_missing, "topic_missing", Severity::broken, true, "The topic or the partition is not in the cluster.",
     "Create the topic again, or remove it from the route. What the log holds then is compared with the pointer within half "
     "a minute, at once with `reclaim TOPIC/PARTITION`; it is another log, so `seek TOPIC/PARTITION start` says next where "
     "it is read from."},
    {schema, "schema", Severity::broken, true,
     "A table, a column, a permission or a schema is missing; no record is at fault.",
     "Fix what the reason names; the partition is checked every few seconds, at once with `reclaim TOPIC/PARTITION`. Or "
     "give up what the log holds now: `seek TOPIC/PARTITION end`, which is not applied."},
    {corrupt, "corrupt", Severity::broken, true, "Kafka keeps delivering a damaged batch of records.",
     "Repair the log; the partition is read again every few seconds. Or `seek TOPIC/PARTITION OFFSET` to an offset behind "
     "the damage: what lies between is not applied."},
    {incomplete, "incomplete", Severity::broken, true,
     "A transaction of the source is not complete, and nothing more of it has come for `[consistency] timeout`.",
     "Wait until the source completes it: the reason says what is missing, and the partition goes on in place. Or "
     "`reclaim TOPIC/PARTITION` of one that waits, to apply what there is."},
}};

}  // namespace

std::span<const PartitionStateInfo> partition_states() {
  return states;
}

const PartitionStateInfo& info(PartitionState state) {
  return states[static_cast<std::size_t>(state)];
}

std::optional<PartitionState> parse_partition_state(std::string_view name) {
  const auto found = std::ranges::find(states, name, &PartitionStateInfo::name);
  return found == states.end() ? std::nullopt : std::optional(found->state);
}

std::string states_reference() {
  std::string page =
      "# States of a partition\n\n"
      "Made from the table in `admin/partition_state.cc` by `sluice config states`; a test compares. `help STATE` in the\n"
      "console shows the same. Moving a pointer is described in [operations.md](operations.md), the commands in\n"
      "[console.md](console.md); `skip`, `seek` and `reclaim` make a plan, which `apply` carries out.\n\n"
      "| state | meaning | resumes automatically | what to do |\n|---|---|---|---|\n";
  for (const auto& one : states) {
    page += fmt::format("| `{}` | {} | {} | {} |\n", one.name, one.text, one.heals ? "yes" : "no", one.remedy);
  }
  return page;
}

}  // namespace sluice

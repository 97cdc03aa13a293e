#include "console/commands/registry.h"

#include <algorithm>

namespace sluice::console {

// The one place where a group of commands is registered.
std::span<const Command> commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> table;
    for (const auto group : {
             status_commands,       top_commands,         check_commands,        count_commands,
             topics_commands,       partitions_commands,  pointers_commands,     lag_commands,
             rate_commands,         why_commands,         runway_commands,       tables_commands,
             lanes_commands,        memory_commands,      report_commands,       wait_commands,
             errors_commands,       incidents_commands,   pause_commands,        flush_commands,
             reconnect_commands,    moves_commands,       seek_commands,         plans_commands,
             dead_letters_commands, dead_replay_commands, dead_discard_commands, dead_export_commands,
             dead_groups_commands,  record_commands,      explain_commands,      trace_commands,
             tail_commands,         verify_commands,      config_commands,       log_commands,
             audit_commands,        shutdown_commands,    incident_commands,     notify_commands,
             jobs_commands,         session_commands,     help_commands,
         })
      std::ranges::move(group(), std::back_inserter(table));
    return table;
  }();
  return all;
}

}  // namespace sluice::console

// The groups of commands, each declared by the file of its noun. registry.cc lists them in the order of the help.
#pragma once

#include <vector>

#include "console/command.h"

namespace sluice::console {

std::vector<Command> audit_commands();
std::vector<Command> check_commands();
std::vector<Command> config_commands();
std::vector<Command> count_commands();
std::vector<Command> dead_discard_commands();
std::vector<Command> dead_export_commands();
std::vector<Command> dead_letters_commands();
std::vector<Command> dead_groups_commands();
std::vector<Command> dead_replay_commands();
std::vector<Command> errors_commands();
std::vector<Command> explain_commands();
std::vector<Command> flush_commands();
std::vector<Command> help_commands();
std::vector<Command> incident_commands();
std::vector<Command> incidents_commands();
std::vector<Command> jobs_commands();
std::vector<Command> lag_commands();
std::vector<Command> lanes_commands();
std::vector<Command> log_commands();
std::vector<Command> memory_commands();
std::vector<Command> moves_commands();
std::vector<Command> notify_commands();
std::vector<Command> partitions_commands();
std::vector<Command> pause_commands();
std::vector<Command> plans_commands();
std::vector<Command> pointers_commands();
std::vector<Command> rate_commands();
std::vector<Command> reconnect_commands();
std::vector<Command> record_commands();
std::vector<Command> report_commands();
std::vector<Command> runway_commands();
std::vector<Command> seek_commands();
std::vector<Command> session_commands();
std::vector<Command> shutdown_commands();
std::vector<Command> status_commands();
std::vector<Command> tables_commands();
std::vector<Command> tail_commands();
std::vector<Command> top_commands();
std::vector<Command> topics_commands();
std::vector<Command> trace_commands();
std::vector<Command> verify_commands();
std::vector<Command> wait_commands();
std::vector<Command> why_commands();

}  // namespace sluice::console

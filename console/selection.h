// What targets mean at this moment: the partitions, topics and tables there are, and waiting for them.
//
// Functions of a command's thread. What is known is what this process has, and the pointer rows as far as PostgreSQL
// answers.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admin/selector.h"
#include "console/command.h"

namespace sluice::console {

struct Inventory {
  Snapshot now;
  std::optional<std::vector<PointerRow>> pointers;  // none: PostgreSQL did not answer
  std::set<TopicPartition> partitions;
  std::set<std::string> topics, tables;
};
// Asks PostgreSQL, unless `snapshot_only`.
Inventory inventory(Admin& admin, bool snapshot_only = false);

// The target of the words (a missing one: all), which exists; else a code after fail().
std::expected<PartitionSelector, int> target_of(Call& call, const Inventory& inventory);
std::vector<TopicPartition> covered(const PartitionSelector& target, const Inventory& inventory, Admin& admin);
std::string partition_text(const TopicPartition& at);
std::optional<TopicPartition> parse_partition(std::string_view text);  // TOPIC/NUMBER
bool pauses(const Pause& pause, const TopicPartition& at, const std::vector<std::string>& target_tables);

enum class Waited : std::uint8_t { yes, deadline, stopped };
// Asks four times a second.
Waited wait_until(const std::function<bool()>& ready, std::chrono::milliseconds timeout, const std::stop_token& stop);

double rate_of(const Snapshot& now);                // offsets per second, mean of the last ten
Offset lag_of(const PartitionSnapshot& partition);  // -1: not known
std::string_view state_of(const Snapshot& now);     // in a word, of the whole process

}  // namespace sluice::console

// The partitions, topics and tables there are at this moment, what a target selects of them, and waiting for them.
//
// Functions of a command's thread. What is known is what this process has, and the pointer rows as far as PostgreSQL
// answers.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admin/selector.h"
#include "console/command.h"

namespace sluice::console {

// A partition that has records and has not moved for so long is stalled, whatever the others do: a lane that applies
// commits many times in it.
inline constexpr double stalled_seconds = 10;
inline constexpr std::chrono::seconds pointers_within{2};  // so long is PostgreSQL waited for

struct Inventory {
  Snapshot now;
  std::optional<std::vector<PointerRow>> pointers;  // none: PostgreSQL did not answer
  std::set<TopicPartition> partitions;
  std::set<std::string> topics, tables;
  std::map<std::string, std::vector<std::string>> topic_tables;

  const std::vector<std::string>& tables_of(const std::string& topic) const;  // sorted
};
Inventory inventory(const Snapshots& snapshots);
// Also what PostgreSQL knows, of all instances.
Inventory inventory(const Snapshots& snapshots, Positions& positions);

// The target of the words (a missing one: all), which exists; else a code after fail().
std::expected<PartitionSelector, int> target_of(Call& call, const Inventory& inventory);
std::vector<TopicPartition> covered(const PartitionSelector& target, const Inventory& inventory);
std::string partition_text(const TopicPartition& at);
std::optional<TopicPartition> parse_partition(std::string_view text);  // TOPIC/NUMBER
bool covers(const Pause& pause, const TopicPartition& at, const std::vector<std::string>& target_tables);

// The routes that take a topic, as the router does: the first one whose names or expressions have it, and those after
// it as long as each lets the next one continue. They belong to the pipeline.
std::vector<const config::Route*> routes_of(const config::Pipeline& pipeline, const std::string& topic);

enum class Waited : std::uint8_t { yes, deadline, stopped };
// Asks four times a second.
Waited wait_until(const std::function<bool()>& ready, std::chrono::milliseconds timeout, const std::stop_token& stop);

double rate_of(const Snapshot& now);                // offsets per second, mean of the last ten
Offset lag_of(const PartitionSnapshot& partition);  // -1: not known
Status state_of(const Snapshot& now);               // in a word, of the whole process
Status status_of(PartitionState state);

}  // namespace sluice::console

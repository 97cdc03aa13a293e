// Selects the partitions of a command or a pause, in the words of the console:
//
//   all | TOPIC | TOPIC/PARTITIONS | table TABLE | job JOB        PARTITIONS: 3, 0-5 or 1,4,7
//
// A job has no partitions; it is a target because it can be paused.
//
// A value without owner or thread. The text form is what the table `pause` holds, so parse(text()) is the same target.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/record.h"

namespace sluice {

struct PartitionSelector {
  enum class Kind : std::uint8_t { all, topic, partitions, table, job };
  Kind kind = Kind::all;
  std::string name;                      // of the topic, table or job
  std::vector<std::int32_t> partitions;  // sorted, distinct; only for Kind::partitions

  // The error is one line, without "error:".
  static std::expected<PartitionSelector, std::string> parse(std::string_view text);
  std::string text() const;
  // Returns true if the partition is selected. `target_tables` are those that its topic feeds, for Kind::table.
  bool covers(const TopicPartition& at, const std::vector<std::string>& target_tables) const;
  bool operator==(const PartitionSelector&) const = default;
};

}  // namespace sluice

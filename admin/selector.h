// Which partitions a command or a pause is about, in the words of the console:
//
//   all | TOPIC | TOPIC/PARTITIONS | table TABLE        PARTITIONS: 3, 0-5 or 1,4,7
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
  enum class Kind : std::uint8_t { all, topic, partitions, table };
  Kind kind = Kind::all;
  std::string name;                      // of the topic or table
  std::vector<std::int32_t> partitions;  // sorted, distinct; only for Kind::partitions

  // What is wrong is said in one line, without "error:".
  static std::expected<PartitionSelector, std::string> parse(std::string_view text);
  std::string text() const;
  // For Kind::table: whether the table is among those that the partition's topic feeds.
  bool covers(const TopicPartition& at, const std::vector<std::string>& target_tables) const;
  bool operator==(const PartitionSelector&) const = default;
};

}  // namespace sluice

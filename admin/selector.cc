#include "admin/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace sluice {
namespace {

constexpr std::int32_t partition_max = 1'000'000;
constexpr std::string_view table_word = "table ", job_word = "job ";

// "3", "0-5" or "1,4,7", also mixed; empty when it is none of these.
std::vector<std::int32_t> parse_partitions(std::string_view text) {
  std::vector<std::int32_t> found;
  const auto number = [&](std::int32_t& value) {
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0 || value > partition_max) return false;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    return true;
  };
  for (;;) {
    std::int32_t from = 0;
    if (!number(from)) return {};
    auto to = from;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      if (!number(to) || to < from || to - from > 10'000) return {};
    }
    for (auto one = from; one <= to; ++one) found.push_back(one);
    if (text.empty()) break;
    if (!text.starts_with(',')) return {};
    text.remove_prefix(1);
  }
  std::ranges::sort(found);
  const auto twice = std::ranges::unique(found);
  found.erase(twice.begin(), twice.end());
  return found;
}

}  // namespace

std::expected<PartitionSelector, std::string> PartitionSelector::parse(std::string_view text) {
  PartitionSelector target;
  if (text == "all") return target;
  if (text.starts_with(table_word)) {
    target.kind = Kind::table;
    target.name = text.substr(table_word.size());
    if (target.name.empty()) return std::unexpected("the name of the table is missing");
    return target;
  }
  if (text.starts_with(job_word)) {
    target.kind = Kind::job;
    target.name = text.substr(job_word.size());
    if (target.name.empty()) return std::unexpected("the name of the job is missing");
    return target;
  }
  const auto slash = text.find('/');
  target.name = text.substr(0, slash);
  if (target.name.empty()) return std::unexpected("a target is all, TOPIC, TOPIC/PARTITIONS, table TABLE or job JOB");
  if (slash == std::string_view::npos) {
    target.kind = Kind::topic;
    return target;
  }
  target.kind = Kind::partitions;
  target.partitions = parse_partitions(text.substr(slash + 1));
  if (target.partitions.empty()) {
    return std::unexpected(fmt::format("'{}' is not a list of partitions; write for example {}/3, {}/0-5 or {}/1,4",
                                       text.substr(slash + 1), target.name, target.name, target.name));
  }
  return target;
}

std::string PartitionSelector::text() const {
  switch (kind) {
    case Kind::all:
      return "all";
    case Kind::topic:
      return name;
    case Kind::table:
      return std::string(table_word) + name;
    case Kind::job:
      return std::string(job_word) + name;
    case Kind::partitions:
      return fmt::format("{}/{}", name, fmt::join(partitions, ","));
  }
  return {};
}

bool PartitionSelector::covers(const TopicPartition& at, const std::vector<std::string>& target_tables) const {
  switch (kind) {
    case Kind::all:
      return true;
    case Kind::topic:
      return at.topic == name;
    case Kind::table:
      return std::ranges::find(target_tables, name) != target_tables.end();
    case Kind::job:
      return false;
    case Kind::partitions:
      return at.topic == name && std::ranges::binary_search(partitions, at.partition);
  }
  return false;
}

}  // namespace sluice

#include "sink/pointer_parameters.h"

#include <algorithm>
#include <cstdlib>

#include "sink/dead_letters.h"

namespace sluice::sink {
namespace {

constexpr Oid text_oid = 25, int8_oid = 20, timestamptz_oid = 1184;

class Ranges {
 public:
  explicit Ranges(std::span<const PartitionRange> ranges) {
    for (const auto& range : ranges) sorted_.push_back(&range);
    std::ranges::sort(sorted_, {}, [](const auto* range) -> const TopicPartition& { return *range->at; });
  }

  void add_places(Parameters& parameters) const {
    std::vector<std::optional<std::string_view>> topics;
    std::vector<std::int32_t> partitions;
    for (const auto* range : sorted_) {
      topics.emplace_back(range->at->topic);
      partitions.push_back(range->at->partition);
    }
    parameters.add_bytes(topics, text_oid);
    parameters.add_int4s(partitions);
  }

  template <class Value>
  void add(Parameters& parameters, Value value) const {
    std::vector<std::int64_t> values;
    for (const auto* range : sorted_) values.push_back(value(*range));
    parameters.add_int8s(values);
  }

  void add_counts(Parameters& parameters, bool with_counts) const {
    for (const auto count : {&Counts::applied, &Counts::folded, &Counts::skipped, &Counts::dead, &Counts::gaps}) {
      add(parameters, [&](const PartitionRange& range) { return with_counts ? range.counts.*count : 0; });
    }
  }

  const std::vector<const PartitionRange*>& sorted() const { return sorted_; }

 private:
  std::vector<const PartitionRange*> sorted_;
};

void add_anchors(Parameters& parameters, const Ranges& ranges) {
  std::vector<std::optional<std::int64_t>> offsets, timestamps, crcs;
  for (const auto* range : ranges.sorted()) {
    const bool known = range->anchor_offset >= 0;
    offsets.push_back(known ? std::optional(range->anchor_offset) : std::nullopt);
    timestamps.push_back(known ? timestamp_of(range->anchor_timestamp_ms) : std::nullopt);
    crcs.push_back(known ? std::optional(range->anchor_crc) : std::nullopt);
  }
  parameters.add_int8s(offsets, int8_oid);
  parameters.add_int8s(timestamps, timestamptz_oid);
  parameters.add_int8s(crcs, int8_oid);
}

}  // namespace

void add_advance(Parameters& parameters, const Identity& identity, std::span<const PartitionRange> given,
                 bool with_counts) {
  const Ranges ranges(given);
  parameters.clear();
  parameters.add_text(identity.pipeline);
  parameters.add_text(identity.owner);
  ranges.add_places(parameters);
  ranges.add(parameters, [](const PartitionRange& range) { return range.from; });
  ranges.add(parameters, [](const PartitionRange& range) { return range.to; });
  ranges.add(parameters, [](const PartitionRange& range) { return range.epoch; });
  std::vector<std::int32_t> generations;
  for (const auto* range : ranges.sorted()) generations.push_back(range->generation);
  parameters.add_int4s(generations);
  add_anchors(parameters, ranges);
  ranges.add_counts(parameters, with_counts);
}

void add_counts(Parameters& parameters, const Identity& identity, std::span<const PartitionRange> given) {
  const Ranges ranges(given);
  parameters.clear();
  parameters.add_text(identity.pipeline);
  parameters.add_text(identity.owner);
  ranges.add_places(parameters);
  ranges.add(parameters, [](const PartitionRange& range) { return range.to; });
  ranges.add(parameters, [](const PartitionRange& range) { return range.epoch; });
  ranges.add_counts(parameters, true);
}

Claim read_claim(const PGresult* rows, int row, const TopicPartition& at) {
  const auto number = [&](int column, std::int64_t otherwise = 0) {
    return PQgetisnull(rows, row, column) ? otherwise : std::strtoll(PQgetvalue(rows, row, column), nullptr, 10);
  };
  Claim claim;
  claim.at = &at;
  claim.next = number(2);
  claim.epoch = number(3);
  claim.generation = static_cast<std::int32_t>(number(4));
  claim.anchor_offset = number(5, -1);
  claim.anchor_timestamp_ms = number(6, -1);
  claim.anchor_crc = number(7);
  claim.state = parse_partition_state(PQgetvalue(rows, row, 8)).value_or(PartitionState::poison);
  claim.state_reason = PQgetvalue(rows, row, 9);
  claim.counts = {number(10), number(11), number(12), number(13), number(14)};
  claim.start = number(15);
  return claim;
}

}  // namespace sluice::sink

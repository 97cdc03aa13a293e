// Some hundred records of a topic, from the beginning and the end of its partitions, kept to be looked at more than
// once.
//
// Used by one thread. sample_topic() blocks up to its deadline; what was read until then counts. An error is `retry`,
// with a sentence for a person: nothing could be read, or there is no such topic.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::runtime {

struct SampledRecord {
  const TopicPartition* at = nullptr;
  Offset offset = 0;
  std::int64_t timestamp_ms = -1;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;

  // Views of this one, which has to outlive it.
  Record record() const;
};

struct TopicSample {
  std::deque<TopicPartition> places;
  std::vector<SampledRecord> records;
  std::int64_t held = 0;     // offsets that the log has, all partitions together
  std::string trouble = {};  // why not all was read that should have been; empty: all was
};

Result<TopicSample> sample_topic(const config::Kafka& kafka, const std::string& topic, Clock::time_point deadline);

}  // namespace sluice::runtime

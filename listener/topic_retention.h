// How long Kafka keeps the records of a topic, by the topic's configuration.
//
// A function of any thread, with a client of its own; it blocks up to its deadline. The answer of a topic may be an
// error, such as a missing right; errors are `retry` with a sentence for an operator.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "config/pipeline.h"

namespace sluice::listener {

struct TopicRetention {
  bool deletes = true;                             // cleanup.policy; without it, Kafka only compacts
  std::optional<std::chrono::milliseconds> keeps;  // retention.ms; nothing: for ever
  std::optional<std::int64_t> bytes;               // retention.bytes of each partition; nothing: any number
};
Result<std::map<std::string, Result<TopicRetention>>> topic_retention(const config::Kafka& settings,
                                                                      const std::set<std::string>& topics,
                                                                      Clock::time_point deadline);

}  // namespace sluice::listener

// Lists the cluster's topics and selects those that a pipeline reads.
//
// `check` and the consumer use the same two steps, so that they agree: list_topics() asks the cluster, a TopicSelection
// made from the routes chooses. Names that are given count even before the topic exists; a regular expression chooses
// among the topics that exist, never Kafka's internal ones. Any thread; what asks the cluster blocks up to its
// time-out.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/pattern.h"
#include "config/pipeline.h"

namespace sluice::listener {

struct Topic {
  std::string name;
  int partitions = 0;
};

class TopicSelection {
 public:
  // Names, or regular expressions that begin with ^; an error names the one that RE2 does not take.
  static Result<TopicSelection> make(const std::vector<std::string>& topics);

  // Returns the names to subscribe to: sorted, without duplicates.
  std::vector<std::string> names(const std::vector<Topic>& existing) const;
  // The regular expressions that match none of them.
  std::vector<std::string> idle_patterns(const std::vector<Topic>& existing) const;

 private:
  std::vector<Pattern> patterns_;
};

// The topics of all routes as they are written, and that of transaction metadata.
std::vector<std::string> topics_of(const config::Pipeline& pipeline);

// Lists the topics of the whole cluster, with a client of its own.
Result<std::vector<Topic>> list_topics(const config::Kafka& settings, std::chrono::milliseconds timeout);

// Asks until Kafka answers, or a setting is wrong, or the caller is stopping.
Result<std::vector<Topic>> wait_for_topics(const config::Kafka& settings, const std::atomic<bool>& stopping);

}  // namespace sluice::listener

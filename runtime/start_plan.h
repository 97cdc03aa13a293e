// What `check --connect` says of a take-over from another consumer group: whether it can begin, and where.
//
// Asks Kafka and PostgreSQL with clients of its own, blocking, some seconds each; changes nothing.
#pragma once

#include <string>
#include <vector>

#include "config/pipeline.h"
#include "listener/topics.h"

namespace sluice::runtime {

struct StartPlan {
  std::vector<std::string> lines;   // for the plan
  std::vector<std::string> errors;  // why `run` would wait
};
// Of the topics that the pipeline reads and that exist. Empty without a take-over.
StartPlan plan_start(const config::Pipeline& pipeline, const std::vector<listener::Topic>& topics);

}  // namespace sluice::runtime

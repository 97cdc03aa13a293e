// Questions about the first and last offset of partitions, the blocking form.
//
// Private to listener/; for threads that may wait: the lookup thread, check, the reader. No question lasts longer than
// its time-out, also when a broker has taken it and says nothing.
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "base/error.h"
#include "base/record.h"
#include "listener/consumer.h"
#include "listener/handles.h"

namespace sluice::listener {

// Result of a question about many partitions: one error of the whole question, or an answer or an error for each.
using WatermarksOfMany = std::map<TopicPartition, Result<Watermarks>>;

// Two requests to each leader, whatever the number of partitions.
Result<WatermarksOfMany> query_watermarks(rd_kafka_t* client, const std::vector<TopicPartition>& of,
                                          std::chrono::milliseconds timeout);
Result<Watermarks> query_watermarks(rd_kafka_t* client, const TopicPartition& at, std::chrono::milliseconds timeout);

}  // namespace sluice::listener

// Closes and destroys a client of librdkafka, which may take for ever.
//
// Private to listener/. Both run in a thread of their own and are waited for; what is not done in time goes on, and the
// process then has to end with _exit().
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <functional>

#include "base/error.h"

namespace sluice::listener {

// Leaves the group and stops fetching; the handle stays valid. Returns false if that takes longer than `timeout`, or
// when `stopping` says so. An error: no thread could be started.
Result<bool> close_client(rd_kafka_t* client, std::chrono::milliseconds timeout, const std::function<bool()>& stopping);
// Takes the client over. Returns false if it takes longer.
Result<bool> destroy_client(rd_kafka_t* client, std::chrono::milliseconds timeout);
// The answer to a rebalance of a client that is being closed for good.
void give_back(rd_kafka_t* client, rd_kafka_topic_partition_list_t* partitions);

}  // namespace sluice::listener

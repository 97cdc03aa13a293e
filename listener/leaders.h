// Questions about the leaders of partitions, the blocking form.
//
// Private to listener/; for threads that may wait. librdkafka puts such a question to one broker, the one that it used
// last, so while that one hangs it puts it to the same again and again, until the socket's time-out. A client that is
// made for the question has used none: it connects to all bootstrap brokers at once, and the first that greets is
// asked. The error is librdkafka's code.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <map>

#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::listener {

using BrokerId = std::int32_t;
// Without the partitions that have no leader at the moment.
using Leaders = std::map<TopicPartition, BrokerId>;

// Of the topics that the client knows.
std::expected<Leaders, rd_kafka_resp_err_t> find_leaders(rd_kafka_t* client, std::chrono::milliseconds timeout);
// Of all topics, with a client that is made for this question.
std::expected<Leaders, rd_kafka_resp_err_t> find_leaders(const config::Kafka& settings,
                                                         std::chrono::milliseconds timeout);

}  // namespace sluice::listener

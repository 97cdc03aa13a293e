// Configures our Kafka clients: the user's properties, our defaults where the user sets none, and the properties that
// the delivery guarantee depends on.
//
// Private to listener/. Functions without state, any thread. Errors name the property that librdkafka refuses, never
// its value, which may be a password.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/pipeline.h"
#include "listener/consumer.h"
#include "listener/handles.h"

namespace sluice::listener {

struct Setting {
  const char* name;
  const char* value;
};

// Each partition's share of the consumer's limits, and how long an idle broker may delay a fetch.
struct FetchLimits {
  std::size_t queue_bytes = 0;
  std::size_t queue_records = 0;
  std::size_t answer_bytes = 0;     // of one fetch, all partitions together: each record keeps its whole answer alive
  std::size_t partition_bytes = 0;  // of one partition in it
  int wait_ms = 0;
};
FetchLimits fetch_limits(const ConsumerLimits& limits, std::size_t partitions);

// Returns the brokers and the user's properties, for any client; what the library logs is logged as debugging.
Result<ConfHandle> client_conf(const config::Kafka& settings);
// Returns the same for the consumer; limits that the user sets stay as they are.
Result<ConfHandle> consumer_conf(const config::Kafka& settings, const FetchLimits& limits);
// Sets the property unless the user has set it.
Result<void> prefer(rd_kafka_conf_t* conf, const config::Kafka& settings, std::span<const Setting> preferred);
// Returns what has a queue fetched again soon after it was full, for prefer(); nothing for versions that need nothing.
std::span<const Setting> fetch_again_soon(int library_version = rd_kafka_version());
// Sets the property, overriding the user.
Result<void> require(rd_kafka_conf_t* conf, std::span<const Setting> required);
Result<ClientHandle> make_client(rd_kafka_type_t type, ConfHandle conf);

// Returns sentences about settings that work, but that an operator should know of: limits that the user has taken over,
// and an assignment strategy that this library has known faults in.
std::vector<std::string> advice(const config::Kafka& settings, int library_version = rd_kafka_version());

// Returns the effective value, the user's included.
std::size_t number_in(const rd_kafka_conf_t* conf, const char* name);

}  // namespace sluice::listener

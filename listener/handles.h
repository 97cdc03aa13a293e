// Owners of librdkafka's C handles, and the consumer configuration that the promise rests on.
//
// Private to listener/. Each holder releases its handle once; make_conf() applies the user's properties below ours.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "config/pipeline.h"

namespace sluice::listener {

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* handle) const {
    Release(handle);
  }
};

using ConfHandle = std::unique_ptr<rd_kafka_conf_t, Releaser<rd_kafka_conf_destroy>>;
using ClientHandle = std::unique_ptr<rd_kafka_t, Releaser<rd_kafka_destroy>>;
using ListHandle = std::unique_ptr<rd_kafka_topic_partition_list_t, Releaser<rd_kafka_topic_partition_list_destroy>>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_t, Releaser<rd_kafka_queue_destroy>>;
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, Releaser<rd_kafka_error_destroy>>;

// Brokers and the user's properties, for any client.
Result<ConfHandle> client_conf(const config::Kafka& settings);
// The same for the one consumer. `queue_bytes` bounds what librdkafka holds ready for each partition.
Result<ConfHandle> consumer_conf(const config::Kafka& settings, std::size_t queue_bytes);
Result<ClientHandle> make_client(rd_kafka_type_t type, ConfHandle conf);

}  // namespace sluice::listener

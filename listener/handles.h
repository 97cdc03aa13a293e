// Owners of librdkafka's C handles.
//
// Private to listener/. Each holder releases its handle once. The ClientGate lends the consumer's client to threads
// that it does not wait for otherwise: once closed it lends nothing, and closing waits for what is lent.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "base/error.h"

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
using MetadataHandle = std::unique_ptr<const rd_kafka_metadata_t, Releaser<rd_kafka_metadata_destroy>>;

class ClientGate {
 public:
  // The client stays while this lives. Hold it for one bounded call.
  class Loan {
   public:
    Loan() = default;
    Loan(std::shared_lock<std::shared_mutex> lock, rd_kafka_t* client) : lock_(std::move(lock)), client_(client) {}
    explicit operator bool() const { return client_ != nullptr; }
    rd_kafka_t* get() const { return client_; }

   private:
    std::shared_lock<std::shared_mutex> lock_;
    rd_kafka_t* client_ = nullptr;
  };

  void open(rd_kafka_t* client) { client_ = client; }
  // Empty before open() and after close().
  Loan borrow() {
    if (client_.load() == nullptr) return {};
    std::shared_lock lock(mutex_);
    rd_kafka_t* client = client_;
    return client == nullptr ? Loan() : Loan(std::move(lock), client);
  }
  // Waits for the calls under way; afterwards no thread holds the client or can borrow it.
  void close() {
    client_ = nullptr;
    const std::unique_lock lock(mutex_);
  }

 private:
  std::shared_mutex mutex_;
  std::atomic<rd_kafka_t*> client_{nullptr};
};

}  // namespace sluice::listener

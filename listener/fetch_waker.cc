#include "listener/fetch_waker.h"

namespace sluice::listener {
namespace {

constexpr int timeout_ms = 500;

}  // namespace

FetchWaker::FetchWaker(ClientGate& client) : client_(client), thread_(&FetchWaker::run, this) {}

FetchWaker::~FetchWaker() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_one();
  thread_.join();
}

void FetchWaker::ask(const TopicPartition& at) {
  {
    const MutexLock lock(mutex_);
    waiting_.insert(at);
  }
  asked_.notify_one();
}

void FetchWaker::run() {
  for (;;) {
    std::set<TopicPartition> partitions;
    {
      MutexLock lock(mutex_);
      asked_.wait(lock, [this]() REQUIRES(mutex_) { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      partitions.swap(waiting_);
    }
    // One request per leader among them; the answer does not matter.
    const ListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
    for (const auto& at : partitions) {
      rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition)->offset = RD_KAFKA_OFFSET_END;
    }
    if (const auto client = client_.borrow()) rd_kafka_offsets_for_times(client.get(), list.get(), timeout_ms);
  }
}

}  // namespace sluice::listener

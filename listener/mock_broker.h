// librdkafka's mock cluster, for `sluice demo` and tests only: on loopback, everything in memory.
//
// It may abort its process by assertion, so it gets a process of its own. It keeps 5 MiB per partition and then drops
// the oldest batches silently: a writer must stay within 4 MiB of the slowest reader. Topics must exist before
// the first client asks for them, with their partitions.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/record.h"

namespace sluice::listener {

class MockBroker {
 public:
  static Result<std::unique_ptr<MockBroker>> start(const std::vector<std::string>& topics, int partitions,
                                                   int brokers = 1);
  ~MockBroker();
  MockBroker(const MockBroker&) = delete;
  MockBroker& operator=(const MockBroker&) = delete;

  const std::string& bootstrap() const;

  // For tests: what may happen to a cluster. Brokers are numbered from 1; a leader of -1 is none.
  Result<void> create_topic(const std::string& topic, int partitions);
  // Answers for the topic with a broker's error, by its number in Kafka's protocol, from now on.
  void refuse_topic(const std::string& topic, int error);
  void set_leader(const TopicPartition& at, int broker);
  // The broker takes requests and is silent this long before it answers.
  void set_delay(int broker, std::chrono::milliseconds delay);

 private:
  struct State;
  explicit MockBroker(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::listener

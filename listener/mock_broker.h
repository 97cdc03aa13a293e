// librdkafka's mock cluster, for `sluice demo` only: one broker on loopback, everything in memory.
//
// It may abort its process by assertion, so it gets a process of its own. It keeps 5 MiB per partition and then drops
// the oldest batches without a word: whoever writes must stay within 4 MiB of whoever reads. Topics must exist before
// the first client asks for them, with their partitions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace sluice::listener {

class MockBroker {
 public:
  static Result<std::unique_ptr<MockBroker>> start(const std::vector<std::string>& topics, int partitions);
  ~MockBroker();
  MockBroker(const MockBroker&) = delete;
  MockBroker& operator=(const MockBroker&) = delete;

  const std::string& bootstrap() const;

 private:
  struct State;
  explicit MockBroker(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::listener

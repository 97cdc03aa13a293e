// Kafka in: one consumer handle, its poll thread, and the queue of every partition.
//
// The poll thread serves rebalances, errors and statistics and never waits for anybody. It assigns a partition paused
// and tells the service through Events; the lane that owns the partition then calls Partition's functions from its own
// thread. Not polling a partition is the back-pressure: librdkafka stops fetching at its queue limit. Facts about
// librdkafka 2.0.2 that shape this folder are in docs/architecture.md.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::listener {

struct Watermarks {
  Offset low = 0;   // first offset that the broker still has
  Offset high = 0;  // one past the last
};

struct EndOfPartition {
  Offset next = 0;  // everything below has been delivered, control records and compaction gaps included
};
struct OutOfRange {};  // the broker does not have the offset that was asked for; the partition stands still
struct BrokerError {   // a broker's error; the library goes on by itself
  std::string message;
};
using Event = std::variant<std::monostate, Record, EndOfPartition, OutOfRange, BrokerError>;

// A partition that was assigned at least once. Lives as long as the Consumer (librdkafka 2.0.2 loses the queue's
// forwarding otherwise), whoever owns it at the moment.
class Partition {
 public:
  virtual ~Partition() = default;
  virtual const TopicPartition& at() const = 0;
  // Counts assignments and revocations. A lane remembers the one it claimed under; when it differs, the partition is no
  // longer that lane's to apply.
  virtual std::uint64_t assignment_id() const = 0;
  virtual bool assigned() const = 0;

  // From the lane, while assigned. `wake` is an eventfd written to when the empty queue receives something.
  virtual void wake_through(int eventfd) = 0;
  virtual Result<Watermarks> watermarks(std::chrono::milliseconds timeout) = 0;
  // Fetches from `offset` on; also out of the state that OutOfRange left.
  virtual Result<void> start_at(Offset offset) = 0;
  virtual void pause() = 0;
#ifdef SLUICE_FAULTS
  virtual Offset committed() = 0;  // what Kafka remembers for the group, for a seeded bug; negative: nothing
#endif
  virtual Event poll() = 0;  // never blocks
  // The log's end as the last fetch heard it, no network; -1 if unknown. Any thread.
  virtual Offset known_end() const = 0;
};

// Called from the poll thread; must return at once.
struct Events {
  std::function<void(Partition&)> assigned;
  std::function<void(Partition&, bool lost)> revoked;
  std::function<void()> rebalanced;        // the group has given this member its partitions, perhaps none
  std::function<void(std::string)> fatal;  // this consumer is dead: stop the service
};

class Consumer {
 public:
  virtual ~Consumer() = default;
  virtual Result<void> start(const std::vector<std::string>& topics) = 0;
  // Leaves the group; blocks until the revocations are served, at most `timeout`, then false.
  virtual bool stop(std::chrono::milliseconds timeout) = 0;
  // A hint for lag tools: asynchronous, harmless if lost. Never read back by us.
  virtual void hint_committed(const std::vector<std::pair<TopicPartition, Offset>>& next) = 0;
  // How many partitions the topic has; asks the cluster.
  virtual Result<int> partitions(const std::string& topic, std::chrono::milliseconds timeout) = 0;
  // Of many partitions with two questions to each broker. One that got no answer is missing: ask for it alone to learn
  // why.
  virtual std::map<TopicPartition, Watermarks> watermarks(const std::vector<TopicPartition>& of,
                                                          std::chrono::milliseconds timeout) = 0;
};

std::unique_ptr<Consumer> make_consumer(const config::Kafka& settings, std::size_t queue_bytes, Events events);

// For `check`: topics of the cluster with their partition counts.
struct Topic {
  std::string name;
  int partitions = 0;
};
Result<std::vector<Topic>> list_topics(const config::Kafka& settings, std::chrono::milliseconds timeout);

// Whether librdkafka takes these settings, without connecting: the message names the property.
Result<void> validate(const config::Kafka& settings);

}  // namespace sluice::listener

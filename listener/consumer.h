// Kafka in: one consumer handle, its poll thread, and the queue of every partition.
//
// The poll thread serves rebalances and errors and never waits for anybody. It assigns a partition paused and notifies
// the service through Events; the lane that owns the partition then calls Partition's functions from its own thread.
// Not polling a partition is the back-pressure: librdkafka stops fetching at its queue limit. Facts about
// librdkafka 2.0.2 that shape this folder are in docs/architecture.md.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/ready_signal.h"
#include "base/record.h"
#include "config/pipeline.h"
#include "listener/group_positions.h"

namespace sluice::listener {

struct Watermarks {
  Offset low = 0;   // first offset that the broker still has
  Offset high = 0;  // one past the last
};

struct EndOfPartition {
  Offset next = 0;  // everything below has been delivered, control records and compaction gaps included
};
struct OutOfRange {};  // the broker does not have the offset that was asked for; the partition is stopped
struct BrokerError {   // an error that came instead of records, which may be missing from what follows
  std::string message;
  bool damaged = false;  // what the broker sent cannot be read: a checksum, a length, a version, a compression
};
using Event = std::variant<std::monostate, Record, EndOfPartition, OutOfRange, BrokerError>;

// What was fetched and is not polled yet.
struct Fetched {
  std::size_t records = 0;
  std::size_t bytes = 0;  // by the mean of those that were polled before, 0 until one was
  std::size_t limit = 0;  // bytes at which fetching stops
};

// A partition that was assigned at least once. Lives as long as the Consumer (librdkafka 2.0.2 loses the queue's
// forwarding otherwise), whichever instance owns it at the moment.
class Partition {
 public:
  virtual ~Partition() = default;
  virtual const TopicPartition& at() const = 0;
  // Counts assignments and revocations. A lane remembers the one it claimed under; if it differs, the lane may not
  // apply the partition any more.
  virtual std::uint64_t assignment_id() const = 0;
  virtual bool assigned() const = 0;

  // From the lane, while assigned. Notifies `token` when the empty queue receives something, after each start_at(), and
  // once now. A queue that was not polled until it was empty notifies no more, so the lane keeps the token of one that
  // it leaves with something in it. The signal must live until the consumer has stopped.
  virtual void wake_through(ReadySignal& signal, std::uint32_t token) = 0;
  // Fetches from `offset` on, also after OutOfRange. One attempt of some milliseconds; on `retry` the caller tries
  // again later.
  virtual Result<void> start_at(Offset offset) = 0;
  virtual void pause() = 0;
#ifdef SLUICE_FAULTS
  virtual Offset committed() = 0;  // what Kafka remembers for the group, for a seeded bug; negative: nothing
#endif
  virtual Event poll() = 0;  // never blocks
  // Returns the log's end as of the last fetch, without network, up to a second old; -1 if unknown. Any thread, also
  // after the consumer has stopped.
  virtual Offset known_end() const = 0;
  // As of the last fetch, so that what was polled lies before it; -1 if unknown. Without network, but it takes locks of
  // the whole client: not for each record. Any thread, at any time.
  virtual Offset fetched_end() const = 0;
  // Mean size, keys included, of the records that were polled; 0 before the first. Any thread, at any time.
  virtual double record_bytes() const = 0;
  // What is in the queue, without network; nothing after the consumer has stopped. Any thread.
  virtual Fetched fetched() const = 0;
};

// How this member of the consumer group stands.
struct GroupStanding {
  // Since when Kafka answers no question, whatever the group has said before.
  std::optional<std::chrono::system_clock::time_point> away_since;
  // Since when the group gives it nothing; set once that is longer than a rebalance takes.
  std::optional<std::chrono::system_clock::time_point> outside_since;
  std::int64_t rebuilds = 0;    // consumers made anew because of that
  std::int64_t reconnects = 0;  // by order of an operator; counted once the new one has been given its partitions
  bool operator==(const GroupStanding&) const = default;
};

// Called from the poll thread; must return at once.
struct Events {
  std::function<void(Partition&)> assigned;
  std::function<void(Partition&, bool lost)> revoked;
  std::function<void()> rebalanced;        // the group has given this member its partitions, perhaps none
  std::function<void(std::string)> fatal;  // the consumer has failed for good: stop the service
  // From another thread of the consumer's: subscribed topics that the cluster does not have. Comes again every few
  // seconds while there are any, and without names when there are none any more. May be left out.
  std::function<void(std::vector<std::string>)> missing = {};
  std::function<void(const GroupStanding&)> group = {};  // it has changed. May be left out
};

using WatermarksAnswer = std::function<void(const TopicPartition&, const Result<Watermarks>&)>;

// Limits of fetched records that wait to be polled, for all partitions together. Up to eight partitions have a share
// each; of more, each may hold an eighth, and the sum is kept (fetch_budget.h), a part for each lane.
struct ConsumerLimits {
  std::size_t queue_bytes = 32u << 20;
  std::size_t queue_records = 32'000;        // limits the memory of small values and tombstones
  std::chrono::milliseconds relist{30'000};  // how often topics are looked for
};

class Consumer {
 public:
  virtual ~Consumer() = default;
  // Names of topics, or regular expressions that begin with ^. Returns at once: the topics are listed as soon as Kafka
  // answers, and subscribed by their names. An error is one of the settings.
  virtual Result<void> start(const std::vector<std::string>& topics) = 0;
  // Leaves the group; blocks until the revocations are served, at most `timeout`, then false. Lanes end before: of
  // a Partition, only known_end(), record_bytes() and fetched() may be asked any more. Everything else here may be
  // called at any time, and fails after it. After false librdkafka's threads go on, and the process must end with
  // _exit().
  virtual bool stop(std::chrono::milliseconds timeout) = 0;
  // By order of an operator: has a new client in the place of the one that there is, which joins the group as a member
  // of its own. Returns at once: the partitions are revoked as lost a moment later, and GroupStanding::reconnects tells
  // when the group has given the new one its partitions. Where the old one cannot be closed, the consumer fails for
  // good. An error is a sentence for the operator.
  virtual Result<void> reconnect() = 0;
  // A hint for lag monitors: asynchronous, harmless if lost. Sluice never reads it.
  virtual void hint_committed(const std::vector<std::pair<TopicPartition, Offset>>& next) = 0;
  // Returns at once; `answer` is called once for each partition, with an error after some seconds at the latest, from a
  // thread of the consumer's that it must not keep. See listener/offset_lookup.h.
  virtual void ask_watermarks(std::vector<TopicPartition> of, WatermarksAnswer answer) = 0;
  // Returns the number of partitions that the topic had when the consumer started, 0 if it did not exist: what has
  // appeared since is numbered from there on. Asks nobody; known before the first partition is assigned.
  virtual int partitions_at_start(const std::string& topic) const = 0;
  // Where the group that kafka.start names has committed in the topic. Returns at once, with nothing as long as Kafka
  // is being asked: come again.
  virtual std::optional<Result<GroupPositions>> group_positions(const std::string& topic, int partitions) = 0;
};

std::unique_ptr<Consumer> make_consumer(const config::Kafka& settings, const ConsumerLimits& limits, Events events);

// Returns an error if librdkafka refuses these settings, which it does without connecting; the message names the
// property, and so does the detail, alone.
Result<void> validate(const config::Kafka& settings);

}  // namespace sluice::listener

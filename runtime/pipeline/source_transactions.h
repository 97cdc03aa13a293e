// Keeps transactions of the source whole (`[consistency] transactions = "source"`): says which of the records that a
// lane holds may go into a batch, and in which order.
//
// Debezium marks each change event with its transaction, and says in a metadata topic, in the order of commits, how
// many events of which table a transaction has. The first transaction whose END is held is the *front*: once all its
// events are held, its records are one *unit*, in source order. A batch holds units and never a part of one. A record
// of no transaction is a unit of its own, unless it lies behind events of one in its partition.
//
// Owned by LaneState, used by the lane's thread; without the setting nothing calls it but whole(). It holds no records
// (held_records.h does) and looks at no clock; how many transactions it remembers is bounded.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/record.h"
#include "config/pipeline.h"
#include "listener/consumer.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/assignment.h"
#include "runtime/pipeline/order_set.h"

namespace sluice::runtime {

class SourceTransactions {
 public:
  using Assignments = std::map<TopicPartition, Assignment>;
  static constexpr std::size_t ahead_records = 4000;     // held of one partition, unless the front needs more
  static constexpr std::size_t ahead_bytes_min = 65536;  // the same; more where a batch may have more for each
  static constexpr std::size_t ends_ahead = 10'000;      // the same of the metadata topic
  static constexpr std::size_t remembered = 10'000;      // transactions that have passed
  static constexpr std::size_t largest_in_batches = 8;   // one transaction's bytes, in those that a batch may have

  SourceTransactions(const config::Pipeline& pipeline, const mapping::Mapper& mapper);

  bool whole() const { return settings_.whole(); }
  bool is_metadata(const TopicPartition& at) const { return at.topic == settings_.topic; }

  // Returns why the lane has to wait before it claims anything: partitions are missing that another instance has, or
  // that come in a moment. Empty if none are.
  std::string missing_here(const Assignments& assignments, const listener::Consumer& consumer) const;
  // The partition was claimed and starts at its pointer; its log ends there.
  void started(const Assignments& assignments, const Assignment& assignment, Offset log_end);
  // What the record says that was applied last before the partition's pointer.
  void on_anchor(const Assignments& assignments, const Assignment& assignment, const mapping::SourceMark& mark);
  // From here to where the logs end now, records are applied as they come.
  void let_pass(const Assignments& assignments);
  void revoked(const TopicPartition& at);

  // Bytes that so many partitions may hold together, the front included.
  std::size_t most_bytes(std::size_t partitions) const {
    return largest_in_batches * batch_bytes_ + std::max(ahead_bytes_min * partitions, batch_bytes_);
  }
  // Returns true if one more record of the partition may be held.
  bool may_read(const Assignments& assignments, const Assignment& assignment);
  // Returns true if the partition's first held record does not wait for others.
  bool passes(const Assignment& assignment);
  // Returns the records of the front if it is complete, in source order: each is the first that the assignment holds
  // then. Empty if it is not complete.
  std::vector<Assignment*> complete(Assignments& assignments);
  // A batch with these notes was committed.
  void committed(std::span<const SourceNote> notes);

  // To be asked when nothing can be taken, and with what missing_here() says. Returns why transactions have waited too
  // long; empty while they have not.
  std::string overdue(const Assignments& assignments, const std::string& missing, Clock::time_point now);

  // Limits the units of batches: one that failed is tried again with half as many, one that could not be made whole
  // with what comes before it. Success doubles the limit until there is none.
  void limit(std::size_t units);
  void failed(std::size_t units);
  void succeeded();
  bool limited() const { return most_units_ != SIZE_MAX; }
  bool is_full(std::size_t units) const { return units >= most_units_; }
  int failures() const { return failures_; }  // in a row

 private:
  struct Needed {
    std::string topic;
    std::int64_t events = 0;
  };
  // Of the END at this offset.
  struct Front {
    Offset at = -1;
    std::string transaction;
    std::vector<Needed> needed;
  };
  struct Begun {
    bool fresh = false, in_transaction = false;  // nothing was applied before; what was applied last is an event
    std::string transaction = {};                // of that event
    Offset start = 0, next = 0, end = 0;
  };
  struct Waiting {
    std::string transaction;
    std::int64_t held = -1;
    Clock::time_point since{};
  };

  const Front* front(const Assignments& assignments);
  const std::string& topic_of(const std::string& collection);
  const OrderSet* passed_events(const std::string& transaction, const std::string& topic) const;
  std::vector<const OrderSet*> seen_of(const Assignments& assignments, const Front& front, const Needed& needed) const;
  void join_repeats(Assignments& assignments, const Front& front) const;
  bool applied_before(const Assignment& assignment, const HeldRun& run) const;
  bool is_here(const Assignments& assignments, const Front& front, const Needed& needed) const;
  bool is_complete(const Assignments& assignments, const Front& front) const;
  std::size_t front_bytes(const Assignments& assignments, const Front& front) const;
  std::string why_waiting(const Assignments& assignments, const std::string& transaction, const Front* front) const;
  void let_pass_what_began_before(const Assignments& assignments);
  const Assignment* metadata(const Assignments& assignments) const;

  const config::Consistency settings_;
  const mapping::Mapper& mapper_;
  const std::size_t batch_bytes_;
  const std::string prefix_;                             // of topics, as the metadata topic's name has it
  std::unordered_map<std::string, std::string> topics_;  // of data collections; empty: not read here
  std::map<TopicPartition, Begun> begun_;
  std::map<TopicPartition, Offset> until_;  // records before it pass
  std::set<std::string> over_;              // transactions whose END was committed
  std::deque<std::string> over_order_;
  std::map<std::string, std::map<std::string, OrderSet>> passed_;  // events committed apart from the rest, by topic
  std::deque<std::string> passed_order_;
  std::optional<Front> front_;
  Waiting waiting_;
  std::size_t most_units_ = SIZE_MAX;
  int failures_ = 0;
};

}  // namespace sluice::runtime

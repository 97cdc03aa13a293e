#include "listener/assignments.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds reassign_pause_min{200}, reassign_pause_max{10'000};
constexpr std::chrono::seconds reassign_calm{60};  // after it, the first time counts as the first again

// Offset of a paused partition between its assignment and its lane's seek. An absolute offset: with a logical one,
// librdkafka 2.0.2 looks it up again when the answer arrives after the seek, and so undoes the seek. It is paused
// before it is assigned, so that nothing is fetched there.
constexpr std::int64_t parked = 0;

}  // namespace

void Assignments::begin(rd_kafka_t* client, PartitionQueue::Limit limit) {
  client_ = client;
  limit_ = limit;
}

bool Assignments::cooperative() const {
  const char* protocol = rd_kafka_rebalance_protocol(client_);
  return protocol != nullptr && std::string_view(protocol) == "COOPERATIVE";
}

PartitionQueue& Assignments::partition(const std::string& topic, std::int32_t number) {
  TopicPartition at{topic, number};
  auto& slot = known_[at];
  if (!slot) slot = std::make_unique<PartitionQueue>(gate_, client_, std::move(at), reassign_, waker_, limit_);
  return *slot;
}

void Assignments::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions) {
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assign(partitions);
    events_.rebalanced();
  } else {
    if (what != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) log::warning("kafka", "rebalance: {}", rd_kafka_err2str(what));
    revoke(partitions);
  }
}

void Assignments::assign(rd_kafka_topic_partition_list_t* partitions) {
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& element = partitions->elems[i];
    element.offset = parked;
    if (const TopicPartition at{element.topic, element.partition}; to_replace_.erase(at) > 0)
      replaced_.push_back(std::move(known_.extract(at).mapped()));
    partition(element.topic, element.partition).pause_unassigned();  // its queue must be ours before the assignment
  }
  if (cooperative()) {
    const ErrorHandle error(rd_kafka_incremental_assign(client_, partitions));
    if (error) log::error("kafka", "cannot assign: {}", rd_kafka_error_string(error.get()));
  } else if (const auto error = rd_kafka_assign(client_, partitions)) {
    log::error("kafka", "cannot assign: {}", rd_kafka_err2str(error));
  }
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& one = partition(partitions->elems[i].topic, partitions->elems[i].partition);
    one.assigned_now();
    events_.assigned(one);
  }
}

void Assignments::revoke(rd_kafka_topic_partition_list_t* partitions) {
  const bool lost = rd_kafka_assignment_lost(client_) != 0;
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& one = partition(partitions->elems[i].topic, partitions->elems[i].partition);
    one.taken();
    events_.revoked(one, lost);
  }
  if (cooperative()) {
    const ErrorHandle error(rd_kafka_incremental_unassign(client_, partitions));
    if (error) log::warning("kafka", "cannot unassign: {}", rd_kafka_error_string(error.get()));
  } else {
    rd_kafka_assign(client_, nullptr);
  }
}

// Assigning anew costs claims. A broker that refuses an offset again and again must not have that done ten times a
// second.
void Assignments::assign_waiting() {
  if (!reassign_ && lost_.empty()) return;
  const auto now = Clock::now();
  if (now - reassigned_ < reassign_pause_) return;
  reassign_ = false;
  const auto lost = std::exchange(lost_, {});
  const ListHandle waiting(rd_kafka_topic_partition_list_new(1));
  for (const auto& [at, one] : known_) {
    if (one->assigned() && (one->stopped() || (lost.contains(at.topic) && one->started())))
      rd_kafka_topic_partition_list_add(waiting.get(), at.topic.c_str(), at.partition);
  }
  if (waiting->cnt == 0) return;
  reassign_pause_ = now - reassigned_ > reassign_calm ? reassign_pause_min
                                                      : std::min<milliseconds>(reassign_pause_ * 2, reassign_pause_max);
  reassigned_ = now;
  assign_anew(waiting.get());
}

// A topic that was deleted and made anew has other partitions inside librdkafka, which the queue opened before does not
// belong to.
void Assignments::replace_queue(const TopicPartition& at) {
  const auto found = known_.find(at);
  if (found == known_.end() || !found->second->assigned()) return;
  found->second->stop();
  to_replace_.insert(at);
  reassign_ = true;
}

void Assignments::abandon() {
  for (auto& [at, one] : known_) {
    if (one->assigned()) {
      one->taken();
      events_.revoked(*one, true);
    }
    replaced_.push_back(std::move(one));
  }
  known_.clear();
  to_replace_.clear();
  lost_.clear();
}

void Assignments::lose(const std::string& topic) {
  const auto is_started = [&](const auto& known) {
    return known.first.topic == topic && known.second->assigned() && known.second->started();
  };
  if (std::ranges::any_of(known_, is_started)) lost_.insert(topic);
}

// A partition that librdkafka stopped (offset out of range) cannot be sought, only assigned again; under the eager
// protocol only all of them together. Each is claimed again, which is always safe.
void Assignments::assign_anew(rd_kafka_topic_partition_list_t* partitions) {
  ListHandle all;
  if (!cooperative()) {
    rd_kafka_topic_partition_list_t* raw = nullptr;
    if (rd_kafka_assignment(client_, &raw) != RD_KAFKA_RESP_ERR_NO_ERROR || raw == nullptr) return;
    all.reset(raw);
    partitions = raw;
    if (partitions->cnt == 0) return;
  }
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& one = partition(partitions->elems[i].topic, partitions->elems[i].partition);
    one.taken();
    events_.revoked(one, false);
  }
  if (cooperative()) {
    const ErrorHandle error(rd_kafka_incremental_unassign(client_, partitions));
    if (error) log::warning("kafka", "cannot unassign: {}", rd_kafka_error_string(error.get()));
  }
  assign(partitions);
}

}  // namespace sluice::listener

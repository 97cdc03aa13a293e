// Lists the cluster's topics regularly, and calls back when the set that the routes select has changed, and after each
// listing that lacks subscribed topics. In between it asks whether Kafka answers at all, and lists at once if it does
// not.
//
// Owned by the consumer, a thread of its own, so that a slow broker never delays the poll thread. A topic is given up
// (if a regular expression has chosen it) or called missing only when two listings in a row lack it: one may come from
// a broker that has just started and does not know all of them yet. After a listing that lacks one, the next comes
// sooner. The destructor waits for a listing under way.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "listener/handles.h"
#include "listener/topics.h"

namespace sluice::listener {

class TopicWatcher {
 public:
  // All are called from the watcher's thread. `list` may block, but not for ever.
  using List = std::function<Result<std::vector<Topic>>()>;
  using Answers = std::function<bool()>;  // costs little
  using Changed = std::function<void(std::vector<std::string> names)>;
  // Those that are missing now, sorted; once more with none when the last one is back.
  using Missing = std::function<void(std::vector<std::string> names)>;

  // `names` is what is subscribed to already, sorted.
  struct Pauses {
    std::chrono::milliseconds list, ask{5000};
  };
  TopicWatcher(List list, Answers answers, TopicSelection selection, std::vector<std::string> names,
               const Pauses& pauses, Changed changed, Missing missing);
  ~TopicWatcher();
  TopicWatcher(const TopicWatcher&) = delete;
  TopicWatcher& operator=(const TopicWatcher&) = delete;

  // Lists at once. Any thread.
  void look_now();

 private:
  void run();
  void look();
  std::set<std::string> find_lacking(const std::vector<Topic>& existing) const;
  void tell_missing(const std::set<std::string>& lacking);

  const List list_;
  const Answers answers_;
  const TopicSelection selection_;
  const Pauses pauses_;
  const Changed changed_;
  const Missing missing_;
  // The watcher's thread only.
  std::vector<std::string> names_;
  std::set<std::string> given_up_;  // chosen once and not in the cluster since
  std::set<std::string> lacking_;   // subscribed or given up, and not in the last listing
  bool missing_told_ = false;
  std::chrono::milliseconds pause_;
  bool trouble_told_ = false;

  Mutex mutex_;
  std::condition_variable_any stop_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool now_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Returns true if a broker answers a question about nothing but the brokers.
bool brokers_answer(rd_kafka_t* client, std::chrono::milliseconds timeout);

// Lists the topics of the whole cluster, with an existing client. The error is librdkafka's message.
Result<std::vector<Topic>> list_topics(rd_kafka_t* client, std::chrono::milliseconds timeout);

}  // namespace sluice::listener

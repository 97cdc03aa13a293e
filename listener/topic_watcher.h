// Lists the cluster's topics again and again, and tells when the set that the routes mean has changed.
//
// Owned by the consumer, a thread of its own, so that a slow broker never keeps the poll thread. A topic that a regular
// expression has chosen is given up only when two listings in a row lack it: one may come from a broker that has just
// started and does not know all of them yet. The destructor waits for a listing under way.
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
  // Both are called from the watcher's thread. `list` may block, but not for ever.
  using List = std::function<Result<std::vector<Topic>>()>;
  using Changed = std::function<void(std::vector<std::string> names)>;

  // `names` is what is subscribed to already, sorted.
  TopicWatcher(List list, TopicSelection selection, std::vector<std::string> names, std::chrono::milliseconds interval,
               Changed changed);
  ~TopicWatcher();
  TopicWatcher(const TopicWatcher&) = delete;
  TopicWatcher& operator=(const TopicWatcher&) = delete;

 private:
  void run();
  void look();

  const List list_;
  const TopicSelection selection_;
  const std::chrono::milliseconds interval_;
  const Changed changed_;
  // The watcher's thread only.
  std::vector<std::string> names_;
  std::set<std::string> missed_;  // lacked by the last listing
  bool trouble_told_ = false;

  Mutex mutex_;
  std::condition_variable_any stop_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Of the whole cluster, with a client that is there already. The error is librdkafka's sentence.
Result<std::vector<Topic>> list_topics(rd_kafka_t* client, std::chrono::milliseconds timeout);

}  // namespace sluice::listener

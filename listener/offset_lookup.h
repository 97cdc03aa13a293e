// Looks up the first and last offsets of partitions' logs, for threads that must not wait for the answer.
//
// Owned by the consumer, with one thread of its own. Partitions are asked together by leader, brokers that answered
// last time first, so one that hangs or is away delays the others by no more than one call; it is asked again only
// after four times as long as its silence lasted, so at most a fifth of the thread's time is spent on silent brokers.
// The same goes for the question who leads (listener/leaders.h). A question that is still open at its deadline is
// answered with an error (`retry`).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "listener/consumer.h"
#include "listener/handles.h"
#include "listener/leaders.h"

namespace sluice::listener {

class OffsetLookup {
 public:
  struct Timing {
    std::chrono::milliseconds deadline{3000};  // of a question
    std::chrono::milliseconds call{1000};      // the longest that one broker may keep the others waiting
  };

  OffsetLookup(ClientGate& client, config::Kafka settings) : OffsetLookup(client, std::move(settings), Timing()) {}
  OffsetLookup(ClientGate& client, config::Kafka settings, Timing timing);
  ~OffsetLookup();
  OffsetLookup(const OffsetLookup&) = delete;
  OffsetLookup& operator=(const OffsetLookup&) = delete;

  // Returns at once. `answer` is called once for each partition, from the lookup's thread; it must return at once and
  // may ask again. After stop() it is called with an error from the asking thread.
  void ask(const std::vector<TopicPartition>& of, WatermarksAnswer answer);
  // Answers what is open with an error. Waits for the call under way, at most its time-out.
  void stop();

 private:
  struct Question {
    TopicPartition at;
    std::shared_ptr<const WatermarksAnswer> answer;
    Clock::time_point deadline;
  };
  struct Leader {
    BrokerId broker = 0;
    bool doubted = false;  // it was silent: asked all the same, until another is known
  };
  struct Silence {
    Clock::time_point ask_again{};
    int failures = 0;
  };

  void run();
  bool wait();
  void look_for_leaders();
  std::optional<Leaders> ask_for_leaders();
  void expire();
  void ask_brokers();
  void ask_broker(BrokerId broker, const std::vector<TopicPartition>& of);
  bool ask_one_by_one(const std::vector<TopicPartition>& of, std::size_t first);
  void answer(const TopicPartition& at, const Result<Watermarks>& result);

  ClientGate& client_;
  const config::Kafka settings_;  // of clients of its own
  const Timing timing_;

  // The lookup's thread only.
  std::multimap<TopicPartition, Question> open_;
  std::map<TopicPartition, Leader> leaders_;  // of partitions asked for
  std::map<BrokerId, Silence> silent_;
  Clock::time_point leaders_again_{};

  Mutex mutex_;
  std::condition_variable_any asked_;
  std::vector<Question> new_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sluice::listener

#include "listener/offset_lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "listener/watermarks.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds leaders_interval{200};  // between two questions for leaders
constexpr milliseconds back_off_min{100};
constexpr int back_off_times = 4;  // the time that was lost

std::unexpected<Error> log_unanswered(const TopicPartition& at, std::string_view why) {
  return fail(ErrorClass::retry, fmt::format("{}/{}: Kafka did not return the log's first and last offset: {}",
                                             at.topic, at.partition, why));
}

}  // namespace

OffsetLookup::OffsetLookup(ClientGate& client, config::Kafka settings, Timing timing)
    : client_(client), settings_(std::move(settings)), timing_(timing), thread_(&OffsetLookup::run, this) {}

OffsetLookup::~OffsetLookup() {
  stop();
}

void OffsetLookup::ask(const std::vector<TopicPartition>& of, WatermarksAnswer answer) {
  const auto shared = std::make_shared<const WatermarksAnswer>(std::move(answer));
  const auto deadline = Clock::now() + timing_.deadline;
  {
    const MutexLock lock(mutex_);
    if (!stopping_) {
      for (const auto& at : of) new_.push_back({at, shared, deadline});
      asked_.notify_one();
      return;
    }
  }
  for (const auto& at : of) (*shared)(at, log_unanswered(at, "the consumer has stopped"));
}

void OffsetLookup::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void OffsetLookup::run() {
  while (wait()) {
    look_for_leaders();
    ask_brokers();
    expire();
  }
  while (!open_.empty()) {
    const auto at = open_.begin()->first;
    answer(at, log_unanswered(at, "the consumer has stopped"));
  }
}

// Waits until there is something to ask, and takes over new questions. Returns false if the thread has to end.
bool OffsetLookup::wait() {
  MutexLock lock(mutex_);
  const auto news = [this]() REQUIRES(mutex_) { return stopping_ || !new_.empty(); };
  if (open_.empty()) {
    asked_.wait(lock, news);
  } else {
    // Open questions wait for a broker or for their deadline; a short poll is simpler than computing which is next.
    asked_.wait_for(lock, milliseconds(20), news);
  }
  for (auto& question : std::exchange(new_, {})) {
    const auto at = question.at;
    open_.emplace(at, std::move(question));
  }
  return !stopping_;
}

// The client's own look-up would wait for the leader of each partition, and one without would spoil the question for
// all. Partitions that have no leader are not asked for.
void OffsetLookup::look_for_leaders() {
  const auto now = Clock::now();
  const auto known = [this](const auto& entry) {
    const auto leader = leaders_.find(entry.first);
    return leader != leaders_.end() && !leader->second.doubted;
  };
  if (now < leaders_again_ || std::ranges::all_of(open_, known)) return;
  const auto found = ask_for_leaders();
  const bool others_wait = std::ranges::any_of(open_, [this](const auto& one) { return leaders_.contains(one.first); });
  const auto lost = (Clock::now() - now) * (!found && others_wait ? back_off_times : 1);
  leaders_again_ = Clock::now() + std::max<Clock::duration>(leaders_interval, lost);
  if (!found) return;
  for (const auto& [at, question] : open_) {
    const auto leader = found->find(at);
    if (leader == found->end())
      leaders_.erase(at);
    else
      leaders_[at] = {leader->second};
  }
}

// Takes less than a call. A broker that is silent may be asked by the shared client for as long as it has the
// connection; a client of our own comes across another.
std::optional<Leaders> OffsetLookup::ask_for_leaders() {
  {
    const auto client = client_.borrow();
    if (!client) return std::nullopt;
    auto found = find_leaders(client.get(), timing_.call / 4);
    if (found) return std::move(*found);
    if (found.error() != RD_KAFKA_RESP_ERR__TIMED_OUT) return std::nullopt;
  }
  auto found = find_leaders(settings_, timing_.call / 2);
  return found ? std::optional(std::move(*found)) : std::nullopt;
}

void OffsetLookup::ask_brokers() {
  const auto now = Clock::now();
  std::map<BrokerId, std::vector<TopicPartition>> by_leader;
  for (auto it = open_.begin(); it != open_.end(); it = open_.upper_bound(it->first)) {
    if (const auto leader = leaders_.find(it->first); leader != leaders_.end())
      by_leader[leader->second.broker].push_back(it->first);
  }
  std::vector<std::pair<int, BrokerId>> order;
  for (const auto& [broker, of] : by_leader) {
    const auto silent = silent_.find(broker);
    if (silent == silent_.end()) {
      order.emplace_back(0, broker);
    } else if (now >= silent->second.ask_again) {
      order.emplace_back(silent->second.failures, broker);
    }
  }
  std::ranges::sort(order);
  bool lost_time = false;
  for (const auto& [failures, broker] : order) {
    // New questions may be for brokers that answer: they go before the next one that is known not to.
    if (failures > 0 && std::exchange(lost_time, true)) break;
    ask_broker(broker, by_leader[broker]);
  }
}

void OffsetLookup::ask_broker(BrokerId broker, const std::vector<TopicPartition>& of) {
  const auto begun = Clock::now();
  const auto silent = silent_.find(broker);
  // One partition may make the whole request fail: every second time they are asked one by one.
  const bool alone = silent != silent_.end() && silent->second.failures % 2 == 1 && of.size() > 1;
  bool answered = false;
  if (alone) {
    answered = ask_one_by_one(of, static_cast<std::size_t>(silent->second.failures));
  } else if (const auto client = client_.borrow()) {
    if (const auto found = query_watermarks(client.get(), of, timing_.call)) {
      answered = true;
      for (const auto& [at, marks] : *found) {
        if (!marks) leaders_.erase(at);
        answer(at, marks);
      }
    }
  }
  if (answered) {
    silent_.erase(broker);
    return;
  }
  for (const auto& at : of) {
    if (const auto leader = leaders_.find(at); leader != leaders_.end()) leader->second.doubted = true;
  }
  auto& silence = silent_[broker];
  ++silence.failures;
  const auto now = Clock::now();
  silence.ask_again = now + std::max<Clock::duration>(back_off_min, (now - begun) * back_off_times);
}

// Returns true if any answered. Together they take no longer than two calls; another one begins each time, so that
// those in front do not use up the time of the rest.
bool OffsetLookup::ask_one_by_one(const std::vector<TopicPartition>& of, std::size_t first) {
  const auto until = Clock::now() + timing_.call;
  bool any = false;
  for (std::size_t i = 0; i < of.size(); ++i) {
    const auto& at = of[(first + i) % of.size()];
    const auto client = client_.borrow();
    if (!client || Clock::now() >= until) break;
    const auto marks = query_watermarks(client.get(), at, timing_.call / 2);
    if (!marks) continue;
    any = true;
    answer(at, marks);
  }
  return any;
}

void OffsetLookup::expire() {
  const auto now = Clock::now();
  for (auto it = open_.begin(); it != open_.end();) {
    if (now < it->second.deadline) {
      ++it;
      continue;
    }
    const auto question = std::move(it->second);
    it = open_.erase(it);
    (*question.answer)(question.at, log_unanswered(question.at, "no leader of it has answered"));
  }
}

// Answers every open question about the partition, each once.
void OffsetLookup::answer(const TopicPartition& at, const Result<Watermarks>& result) {
  const auto [from, to] = open_.equal_range(at);
  std::vector<Question> questions;
  for (auto it = from; it != to; ++it) questions.push_back(std::move(it->second));
  open_.erase(from, to);
  for (const auto& question : questions) (*question.answer)(question.at, result);
}

}  // namespace sluice::listener

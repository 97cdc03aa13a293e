#include "runtime/pipeline/source_transactions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t most_collections = 10'000;  // events may name any number of them
constexpr std::size_t unlimited_from = 20'000;    // units: as many rows as a batch may have

const HeldRun* first_run(const Assignment& assignment) {
  const auto* streaming = assignment.in<Streaming>();
  return streaming == nullptr || streaming->held.empty() ? nullptr : &streaming->held.runs.front();
}

// Its first run, if that is of this transaction.
const HeldRun* run_of(const Assignment& assignment, const std::string& transaction) {
  const HeldRun* run = first_run(assignment);
  return run == nullptr || run->transaction != transaction ? nullptr : run;
}

// Returns true if the log goes on with another transaction, so that nothing more of this one comes.
bool goes_on(const Assignment& assignment, const std::string& transaction) {
  const HeldRun* run = first_run(assignment);
  return run != nullptr && (run->transaction != transaction || assignment.in<Streaming>()->held.runs.size() > 1);
}

// The partitions of a topic.
std::vector<const Assignment*> of_topic(const SourceTransactions::Assignments& assignments, const std::string& topic) {
  std::vector<const Assignment*> found;
  for (auto it = assignments.lower_bound({topic, 0}); it != assignments.end() && it->first.topic == topic; ++it)
    found.push_back(&it->second);
  return found;
}

}  // namespace

SourceTransactions::SourceTransactions(const config::Pipeline& pipeline, const mapping::Mapper& mapper)
    : settings_(pipeline.consistency),
      mapper_(mapper),
      batch_bytes_(pipeline.batch.bytes),
      prefix_(settings_.topic.substr(0, settings_.topic.rfind('.'))) {}

const Assignment* SourceTransactions::metadata(const Assignments& assignments) const {
  const auto found = assignments.find({settings_.topic, 0});
  return found == assignments.end() ? nullptr : &found->second;
}

std::string SourceTransactions::missing_here(const Assignments& assignments, const listener::Consumer& consumer) const {
  const auto ends = consumer.partitions_at_start(settings_.topic);
  if (ends > 1)
    return fmt::format("{} has {} partitions, and transactions have one order; make it with one", settings_.topic,
                       ends);
  std::set<std::string> topics;
  if (ends == 1) topics.insert(settings_.topic);
  for (const auto& [at, assignment] : assignments) topics.insert(at.topic);
  for (const auto& topic : topics) {
    for (std::int32_t partition = 0; partition < consumer.partitions_at_start(topic); ++partition) {
      const auto found = assignments.find({topic, partition});
      if (found != assignments.end() && !found->second.over()) continue;
      return fmt::format(
          "waits on purpose: {}/{} is not assigned to this instance, and transactions = \"source\" needs all partitions "
          "in one; run one instance, or give each topic one partition",
          topic, partition);
    }
  }
  return {};
}

// Where nothing of the metadata topic was applied, but events were, or where a log does not begin at its beginning,
// ENDs without events and events without ENDs come first.
void SourceTransactions::let_pass_what_began_before(const Assignments& assignments) {
  const auto ends = begun_.find({settings_.topic, 0});
  if (ends == begun_.end() || !ends->second.fresh || !until_.empty()) return;
  const bool in_the_middle =
      std::ranges::any_of(begun_, [](const auto& one) { return one.second.in_transaction || one.second.start > 0; });
  if (in_the_middle) let_pass(assignments);
}

void SourceTransactions::started(const Assignments& assignments, const Assignment& assignment, Offset log_end) {
  const auto& claim = assignment.claim;
  auto& begun = begun_[assignment.at()];
  if (is_metadata(assignment.at()) && claim.next < begun.next) {  // they come again
    over_.clear();
    over_order_.clear();
  }
  begun = {.fresh = claim.next == claim.start, .start = claim.start, .next = claim.next, .end = log_end};
  let_pass_what_began_before(assignments);
}

void SourceTransactions::on_anchor(const Assignments& assignments, const Assignment& assignment,
                                   const mapping::SourceMark& mark) {
  auto& begun = begun_[assignment.at()];
  begun.in_transaction = mark.kind == mapping::SourceMark::Kind::event;
  begun.transaction = begun.in_transaction ? mark.transaction : std::string();
  let_pass_what_began_before(assignments);
}

void SourceTransactions::let_pass(const Assignments& assignments) {
  for (const auto& [at, assignment] : assignments)
    until_[at] = std::max(assignment.source().known_end(), begun_[at].end);
  log::info("transactions", "what the logs hold now is applied as it comes; source transactions are whole behind it");
}

void SourceTransactions::revoked(const TopicPartition& at) {
  begun_.erase(at);
  until_.erase(at);
  front_.reset();
}

const std::string& SourceTransactions::topic_of(const std::string& collection) {
  const auto known = topics_.find(collection);
  if (known != topics_.end()) return known->second;
  if (topics_.size() >= most_collections) topics_.clear();
  auto& topic = topics_[collection];
  // Some sources name the database, too, which is not in the topic's name.
  const auto dot = collection.find('.');
  const bool has_database = dot != collection.npos && collection.find('.', dot + 1) != collection.npos;
  for (const auto& name : {collection, has_database ? collection.substr(dot + 1) : collection}) {
    auto candidate = fmt::format("{}.{}", prefix_, mapping::as_topic(name));
    if (mapper_.routes(candidate).empty()) continue;
    topic = std::move(candidate);
    break;
  }
  return topic;
}

const SourceTransactions::Front* SourceTransactions::front(const Assignments& assignments) {
  const auto* ends = metadata(assignments);
  const HeldRun* run = ends == nullptr ? nullptr : first_run(*ends);
  if (run == nullptr || !run->end) return nullptr;
  const auto at = run->records.front().record.offset;
  if (front_ && front_->at == at && front_->transaction == run->transaction) return &*front_;
  front_ = Front{at, run->transaction, {}};
  for (const auto& [collection, events] : run->end->counts) {
    const auto& topic = topic_of(collection);
    if (topic.empty() || events <= 0) continue;
    const auto same = std::ranges::find(front_->needed, topic, &Needed::topic);
    if (same != front_->needed.end()) {
      same->events += events;
    } else {
      front_->needed.push_back({topic, events});
    }
  }
  return &*front_;
}

const OrderSet* SourceTransactions::passed_events(const std::string& transaction, const std::string& topic) const {
  const auto found = passed_.find(transaction);
  if (found == passed_.end()) return nullptr;
  const auto of_topic = found->second.find(topic);
  return of_topic == found->second.end() ? nullptr : &of_topic->second;
}

// An event that is sent again after its topic was given partitions may lie in another one than before, so only all
// numbers together tell how many there are.
std::vector<const OrderSet*> SourceTransactions::seen_of(const Assignments& assignments, const Front& front,
                                                         const Needed& needed) const {
  std::vector<const OrderSet*> sets;
  if (const auto* passed = passed_events(front.transaction, needed.topic)) sets.push_back(passed);
  for (const auto* partition : of_topic(assignments, needed.topic)) {
    if (const HeldRun* run = run_of(*partition, front.transaction)) sets.push_back(&run->seen);
  }
  return sets;
}

// A connector that was killed in the middle of the front sends what it sent before: transactions that have been
// applied, and the beginning of the front, which then lie between the front's events.
void SourceTransactions::join_repeats(Assignments& assignments, const Front& front) const {
  for (auto& [at, assignment] : assignments) {
    if (is_metadata(at) || run_of(assignment, front.transaction) == nullptr) continue;
    auto& held = assignment.in<Streaming>()->held;
    while (held.runs.size() > 1 &&
           (held.runs[1].transaction == front.transaction || over_.contains(held.runs[1].transaction)))
      held.join_second();
  }
}

// Events of the transaction that come before the first that is held of the partition have been applied, as the record
// says that was applied last before the pointer, or as we saw. Else they may lie in a partition that the topic was
// given meanwhile, and that nobody has told us of yet.
bool SourceTransactions::applied_before(const Assignment& assignment, const HeldRun& run) const {
  if (run.first_order <= 1) return true;
  const auto begun = begun_.find(assignment.at());
  if (begun != begun_.end() && begun->second.transaction == run.transaction) return true;
  const auto* passed = passed_events(run.transaction, assignment.at().topic);
  return passed != nullptr && passed->size() >= run.first_order - 1;
}

// Events are numbered by table, so in a topic with one partition the first that is held says how many came before it.
// A record that nobody can read stands in for none: the event that is missing may lie in a partition that the topic was
// given meanwhile, and no number that we have says that it does not.
bool SourceTransactions::is_here(const Assignments& assignments, const Front& front, const Needed& needed) const {
  const auto partitions = of_topic(assignments, needed.topic);
  if (partitions.size() == 1) {
    const HeldRun* run = run_of(*partitions.front(), front.transaction);
    if (run != nullptr && run->first_order > 0 && applied_before(*partitions.front(), *run))
      return run->first_order - 1 + run->read >= needed.events;
  }
  std::int64_t most = 0;
  const auto seen = seen_of(assignments, front, needed);
  for (const auto* one : seen) most += one->size();
  return most >= needed.events && OrderSet::size_together(seen) >= needed.events;
}

bool SourceTransactions::is_complete(const Assignments& assignments, const Front& front) const {
  return std::ranges::all_of(front.needed, [&](const Needed& needed) { return is_here(assignments, front, needed); });
}

std::size_t SourceTransactions::front_bytes(const Assignments& assignments, const Front& front) const {
  std::size_t bytes = 0;
  for (const auto& [at, assignment] : assignments) {
    if (const HeldRun* run = run_of(assignment, front.transaction)) bytes += run->bytes;
  }
  return bytes;
}

bool SourceTransactions::may_read(const Assignments& assignments, const Assignment& assignment) {
  const auto& held = assignment.in<Streaming>()->held;
  if (is_metadata(assignment.at()))
    return held.records < ends_ahead && (held.records == 0 || held.bytes < largest_in_batches * batch_bytes_);
  const auto bytes = std::max(ahead_bytes_min, batch_bytes_ / std::max<std::size_t>(assignments.size(), 1));
  if (held.records < ahead_records && held.bytes < bytes) return true;
  const Front* first = front(assignments);
  if (first == nullptr || held.runs.size() != 1 || held.runs.front().transaction != first->transaction) return false;
  const auto needed = std::ranges::find(first->needed, assignment.at().topic, &Needed::topic);
  const bool wanted = needed == first->needed.end() || !is_here(assignments, *first, *needed);
  return wanted && front_bytes(assignments, *first) < largest_in_batches * batch_bytes_;
}

bool SourceTransactions::passes(const Assignment& assignment) {
  const HeldRun* run = first_run(assignment);
  if (run == nullptr) return false;
  if (run->transaction.empty() || over_.contains(run->transaction)) return true;
  if (until_.empty()) return false;
  const auto until = until_.find(assignment.at());
  return until != until_.end() && run->records.front().record.offset < until->second;
}

std::vector<Assignment*> SourceTransactions::complete(Assignments& assignments) {
  const Front* first = front(assignments);
  if (first == nullptr) return {};
  join_repeats(assignments, *first);
  if (!is_complete(assignments, *first)) return {};
  struct Source {
    Assignment* of;
    const std::deque<HeldRecord>* records;
    std::size_t next = 0;
  };
  std::vector<Source> sources;
  std::size_t count = 0;
  for (auto& [at, assignment] : assignments) {
    const HeldRun* run = run_of(assignment, first->transaction);
    if (run == nullptr) continue;
    count += run->records.size();
    if (!is_metadata(at)) sources.push_back({&assignment, &run->records});
  }
  std::vector<Assignment*> order;
  order.reserve(count);
  for (;;) {
    Source* next = nullptr;
    for (auto& source : sources) {
      if (source.next == source.records->size()) continue;
      if (next == nullptr || (*source.records)[source.next].order < (*next->records)[next->next].order) next = &source;
    }
    if (next == nullptr) break;
    do {
      order.push_back(next->of);
      ++next->next;
    } while (next->next < next->records->size() && !(*next->records)[next->next].event);
  }
  auto& ends = assignments.find({settings_.topic, 0})->second;
  order.insert(order.end(), first_run(ends)->records.size(), &ends);
  return order;
}

void SourceTransactions::committed(std::span<const SourceNote> notes) {
  for (const auto& [transaction, topic, order] : notes) {
    if (!topic.empty()) {
      if (over_.contains(transaction)) continue;
      const auto [found, first] = passed_.try_emplace(transaction);
      found->second[topic].add(order);
      if (!first) continue;
      passed_order_.push_back(transaction);
      if (passed_order_.size() <= remembered) continue;
      passed_.erase(passed_order_.front());
      passed_order_.pop_front();
      continue;
    }
    passed_.erase(transaction);
    begun_[{settings_.topic, 0}].fresh = false;
    if (!over_.insert(transaction).second) continue;
    over_order_.push_back(transaction);
    if (over_order_.size() <= remembered) continue;
    over_.erase(over_order_.front());
    over_order_.pop_front();
  }
}

std::string SourceTransactions::overdue(const Assignments& assignments, const std::string& missing,
                                        Clock::time_point now) {
  const Front* first = front(assignments);
  Waiting present;
  for (const auto& [at, assignment] : assignments) {
    const HeldRun* run = first_run(assignment);
    if (run == nullptr || (first != nullptr && run->transaction != first->transaction)) continue;
    if (present.held < 0) present = {run->transaction, 0, now};
    if (run->transaction == present.transaction) present.held += run->read + run->repeats + (run->end ? 1 : 0);
  }
  if (present.held != waiting_.held || present.transaction != waiting_.transaction) waiting_ = std::move(present);
  if (waiting_.held < 0) return {};
  const auto largest = largest_in_batches * batch_bytes_;
  if (first != nullptr && front_bytes(assignments, *first) >= largest)
    return fmt::format("transaction {} has more than {} bytes, {} times batch.bytes; raise batch.bytes and start again",
                       first->transaction, largest, largest_in_batches);
  if (now - waiting_.since < settings_.timeout) return {};
  return missing.empty() ? why_waiting(assignments, waiting_.transaction, first) : missing;
}

std::string SourceTransactions::why_waiting(const Assignments& assignments, const std::string& transaction,
                                            const Front* front) const {
  if (front == nullptr) {
    const auto* ends = metadata(assignments);
    const bool reads = ends != nullptr && ends->phase() == Phase::streaming;
    return fmt::format("the END of transaction {} has not come in {}{}", transaction, settings_.topic,
                       reads ? "" : ", which is not being read");
  }
  for (const auto& needed : front->needed) {
    if (is_here(assignments, *front, needed)) continue;
    std::string why;
    std::int64_t unreadable = 0;
    const auto partitions = of_topic(assignments, needed.topic);
    if (partitions.empty()) why = ", which is not assigned to this instance";
    for (const auto* partition : partitions) {
      if (const HeldRun* run = run_of(*partition, front->transaction)) unreadable += run->unreadable;
      const auto number = partition->at().partition;
      if (partition->phase() != Phase::streaming) {
        why = fmt::format("; partition {} is {}", number, info(partition->shown_state()).name);
      } else if (why.empty() && goes_on(*partition, front->transaction)) {
        const auto& runs = partition->in<Streaming>()->held.runs;
        const auto& next = runs.front().transaction == front->transaction ? runs[1] : runs.front();
        why = fmt::format("; partition {} goes on with transaction {}", number, next.transaction);
      }
    }
    if (unreadable > 0)
      why += fmt::format("; {} of its records cannot be read, so reclaim if nothing more comes", unreadable);
    return fmt::format("transaction {}: {} of {} events have come in {}{}", front->transaction,
                       OrderSet::size_together(seen_of(assignments, *front, needed)), needed.events, needed.topic, why);
  }
  return {};
}

void SourceTransactions::limit(std::size_t units) {
  most_units_ = std::max<std::size_t>(units, 1);
}

void SourceTransactions::failed(std::size_t units) {
  ++failures_;
  limit(units / 2);
}

void SourceTransactions::succeeded() {
  failures_ = 0;
  if (!limited()) return;
  most_units_ *= 2;
  if (most_units_ > unlimited_from) most_units_ = SIZE_MAX;
}

}  // namespace sluice::runtime

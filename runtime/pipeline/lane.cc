#include "runtime/pipeline/lane.h"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds publish_every{100};

}  // namespace

Lane::Lane(int index, std::shared_ptr<const config::Pipeline> pipeline, sink::Identity identity, DeadLetterLimit& limit,
           IncidentLog& incidents, SchemaSource& schemas, WriteBrake& brake, const LiveBatch& batch,
           std::function<void(std::string)> fatal)
    : index_(index),
      pipeline_(pipeline),
      limit_(limit),
      incidents_(incidents),
      schemas_(schemas),
      brake_(brake),
      batch_(batch),
      fatal_(std::move(fatal)),
      mail_(std::make_shared<Mailbox>()),
      writer_(pipeline->postgres, std::move(identity), pipeline->dead_letters.values),
      catalogue_(pipeline->postgres) {
  shown_.lane = index;
  shown_.commit_buckets.assign(std::size(commit_bounds) + 1, 0);
}

Lane::~Lane() {
  thread_.join();
}

Result<void> Lane::start(listener::Consumer& consumer) {
  consumer_ = &consumer;
  last_loop_ns_ = Clock::now().time_since_epoch().count();
  auto thread = Thread::start(
      fmt::format("lane {}", index_), [this] { run(); }, Thread::usual_stack,
      [this] {
        ended_ = true;
        fatal_(fmt::format("lane {} ended by an error that nobody expected", index_));
      });
  if (!thread) return std::unexpected(thread.error());
  thread_ = std::move(*thread);
  return {};
}

void Lane::assign(listener::Partition& partition) {
  {
    const MutexLock lock(mail_->mutex);
    mail_->assigned.push_back(&partition);
  }
  mail_->signal.ring();
}

void Lane::revoked() {
  {
    const MutexLock lock(mail_->mutex);
    mail_->revoked = true;
  }
  mail_->signal.ring();
}

void Lane::doubt(const std::vector<TopicPartition>& partitions) {
  {
    const MutexLock lock(mail_->mutex);
    mail_->doubted = partitions;  // all that are doubted now
  }
  mail_->signal.ring();
}

void Lane::reclaim(const TopicPartition& at, std::int64_t epoch) {
  {
    const MutexLock lock(mail_->mutex);
    mail_->reclaimed[at] = epoch;
  }
  mail_->signal.ring();
}

void Lane::set_pauses(std::shared_ptr<const PauseRules> pauses) {
  {
    const MutexLock lock(mail_->mutex);
    mail_->pauses = std::move(pauses);
  }
  mail_->signal.ring();
}

void Lane::flush(std::vector<TopicPartition> partitions, std::function<void(const LaneFlush&)> answer) {
  {
    const MutexLock lock(mail_->mutex);
    mail_->flushes.push_back({std::move(partitions), std::move(answer)});
  }
  mail_->signal.ring();
}

void Lane::reconnect() {
  {
    const MutexLock lock(mail_->mutex);
    mail_->reconnect = true;
  }
  mail_->signal.ring();
}

void Lane::hold(bool on) {
  held_ = false;
  {
    const MutexLock lock(mail_->mutex);
    mail_->hold = on;
  }
  mail_->signal.ring();
}

void Lane::drain() {
  {
    const MutexLock lock(mail_->mutex);
    mail_->drain = true;
  }
  mail_->signal.ring();
}

bool Lane::join(Clock::time_point deadline) {
  while (!ended_ && Clock::now() < deadline) std::this_thread::sleep_for(milliseconds(5));
  if (!ended_) return false;
  if (thread_.joinable()) thread_.join();
  return true;
}

void Lane::run() {
  const auto alive = [this] {
    last_loop_ns_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  };
  const auto answer = [mail = mail_](const TopicPartition& at, const Result<listener::Watermarks>& log) {
    {
      const MutexLock lock(mail->mutex);
      mail->logs.emplace_back(at, log);
    }
    mail->signal.ring();
  };
  LaneWorker worker(index_,
                    {pipeline_, writer_, catalogue_, *consumer_, limit_, incidents_, time_, schemas_, brake_, batch_},
                    {fatal_, alive, answer});
  while (!(end_ && worker.finished())) {
    alive();
    take_mail(worker);
    if (!worker.turn()) wait(worker);
    held_ = worker.finished();
  }
  worker.close();
  publish(worker, true);
  ended_ = true;
}

void Lane::take_mail(LaneWorker& worker) {
  const auto tokens = mail_->signal.take();
  std::vector<listener::Partition*> assigned;
  std::vector<std::pair<TopicPartition, Result<listener::Watermarks>>> logs;
  std::vector<TopicPartition> doubted;
  std::map<TopicPartition, std::int64_t> reclaimed;
  std::vector<FlushOrder> flushes;
  std::shared_ptr<const PauseRules> pauses;
  bool revoked = false, reconnect = false;
  {
    const MutexLock lock(mail_->mutex);
    assigned.swap(mail_->assigned);
    logs.swap(mail_->logs);
    doubted.swap(mail_->doubted);
    reclaimed.swap(mail_->reclaimed);
    flushes.swap(mail_->flushes);
    if (pauses_ != mail_->pauses) pauses = pauses_ = mail_->pauses;
    revoked = std::exchange(mail_->revoked, false);
    reconnect = std::exchange(mail_->reconnect, false);
    end_ = mail_->drain;
    worker.drain(end_ || mail_->hold);
  }
  if (reconnect) {
    worker.reconnect();
    catalogue_.close();
  }
  if (revoked) worker.drop_lost();
  for (auto* partition : assigned) worker.assign(*partition, mail_->signal, token_of(partition->at()));
  if (pauses) worker.set_pauses(std::move(pauses));
  for (const auto& [at, log] : logs) worker.on_log(at, log);
  for (const auto& at : doubted) worker.doubt_pointer(at);
  for (const auto& [at, epoch] : reclaimed) worker.reclaim(at, epoch);
  worker.ready(tokens);
  for (const auto& order : flushes) order.answer(worker.flush(order.partitions));
  if (revoked || !assigned.empty()) publish(worker, true);
}

std::uint32_t Lane::token_of(const TopicPartition& at) {
  return tokens_.try_emplace(at, static_cast<std::uint32_t>(tokens_.size())).first->second;
}

void Lane::wait(LaneWorker& worker) {
  sent_ns_.store(writer_.busy() ? worker.sent_at().time_since_epoch().count() : 0, std::memory_order_relaxed);
  publish(worker, false);
  catalogue_.close_if_idle();
  pollfd fds[2] = {{mail_->signal.fd(), POLLIN, 0},
                   {writer_.socket(), static_cast<short>(writer_.wants_write() ? POLLIN | POLLOUT : POLLIN), 0}};
  const auto now = Clock::now();
  auto until = worker.wait_until();
  if (!worker.state().changed.empty()) until = std::min(until, published_at_ + publish_every);
  if (until <= now && !writer_.busy()) return;
  const auto left =
      std::chrono::duration_cast<std::chrono::microseconds>(std::max(until - now, Clock::duration::zero()));
  ::poll(fds, 2, static_cast<int>((left.count() + 999) / 1000));
}

// Copies only what has changed, at most ten times a second.
void Lane::publish(LaneWorker& worker, bool at_once) {
  const auto now = Clock::now();
  if (!at_once && now - published_at_ < publish_every) return;
  published_at_ = now;
  auto& state = worker.state();
  state.stats.connected = writer_.connected();
  state.stats.session = writer_.session();
  const MutexLock lock(mutex_);
  shown_ = state.stats;
  shown_memory_ = state.memory();
  for (const auto* at : state.changed) {
    auto* held = state.find(*at);
    if (held == nullptr) continue;
    held->shown_anew = false;
    const auto& claim = held->claim;
    shown_partitions_[*at] = {{*at, index_, held->shown_state(), held->shown_reason(), claim.epoch, claim.start,
                               claim.next, -1, claim.counts},
                              &held->source()};
  }
  state.changed.clear();
  if (at_once) std::erase_if(shown_partitions_, [&](const auto& one) { return state.find(one.first) == nullptr; });
  if (std::exchange(state.tables_changed, false)) shown_tables_ = state.tables;
}

MemoryUse::Lane Lane::memory() const {
  const MutexLock lock(mutex_);
  auto use = shown_memory_;
  use.lane = index_;
  for (const auto& [at, shown] : shown_partitions_) {
    const auto fetched = shown.source->fetched();
    use.fetched += {static_cast<std::int64_t>(fetched.records), static_cast<std::int64_t>(fetched.bytes),
                    static_cast<std::int64_t>(fetched.limit)};
  }
  return use;
}

LaneSnapshot Lane::snapshot(std::vector<PartitionSnapshot>& partitions, TableStats& tables) const {
  const MutexLock lock(mutex_);
  tables.merge(shown_tables_);
  for (const auto& [at, shown] : shown_partitions_) {
    partitions.push_back(shown.row);
    partitions.back().end = shown.source->known_end();
    partitions.back().record_bytes = shown.source->record_bytes();
  }
  auto lane = shown_;
  const auto seconds_since = [](std::int64_t ns) {
    if (ns == 0) return 0.0;
    return std::chrono::duration<double>(Clock::now() - Clock::time_point(Clock::duration(ns))).count();
  };
  lane.seconds_since_progress = seconds_since(last_loop_ns_.load(std::memory_order_relaxed));
  lane.waiting_seconds = seconds_since(sent_ns_.load(std::memory_order_relaxed));
  return lane;
}

}  // namespace sluice::runtime

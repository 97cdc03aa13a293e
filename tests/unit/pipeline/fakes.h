// A lane without Kafka and PostgreSQL: a clock that is moved by hand, logs in memory, and a store that keeps pointer
// rows by the same compare-and-set as the real one. What took effect is a list of offsets, so that lost, repeated and
// out of order are seen at once.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/pipeline/lane_worker.h"
#include "tests/unit/mapping/support.h"

namespace sluice::runtime::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FakeTime final : public TimeSource {
 public:
  Clock::time_point now() const override { return now_; }
  void pass(milliseconds time) { now_ += time; }

 private:
  Clock::time_point now_ = Clock::time_point(std::chrono::hours(1));
};

// One partition's log and its queue.
class FakePartition final : public listener::Partition {
 public:
  struct Stored {
    Offset offset;
    std::string key;
    std::optional<std::string> value;
  };

  explicit FakePartition(TopicPartition at) : at_(std::move(at)) {}

  void write(Offset offset, std::string key, std::optional<std::string> value) {
    log.push_back({offset, std::move(key), std::move(value)});
    end = offset + 1;
    if (started && signal_ != nullptr) signal_->notify(token_);
  }
  void write_rows(int count) {
    for (int i = 0; i < count; ++i) write(end, fmt::format("{}", end), fmt::format(R"({{"id":{},"v":"x"}})", end));
  }
  std::size_t bytes(Offset offset) const {
    const auto found = std::ranges::find(log, offset, &Stored::offset);
    return found == log.end() ? 0 : found->key.size() + found->value.value_or("").size();
  }
  void revoke() { held = false, ++assignments; }
  void assign_again() { held = true, ++assignments; }
  // The next poll returns this instead of a record.
  void deliver(listener::Event event) {
    special_ = std::move(event);
    signal_->notify(token_);
  }

  const TopicPartition& at() const override { return at_; }
  std::uint64_t assignment_id() const override { return assignments; }
  bool assigned() const override { return held; }
  void wake_through(ReadySignal& signal, std::uint32_t token) override {
    signal_ = &signal;
    token_ = token;
    signal.notify(token);
  }
  Result<void> start_at(Offset offset) override {
    if (!start_errors.empty()) {
      auto error = start_errors.front();
      start_errors.pop_front();
      return std::unexpected(error);
    }
    ++starts;
    started = true;
    position_ = offset;
    end_told_ = told_damage_ = false;
    if (signal_ != nullptr) signal_->notify(token_);
    return {};
  }
  void pause() override { started = false; }
#ifdef SLUICE_FAULTS
  Offset committed() override { return kafka_committed; }
  Offset kafka_committed = -1;
#endif
  listener::Event poll() override {
    ++polls;
    if (special_) return std::exchange(special_, std::nullopt).value();
    if (!started) return {};
    if (damage && position_ <= damage->first && damage->first < end) {
      const auto before = std::ranges::any_of(
          log, [&](const Stored& one) { return one.offset >= position_ && one.offset < damage->first; });
      if (!before) {
        if (std::exchange(told_damage_, !told_damage_)) return {};  // fetched again, and so on
        if (skips_damage) position_ = damage->first + 1, told_damage_ = false;
        return damage->second;
      }
    }
    if (position_ == refuses) {
      started = false;
      return listener::OutOfRange{};
    }
    const auto found = std::ranges::find_if(log, [&](const Stored& one) { return one.offset >= position_; });
    if (found == log.end()) {
      if (position_ >= end || end_told_) return {};
      end_told_ = true;
      return listener::EndOfPartition{end};
    }
    position_ = found->offset + 1;
    Record record;
    record.at = &at_;
    record.offset = found->offset;
    record.timestamp_ms = timestamp_ms;
    record.key = found->key;
    if (found->value) record.value = *found->value;
    return record;
  }
  Offset known_end() const override { return end; }
  Offset fetched_end() const override { return end; }
  double record_bytes() const override { return 0; }
  listener::Fetched fetched() const override { return {}; }

  std::deque<Stored> log;
  Offset low = 0, end = 0;
  bool held = true, started = false;
  std::uint64_t assignments = 1;
  int starts = 0, polls = 0;
  std::int64_t timestamp_ms = -1;                                  // of every record
  std::deque<Error> start_errors;                                  // what the next starts answer
  std::optional<std::pair<Offset, listener::BrokerError>> damage;  // what comes in the place of this offset
  Offset refuses = -1;                                             // the broker says that it does not have it
  bool skips_damage = false;                                       // then reading goes on behind it

 private:
  const TopicPartition at_;
  ReadySignal* signal_ = nullptr;
  std::uint32_t token_ = 0;
  Offset position_ = 0;
  bool end_told_ = false, told_damage_ = false;
  std::optional<listener::Event> special_;
};

class FakeConsumer final : public listener::Consumer {
 public:
  explicit FakeConsumer(std::vector<FakePartition*>& partitions) : partitions_(partitions) {}

  Result<void> start(const std::vector<std::string>&) override { return {}; }
  bool stop(milliseconds) override { return true; }
  Result<void> reconnect() override { return {}; }
  void hint_committed(const std::vector<std::pair<TopicPartition, Offset>>&) override {}
  void ask_watermarks(std::vector<TopicPartition> of, listener::WatermarksAnswer answer) override {
    ++questions;
    for (const auto& at : of) {
      if (silent.contains(at)) continue;
      answer(at, find(at));
    }
  }
  int partitions_at_start(const std::string& topic) const override {
    return static_cast<int>(std::ranges::count_if(
        partitions_, [&](auto* one) { return one->at().topic == topic && one->at().partition < partitions_then; }));
  }

  std::optional<Result<listener::GroupPositions>> group_positions(const std::string& topic, int) override {
    ++group_questions[topic];
    return group;
  }

  std::optional<Result<listener::GroupPositions>> group;  // what Kafka says of the group of a take-over
  std::map<std::string, int> group_questions;
  int partitions_then = 1000;             // those with a larger number have appeared later
  std::map<TopicPartition, bool> silent;  // whose leader does not answer
  int questions = 0;

 private:
  listener::Watermarks find(const TopicPartition& at) const {
    const auto found = std::ranges::find(partitions_, at, [](auto* one) { return one->at(); });
    return {(*found)->low, (*found)->end};
  }
  std::vector<FakePartition*>& partitions_;
};

// Tables that can be altered.
class FakeTables final : public sink::Tables {
 public:
  sink::DescribedTable describe(const std::string& name, const config::Route&) override {
    ++asked;
    if (on_describe) on_describe();
    if (missing.contains(name)) return fail(ErrorClass::stop_partition, "table " + name + " does not exist");
    auto table = mapping::test::table(columns);
    table->name = table->sql_name = name;
    table->version = ++versions_;
    table->signature = signature();
    return table;
  }
  Result<bool> unchanged(std::span<const Table* const> tables) override {
    ++checks;
    if (away) return fail(ErrorClass::retry, "too many connections", "53300");
    return std::ranges::all_of(tables, [&](const Table* table) { return table->signature == signature(); });
  }

  Result<Evolved> evolve(const sink::WantedTable& wanted, const Evolution& evolution) override {
    ++evolutions;
    if (on_evolve) on_evolve();
    if (forbidden) return std::unexpected(*forbidden);
    for (const auto& one : evolution.added) columns.emplace_back(one.column, one.type);
    return Evolved{*describe(wanted.name, *wanted.route), "ALTER TABLE"};
  }

  std::optional<Error> forbidden;  // what evolve() answers with
  std::function<void()> on_evolve;
  int evolutions = 0;
  std::map<std::string, bool> missing;
  std::vector<std::pair<std::string, std::string>> columns{{"id", "int8"}, {"v", "text"}};
  std::function<void()> on_describe;
  bool away = false;
  int asked = 0, checks = 0;

 private:
  std::string signature() const {
    std::string all;
    for (const auto& [name, type] : columns) all += name + " " + type + ",";
    return all;
  }
  std::uint64_t versions_ = 0;
};

// Pointer rows and what took effect. A value that holds "bad" is refused as PostgreSQL refuses a row.
class FakeStore final : public sink::RowStore {
 public:
  struct Row {
    Offset start = 0, next = 0;
    std::int64_t epoch = 0;
    bool ours = false;
    PartitionState state = PartitionState::ok;
    std::string reason;
    Offset anchor_offset = -1;
    std::int64_t anchor_crc = 0, anchor_timestamp_ms = -1;
    Counts counts;
  };

  Result<void> connect() override {
    ++connects;
    if (away) return fail(ErrorClass::reclaim, away_by);
    open = true;
    return {};
  }
  bool connected() const override { return open; }
  void close() override { open = false, flight_.reset(); }
  int socket() const override { return -1; }
  bool wants_write() const override { return false; }

  Result<std::vector<std::optional<sink::Claim>>> claim(std::span<const sink::ClaimRequest> requests) override {
    ++claim_statements;
    if (auto error = next_error()) return std::unexpected(*error);
    std::vector<std::optional<sink::Claim>> claims;
    for (const auto& request : requests) {
      if (locked.contains(*request.at)) {
        claims.emplace_back(std::nullopt);
        continue;
      }
      auto [found, created] = rows.try_emplace(*request.at);
      auto& row = found->second;
      if (created) row.start = row.next = request.start;
      ++row.epoch;
      ++claims_of[*request.at];
      row.ours = true;
      sink::Claim claim;
      claim.at = request.at;
      claim.start = row.start;
      claim.next = row.next;
      claim.epoch = row.epoch;
      claim.state = row.state;
      claim.state_reason = row.reason;
      claim.anchor_offset = row.anchor_offset;
      claim.anchor_crc = row.anchor_crc;
      claim.anchor_timestamp_ms = row.anchor_timestamp_ms;
      claims.emplace_back(claim);
    }
    return claims;
  }
  Result<std::vector<std::optional<sink::StoredState>>> states(std::span<const TopicPartition* const> of) override {
    ++state_selects;
    std::vector<std::optional<sink::StoredState>> found;
    for (const auto* at : of) found.push_back(sink::StoredState{rows[*at].state, rows[*at].reason});
    return found;
  }
  Result<void> set_state(const sink::Claim& claim, PartitionState state, std::string_view reason) override {
    auto& row = rows[*claim.at];
    if (row.epoch != claim.epoch || !row.ours) return fail(ErrorClass::fenced, "fenced");
    row.state = state;
    row.reason = reason;
    if (loses_answer_to != state) return {};
    loses_answer_to.reset();
    close();
    return fail(ErrorClass::reclaim, "the server closed the connection");
  }
  Result<sink::PointerExistence> pointer_exists(const TopicPartition& at) override {
    const bool topic = std::ranges::any_of(rows, [&](const auto& row) { return row.first.topic == at.topic; });
    return sink::PointerExistence{rows.contains(at), topic};
  }
  Result<void> create_pointers(const std::vector<std::pair<TopicPartition, Offset>>& starts) override {
    for (const auto& [at, start] : starts) {
      Row row;
      row.start = row.next = start;
      rows.try_emplace(at, row);
    }
    return {};
  }

  void submit(const Changes& changes, std::span<const Record> records,
              std::span<const PartitionRange> ranges) override {
    batches.push_back(records.size());
    if (!changes.tables.empty()) columns = changes.tables.back().table->columns.size();
    std::string names;
    for (const auto& range : ranges)
      names += fmt::format("{}{}/{}", names.empty() ? "" : " ", range.at->topic, range.at->partition);
    batch_partitions.push_back(names);
    flight_ = Flight{&changes, records, ranges};
  }
  bool busy() const override { return flight_.has_value(); }
  std::optional<Result<void>> poll() override {
    if (!flight_) {
      if (!lost_while_idle) return std::nullopt;
      lost_while_idle = false;
      close();
      return fail(ErrorClass::reclaim, "the server closed the connection");
    }
    if (hold) return std::nullopt;
    const auto flight = *std::exchange(flight_, std::nullopt);
    if (auto error = next_error()) {
      if (error->next == ErrorClass::reclaim) {
        if (commit_before_loss) (void)apply(*flight.changes, flight.records, flight.ranges, {});
        close();
      }
      return std::unexpected(*error);
    }
    for (const auto& [at, error] : failing) {
      if (std::ranges::any_of(flight.ranges, [&](const auto& range) { return *range.at == at; }))
        return std::unexpected(error);
    }
    if (table_fails) return std::unexpected(*table_fails);
    if (auto error = verdict(*flight.changes)) return std::unexpected(*error);
    if (auto done = orphans(values(*flight.changes)); !done) return done;  // at COMMIT
    return apply(*flight.changes, flight.records, flight.ranges, flight.changes->dead);
  }

  Result<void> begin(std::span<const PartitionRange> ranges, const Changes&) override {
    ++bisections;
    written_.clear();
    begun_.assign(ranges.begin(), ranges.end());
    return check(ranges);
  }
  Result<void> try_rows(const Changes& changes, bool check_deferred) override {
    ++ranges_tried;
    if (auto done = tables_hold(); !done) return done;
    if (auto error = verdict(changes)) return std::unexpected(*error);
    for (const auto& value : values(changes)) written_.push_back(value);
    return check_deferred ? this->check_deferred() : Result<void>{};
  }
  Result<void> check_deferred() override { return orphans(written_); }
  Result<void> test_rows(const Changes& changes) override {
    if (auto error = verdict(changes)) return std::unexpected(*error);
    auto all = written_;
    for (const auto& value : values(changes)) all.push_back(value);
    return orphans(all);
  }
  Result<void> try_statements(const Changes&) override {
    ++experiments;
    return tables_hold();
  }
  Result<void> finish(const std::vector<DeadLetter>& letters, std::span<const Record> records,
                      std::span<const PartitionRange> ranges) override {
    return apply({}, records, ranges, letters);
  }
  void rollback() override { ++rollbacks; }
  std::vector<sink::PartitionCounts> take_counts() override { return std::exchange(stored_counts, {}); }
#ifdef SLUICE_FAULTS
  Result<void> force_next(const sink::Claim& claim, Offset next) override {
    rows[*claim.at].next = next;
    return {};
  }
#endif

  // Another instance takes the pointer row over.
  void fence(const TopicPartition& at) {
    ++rows[at].epoch;
    rows[at].ours = false;
  }

  std::map<TopicPartition, Row> rows;
  std::map<TopicPartition, std::vector<Offset>> applied;  // offsets of records, in the order in which they took effect
  std::map<TopicPartition, std::vector<Offset>> dead;
  std::vector<std::pair<TopicPartition, Offset>> order;  // of all records of batches that took effect
  std::function<void()> on_commit;
  std::map<TopicPartition, int> claims_of;
  std::vector<sink::PartitionCounts> stored_counts;  // what pointers say after the next commit
  std::map<TopicPartition, bool> locked;             // rows that another transaction holds
  std::map<TopicPartition, Error> failing;           // what a batch with this partition fails with
  std::deque<Error> errors;                          // what the next exchanges answer
  std::vector<std::size_t> batches;                  // records of each
  std::vector<std::string> batch_partitions;         // of each
  // What PostgreSQL says to a value that contains the text.
  std::map<std::string, Error> refusals{{"bad", {ErrorClass::reject, "23514", "violates check constraint"}}};
  std::set<std::string> parents;                  // that are in the table, for the deferred foreign key
  std::optional<PartitionState> loses_answer_to;  // the next time that a row is given this state
  std::optional<Error> table_fails;               // its statements fail, with rows or without
  std::string away_by = "PostgreSQL is away";
  bool open = false, away = false, hold = false, commit_before_loss = false, lost_while_idle = false;
  std::size_t columns = 0;  // of the table that was written last
  int experiments = 0, connects = 0, claim_statements = 0, state_selects = 0, bisections = 0, ranges_tried = 0,
      rollbacks = 0;

 private:
  struct Flight {
    const Changes* changes;
    std::span<const Record> records;
    std::span<const PartitionRange> ranges;
  };

  std::optional<Error> next_error() {
    if (errors.empty()) return std::nullopt;
    auto error = errors.front();
    errors.pop_front();
    return error;
  }
  static std::vector<std::string> values(const Changes& changes) {
    std::vector<std::string> all;
    for (const auto& table : changes.tables)
      for (const auto& step : table.steps)
        for (const auto& row : step.rows) all.emplace_back(changes.bytes(changes.row(row)[1]));
    return all;
  }
  // What PostgreSQL says to these rows at once.
  std::optional<Error> verdict(const Changes& changes) const {
    for (const auto& value : values(changes)) {
      for (const auto& [text, error] : refusals)
        if (value.find(text) != value.npos) return error;
    }
    return std::nullopt;
  }
  Result<void> tables_hold() const {
    if (table_fails) return std::unexpected(*table_fails);
    for (const auto& range : begun_)
      if (const auto found = failing.find(*range.at); found != failing.end()) return std::unexpected(found->second);
    return {};
  }
  // A deferred foreign key: "child of 7" needs "parent 7".
  Result<void> orphans(const std::vector<std::string>& all) const {
    for (const auto& value : all) {
      if (!value.starts_with("child of ")) continue;
      const auto parent = "parent " + value.substr(9);
      if (parents.contains(parent) || std::ranges::find(all, parent) != all.end()) continue;
      return std::unexpected(
          Error{ErrorClass::reject, "23503", "violates foreign key", "key " + value.substr(9) + " is not present"});
    }
    return {};
  }
  Result<void> check(std::span<const PartitionRange> ranges) {
    for (const auto& range : ranges) {
      const auto& row = rows[*range.at];
      if (row.next != range.from || row.epoch != range.epoch || !row.ours || row.state != PartitionState::ok)
        return fail(ErrorClass::fenced, "the pointer is not where the claim said", "SL001");
    }
    return {};
  }
  Result<void> apply(const Changes&, std::span<const Record> records, std::span<const PartitionRange> ranges,
                     const std::vector<DeadLetter>& letters) {
    if (auto done = check(ranges); !done) return done;
    for (const auto& range : ranges) {
      EXPECT_EQ(range.counts.total(), range.to - range.from) << "the accounts of a range";
      auto& row = rows[*range.at];
      row.next = range.to;
      row.counts += range.counts;
      if (range.anchor_offset >= 0) {
        row.anchor_offset = range.anchor_offset;
        row.anchor_crc = range.anchor_crc;
        // As PostgreSQL does.
        row.anchor_timestamp_ms = storable_timestamp_ms(range.anchor_timestamp_ms);
      }
      for (std::size_t i = 0; i < records.size(); ++i) {
        const auto& record = records[i];
        if (*record.at != *range.at || record.offset < range.from || record.offset >= range.to) continue;
        const bool letter = std::ranges::any_of(letters, [&](const auto& one) { return one.record == i; });
        (letter ? dead : applied)[*range.at].push_back(record.offset);
      }
    }
    for (const auto& record : records) order.emplace_back(*record.at, record.offset);
    if (on_commit) on_commit();
    return {};
  }
  std::optional<Flight> flight_;
  std::vector<PartitionRange> begun_;  // by a bisection
  std::vector<std::string> written_;   // values, in the transaction of a bisection
};

// A registry that answers what it is told to.
class FakeSchemas final : public SchemaSource {
 public:
  Found find(const SchemaName& schema, milliseconds) override {
    ++questions;
    if (trouble) return std::unexpected(*trouble);
    const auto found = known.find(schema.low);
    if (found == known.end()) return fail(ErrorClass::reject, "no such schema");
    return std::make_shared<const RegisteredSchema>(found->second);
  }

  std::map<std::uint64_t, RegisteredSchema> known;
  std::optional<Error> trouble;
  int questions = 0;
};

// A worker over all of that.
class Rig {
 public:
  explicit Rig(int partitions = 1, std::function<void(config::Pipeline&)> change = {}, int rows_per_second = 0)
      : Rig(of_one_topic(partitions), change, rows_per_second) {}
  Rig(const std::vector<TopicPartition>& of, const std::function<void(config::Pipeline&)>& change,
      int rows_per_second = 0)
      : brake(rows_per_second) {
    auto made = std::make_shared<config::Pipeline>();
    made->name = "test";
    config::Route route;
    route.topics = {"t"};
    route.table = "public.t";
    route.key = {"id"};
    made->routes = {route};
    made->postgres.lanes = 1;
    if (change) change(*made);
    pipeline = made;
    batch.set(made->batch);
    for (const auto& at : of) {
      owned_.push_back(std::make_unique<FakePartition>(at));
      partition.push_back(owned_.back().get());
    }
    worker.emplace(1, LaneParts{pipeline, store, tables, consumer, limit, incidents, time, schemas, brake, batch},
                   LaneWorker::Hooks{[this](std::string why) { fatal.push_back(std::move(why)); }, [] {},
                                     [this](const TopicPartition& at, const Result<listener::Watermarks>& log) {
                                       answers_.emplace_back(at, log);
                                     }});
  }

  // Assigns every partition and hands over the pauses.
  Rig& assign() {
    std::uint32_t token = 0;
    for (auto* one : partition) worker->assign(*one, signal, token++);
    pause({});
    return *this;
  }
  void pause(const std::vector<Pause>& pauses) { worker->set_pauses(std::make_shared<const PauseRules>(pauses)); }

  // Turns of the loop; between two of them `step` passes.
  void run(int turns = 30, milliseconds step = milliseconds(10)) {
    for (int i = 0; i < turns; ++i) {
      for (const auto& [at, log] : std::exchange(answers_, {})) worker->on_log(at, log);
      worker->ready(signal.take());
      worker->turn();
      time.pass(step);
    }
  }

  const TopicPartition& at(int number = 0) const { return partition[static_cast<std::size_t>(number)]->at(); }
  Assignment& held(int number = 0) { return *worker->state().find(at(number)); }
  Phase phase(int number = 0) { return held(number).phase(); }
  FakeStore::Row& row(int number = 0) { return store.rows[at(number)]; }
  FakeStore::Row& row_of(const TopicPartition& of) { return store.rows[of]; }
  const std::vector<Offset>& applied(int number = 0) { return store.applied[at(number)]; }

  std::shared_ptr<const config::Pipeline> pipeline;
  std::vector<FakePartition*> partition;
  FakeTime time;
  FakeStore store;
  FakeTables tables;
  FakeSchemas schemas;
  FakeConsumer consumer{partition};
  DeadLetterLimit limit;
  WriteBrake brake;
  LiveBatch batch{config::Batch{}};
  IncidentLog incidents;
  ReadySignal signal;
  std::vector<std::string> fatal;
  std::optional<LaneWorker> worker;

 private:
  static std::vector<TopicPartition> of_one_topic(int partitions) {
    std::vector<TopicPartition> of;
    for (int i = 0; i < partitions; ++i) of.push_back({"t", i});
    return of;
  }
  std::vector<std::unique_ptr<FakePartition>> owned_;
  std::vector<std::pair<TopicPartition, Result<listener::Watermarks>>> answers_;
};

inline std::vector<Offset> offsets(Offset from, Offset to) {
  std::vector<Offset> all;
  for (auto offset = from; offset < to; ++offset) all.push_back(offset);
  return all;
}

}  // namespace sluice::runtime::test

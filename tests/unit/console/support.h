// A made-up service, and the console's command core in front of it.
//
// FakeAdmin implements every capability: it does what it is told at once, unless a test makes it slow or broken, and
// remembers what it was asked. Its
// lock is for the tests that look at it while a command waits.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "admin/report/declared.h"
#include "admin/report/proof_result.h"
#include "admin/selector.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "config/by_hand.h"
#include "console/interpreter.h"

namespace sluice::console {

using namespace std::chrono_literals;
using nlohmann::json;

class FakeAdmin : public Snapshots,
                  public Pauses,
                  public DeadLetters,
                  public LetterGroups,
                  public Positions,
                  public Moves,
                  public Inspection,
                  public Audit,
                  public Logging,
                  public Events,
                  public Hooks,
                  public Notifications,
                  public Jobs,
                  public Rates,
                  public History,
                  public Memory,
                  public Tables,
                  public Proofs,
                  public LaneOrders,
                  public ServiceControl,
                  public LiveSettings {
 public:
  Snapshot now;
  std::vector<DeadLetterRow> letters;
  std::vector<DeadLetterFilter> letters_asked;
  std::vector<LetterGrouping> groupings;
  std::vector<AuditFilter> trail_asked;
  struct FoundDdl {
    std::string ddl = {};
    bool ddl_names_data = false;
    std::string ddl_unknown = {};
  };
  std::map<std::string, FoundDdl> ddl;                // that would free letters with this reason
  std::map<std::string, RehearsedLetters> rehearsed;  // what becomes of letters with this reason
  std::vector<AuditRow> trail, notes;
  std::vector<std::string> calls;
  std::vector<Move> moves;
  std::function<void()> looked;     // whenever states or pointers are asked for
  std::function<void()> meanwhile;  // while the record at a pointer is looked at
  bool resumes = true, has_record = true, reclaims = true;
  std::string unknown;  // why PostgreSQL could not be asked about that record
  Offset log_end = 20'000'000;
  bool kafka = true;
  TraceRequest traced;  // the last one
  Trace found_of_row;
  std::vector<Pointer> asked;  // of runways
  std::vector<Runway> runways_found;
  std::vector<TailNews> tail_news;      // one after the other; then Kafka fails
  std::optional<PointerRow> elsewhere;  // of another instance
  std::set<std::int64_t> discarded;
  std::optional<DeadLetterRow> arriving;  // while others are discarded
  IncidentLog incidents;
  std::int64_t refused_up_to = std::numeric_limits<std::int64_t>::max();  // by a replay; others are not tried
  bool postgres = true, obedient = true;
  mutable std::mutex mutex;

  FakeAdmin() {
    now.started = WallClock::now() - 1h;
    now.ready = now.healthy = true;
    for (int partition = 0; partition < 3; ++partition)
      now.partitions.push_back({.at = {"shop.orders", partition},
                                .lane = partition % 2,
                                .state = PartitionState::ok,
                                .reason = {},
                                .epoch = 17,
                                .start = 100,
                                .next = 12'345'678 + partition,
                                .end = 12'345'680 + 10 * partition,
                                .counts = {12'345'570, 5, 2, 1 + partition, 0}});
    now.partitions.push_back({.at = {"shop.items", 0},
                              .lane = 0,
                              .state = PartitionState::ok,
                              .reason = {},
                              .epoch = 3,
                              .start = 0,
                              .next = 7,
                              .end = 7,
                              .counts = {.applied = 7}});
    now.lanes.resize(2);
    for (auto& lane : now.lanes)
      lane = {.lane = 0,
              .connected = true,
              .batches = 4,
              .records = 40,
              .rows = 40,
              .commit_buckets = {1, 2, 1},
              .waits_for = {},
              .last_error = {}};
    now.tables = {{.table = "public.orders",
                   .topics = {"shop.orders"},
                   .written = 4711,
                   .removed = 3,
                   .last_commit = WallClock::now(),
                   .changed_values = {{{"shop.orders", "note", "too_long"}, 12}}}};
    now.topic_tables = {{"shop.orders", {"public.order_items", "public.orders"}}, {"shop.items", {"public.items"}}};
    now.dead_letters_open = 0;
    now.applied_per_second.assign(60, 100.0);
  }

  Capabilities capabilities() {
    return {*this, *this, *this,     *this, *this, *this, *this, *this, *this, *this, *this,
            *this, *this, incidents, *this, *this, *this, *this, *this, *this, *this, *this};
  }

  std::optional<Note> left;
  std::vector<HookState> webhooks;
  std::optional<Note> note() const override { return left; }
  std::vector<HookState> hooks() const override { return webhooks; }
  std::optional<Mute> muted;
  Result<NotificationState> notifications() override {
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    return NotificationState{webhooks, muted};
  }
  Result<std::string> test(const std::string& hook, const Caller&) override {
    calls.push_back("test " + hook);
    if (hook != "1") return sluice::fail(ErrorClass::reject, "no hook '" + hook + "'");
    if (webhooks.empty()) return sluice::fail(ErrorClass::retry, "it answered 500");
    return webhooks.front().name;
  }
  std::string told_line, told_document;
  Result<std::string> report(const std::string& hook, const std::string& line, const std::string& document) override {
    told_line = line, told_document = document;
    return test(hook, {});
  }
  Result<void> mute(std::chrono::milliseconds lasting, const std::string& reason, const Caller& by) override {
    muted = Mute{by.name + ": " + reason, WallClock::now(), WallClock::now() + lasting};
    return {};
  }
  Result<bool> unmute(const Caller&) override { return std::exchange(muted, std::nullopt).has_value(); }

  // The jobs are those of the snapshot.
  Result<std::vector<JobState>> jobs() override {
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    return snapshot().jobs;
  }
  Result<void> run_job(const std::string& name) override {
    calls.push_back("run " + name);
    if (std::ranges::count(now.jobs, name, &JobState::name) == 0)
      return sluice::fail(ErrorClass::reject, "no job '" + name + "'");
    return {};
  }

  // The states of the ring, as if their transactions had recorded them, and what a test adds.
  std::vector<EventRow> more_events;
  std::vector<WallClock::time_point> events_since;  // of each question for events that had one
  std::function<void()> after_events;               // each of them
  Result<std::vector<EventRow>> events(const std::optional<WallClock::time_point>& since, int limit) override {
    auto found = events_now(since, limit);
    if (since) events_since.push_back(*since);
    if (after_events) after_events();
    return found;
  }
  Result<std::vector<EventRow>> events_now(const std::optional<WallClock::time_point>& since, int limit) {
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    IncidentLog::Subscription past(incidents, nullptr, IncidentLog::kept);
    std::vector<EventRow> all = more_events;
    std::int64_t id = 0;
    for (const auto& one : past.take().incidents)
      all.push_back({++id, one.at, "node-a", one.to == PartitionState::ok ? "resumed" : "stopped", one.partition.topic,
                     one.partition.partition, std::string(name(one.from)), std::string(name(one.to)), one.reason});
    std::erase_if(all, [&](const auto& one) { return since && one.at < *since; });
    std::ranges::stable_sort(all, std::greater(), &EventRow::at);
    all.resize(std::min(all.size(), static_cast<std::size_t>(limit)));
    return all;
  }

  Snapshot snapshot() const override {
    if (looked) looked();
    const std::lock_guard lock(mutex);
    return now;
  }
  Result<std::vector<PointerRow>> pointers() override {
    if (looked) looked();
    const std::lock_guard lock(mutex);
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    std::vector<PointerRow> rows;
    for (const auto& one : now.partitions)
      rows.push_back({.at = one.at,
                      .start = one.start,
                      .next = one.next,
                      .generation = 0,
                      .epoch = one.epoch,
                      .owner = "me",
                      .owner_host = "here",
                      .ours = true,
                      .state = one.state,
                      .reason = one.reason,
                      .counts = one.counts,
                      .anchor_offset = {},
                      .updated = {}});
    if (elsewhere) rows.push_back(*elsewhere);
    return rows;
  }
  std::vector<std::string> configured_tables(const std::string& topic) const override { return {"public." + topic}; }
  Result<bool> pause(const Pause& pause) override {
    const std::lock_guard lock(mutex);
    calls.push_back("pause " + pause.target + ": " + pause.reason);
    if (std::ranges::count(now.pauses, pause.target, &Pause::target) > 0) return false;
    now.pauses.push_back(pause);
    const auto target = PartitionSelector::parse(pause.target);
    for (auto& one : now.jobs)
      if (obedient && target->kind == PartitionSelector::Kind::job && target->name == one.name)
        one.phase = JobPhase::paused;
    for (auto& one : now.partitions)
      if (obedient && target->covers(one.at, now.topic_tables[one.at.topic])) one.state = PartitionState::paused;
    return true;
  }
  Result<std::vector<Pause>> stored() override {
    const std::lock_guard lock(mutex);
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    return now.pauses;
  }
  Result<std::optional<Pause>> resume(const std::string& target, const std::optional<std::string>& reason) override {
    const std::lock_guard lock(mutex);
    calls.push_back("resume " + target);
    if (!resumes) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    if (interruption().requested()) return sluice::fail(ErrorClass::retry, std::string(cancelled));
    const auto found = std::ranges::find(now.pauses, target, &Pause::target);
    if (found == now.pauses.end() || (reason && found->reason != *reason)) return std::optional<Pause>();
    std::optional<Pause> gone = *found;
    now.pauses.erase(found);
    release();
    return gone;
  }
  Result<LogPlace> log(const TopicPartition&, std::optional<WallClock::time_point> moment) override {
    if (!kafka) return sluice::fail(ErrorClass::retry, "Kafka does not answer");
    return LogPlace{100, log_end, moment ? 12'000'000 : log_end};
  }
  Result<std::optional<FirstRecord>> first_record(const PointerRow& from) override {
    if (meanwhile) meanwhile();
    if (interruption().requested()) return sluice::fail(ErrorClass::retry, std::string(cancelled));
    if (!has_record) return std::nullopt;
    FirstRecord first{.record = {.offset = from.next,
                                 .fingerprint = 1,
                                 .stage = "write",
                                 .table = "public.orders",
                                 .sqlstate = "23514",
                                 .reason = "violates a check",
                                 .detail = "the row (1, -1)"},
                      .explanation = *explain(from.at, from.next, true)};
    first.explanation.unknown = !unknown.empty();
    if (first.explanation.unknown) {
      first.explanation.postgres = unknown;
      first.record.reason.clear();
      return first;
    }
    first.explanation.outcome = "dead";
    first.explanation.reason = "the row (1, -1) is refused";
    return first;
  }
  Result<bool> move(const Move& move) override {
    const std::lock_guard lock(mutex);
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    auto* row = standing(move.from);
    if (row == nullptr) return false;
    moves.push_back(move);
    if (!move.pause.empty()) std::erase_if(now.pauses, [&](const Pause& one) { return one.reason == move.pause; });
    row->next = move.to;
    ++row->epoch;
    row->counts += move.between;
    if (move.anew) row->start = move.to, row->counts = {};
    if (row->state != PartitionState::paused) row->state = PartitionState::ok, row->reason.clear();
    release();
    return true;
  }
  Result<bool> reclaim(const PointerRow& from) override {
    const std::lock_guard lock(mutex);
    calls.push_back("reclaim " + from.at.topic);
    const auto row = std::ranges::find(now.partitions, from.at, &PartitionSnapshot::at);
    if (!reclaims || row == now.partitions.end() || row->epoch != from.epoch) return false;
    if (obedient) ++row->epoch;
    if (obedient && is_broken(row->state)) row->state = PartitionState::ok, row->reason.clear();
    return true;
  }
  // What nothing pauses any more is claimed again.
  void release() {
    for (auto& one : now.partitions) {
      const bool paused = std::ranges::any_of(now.pauses, [&](const Pause& pause) {
        const auto target = PartitionSelector::parse(pause.target);
        return target && target->covers(one.at, now.topic_tables[one.at.topic]);
      });
      if (one.state == PartitionState::paused && !paused && obedient) one.state = PartitionState::ok, ++one.epoch;
    }
  }
  PartitionSnapshot* standing(const PointerRow& from) {
    const auto row = std::ranges::find(now.partitions, from.at, &PartitionSnapshot::at);
    const bool same = row != now.partitions.end() && row->next == from.next && row->epoch == from.epoch &&
                      row->state == from.state && is_stopped(row->state);
    return same ? &*row : nullptr;
  }
  Result<std::vector<DeadLetterRow>> dead_letters(const DeadLetterFilter& filter) override {
    letters_asked.push_back(filter);
    std::vector<DeadLetterRow> found;
    for (const auto& letter : letters)
      if ((filter.ids.empty() || std::ranges::count(filter.ids, letter.id) > 0) &&
          (!filter.up_to || letter.id <= *filter.up_to) && (filter.resolved || !discarded.contains(letter.id)) &&
          (filter.table.empty() || letter.table == filter.table) &&
          (filter.topic.empty() || letter.at.topic == filter.topic) &&
          (!filter.since || letter.created >= *filter.since) &&
          (!filter.after || LetterPlace{letter.at, letter.offset, letter.generation} > *filter.after))
        found.push_back(letter);
    if (filter.order == LetterOrder::newest) std::ranges::reverse(found);
    if (std::cmp_greater(found.size(), filter.limit)) found.resize(static_cast<std::size_t>(filter.limit));
    return found;
  }
  Result<std::int64_t> count(const DeadLetterFilter& filter) override {
    DeadLetterFilter all = filter;
    all.limit = std::numeric_limits<int>::max();
    return static_cast<std::int64_t>(dead_letters(all)->size());
  }
  Result<std::vector<std::string>> sql(const DeadLetterRow& letter) override {
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    if (letter.stage == "decode") return sluice::fail(ErrorClass::reject, "its record makes no row: not JSON");
    return std::vector<std::string>{"SELECT 1",
                                    fmt::format("INSERT INTO t VALUES ({})", letter.value ? "'x'" : "NULL")};
  }
  Result<DeadLetterGroups> groups(const DeadLetterFilter& filter, LetterGrouping by) override {
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    groupings.push_back(by);
    DeadLetterGroups found;
    const auto letters_of_filter = *dead_letters(filter);
    for (const auto& letter : letters_of_filter) {
      ++found.letters;
      DeadLetterGroup group{.letters = 1,
                            .oldest = letter.created,
                            .newest = letter.created,
                            .example = letter.id,
                            .topic = by == LetterGrouping::topic ? letter.at.topic : "",
                            .table = by == LetterGrouping::topic ? "" : letter.table,
                            .sqlstate = by == LetterGrouping::reason ? letter.sqlstate : "",
                            .reason = by == LetterGrouping::reason ? letter.reason : "",
                            .ids = {},
                            .ddl = ddl[letter.reason].ddl,
                            .ddl_names_data = ddl[letter.reason].ddl_names_data,
                            .ddl_unknown = ddl[letter.reason].ddl_unknown};
      const auto same = [&](const DeadLetterGroup& other) {
        return std::tie(other.topic, other.table, other.reason) == std::tie(group.topic, group.table, group.reason);
      };
      if (const auto there = std::ranges::find_if(found.largest, same); there != found.largest.end())
        ++there->letters;
      else
        found.largest.push_back(group);
    }
    found.groups = static_cast<std::int64_t>(found.largest.size());
    return found;
  }
  Result<DeadLetterGroups> rehearse(const DeadLetterFilter& filter, int letters_of_each) override {
    calls.push_back(fmt::format("rehearse {}", letters_of_each));
    auto found = groups(filter, LetterGrouping::reason);
    for (auto& group : found->largest) group.rehearsed = rehearsed[group.reason];
    return found;
  }
  Result<std::int64_t> discard(const DeadLetterFilter& filter, const std::string& reason, const Caller& by) override {
    calls.push_back("discard by " + by.name + ": " + reason);
    const auto found = *dead_letters(filter);
    for (const auto& letter : found) discarded.insert(letter.id);
    if (arriving) letters.push_back(*arriving);
    return static_cast<std::int64_t>(found.size());
  }
  Result<std::vector<Replayed>> replay(const DeadLetterFilter& filter, bool dry_run, bool force,
                                       const Caller&) override {
    calls.push_back(std::string("replay") + (dry_run ? " dry" : "") + (force ? " force" : ""));
    std::vector<Replayed> done;
    const auto found = dead_letters(filter);
    for (const auto& letter : *found)
      done.push_back({.id = letter.id,
                      .at = letter.at,
                      .offset = letter.offset,
                      .applied = !dry_run && letter.id % 2 == 0,
                      .refused = letter.id % 2 != 0 && letter.id <= refused_up_to,
                      .outcome = "as the test has it",
                      .sql = {"INSERT"}});
    return done;
  }
  std::optional<Error> unreadable;  // why records cannot be read
  Result<LogRecord> read(const TopicPartition& at, Offset offset) override {
    if (!kafka) return sluice::fail(ErrorClass::retry, "Kafka does not answer");
    if (unreadable) return std::unexpected(*unreadable);
    LogRecord found{.at = at, .offset = offset, .timestamp = {}, .key = "1", .value = {}, .headers = {}};
    if (has_record) found.value = "\x1b[2J\xff";
    found.headers = {{"h", "v"}, {"empty", ""}, {"none", std::nullopt}};
    return found;
  }
  Result<Trace> trace(const TraceRequest& request) override {
    traced = request;
    if (!kafka) return sluice::fail(ErrorClass::retry, "Kafka does not answer");
    return found_of_row;
  }
  Result<std::vector<Runway>> runways(const std::vector<Pointer>& pointers) override {
    asked = pointers;
    if (!kafka) return sluice::fail(ErrorClass::retry, "Kafka does not answer");
    return runways_found;
  }
  struct FakeTail : Tail {
    explicit FakeTail(std::vector<TailNews>& left) : news(left) {}
    std::vector<TailNews>& news;
    Result<TailNews> next(std::size_t at_most, std::chrono::milliseconds, Rest rest) override {
      if (news.empty()) return sluice::fail(ErrorClass::retry, "Kafka does not answer");
      TailNews first = std::move(news.front());
      news.erase(news.begin());
      const auto all = std::move(first.records);
      const auto some = std::min(all.size(), at_most);
      first.records.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(some));
      if (rest == Rest::counted)
        first.not_shown += static_cast<std::int64_t>(all.size() - some);
      else if (some < all.size())
        news.insert(news.begin(),
                    TailNews{.records = {all.begin() + static_cast<std::ptrdiff_t>(some), all.end()}, .troubles = {}});
      return first;
    }
  };
  Result<std::unique_ptr<Tail>> tail(const std::vector<TopicPartition>& partitions, const Expression& filter) override {
    calls.push_back(fmt::format("tail {} partitions{}", partitions.size(), filter.empty() ? "" : " filtered"));
    return std::make_unique<FakeTail>(tail_news);
  }
  Result<Explanation> explain(const TopicPartition& at, Offset offset, bool ask_postgres) override {
    return Explanation{.at = at,
                       .offset = offset,
                       .timestamp = {},
                       .key = "1",
                       .value = "\x1b[2J\xff",
                       .headers = {{"h", "v"}},
                       .outcome = "applied",
                       .stage = {},
                       .sqlstate = {},
                       .reason = {},
                       .cause = {},
                       .postgres = ask_postgres ? "accepts it; rolled back" : "",
                       .rows = {{"public.orders", "upsert", {{"id", "1"}}}},
                       .sql = {"INSERT INTO x"}};
  }
  Result<std::int64_t> record(const AuditRow& entry) override {
    const std::lock_guard lock(mutex);
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    trail.push_back(entry);
    return static_cast<std::int64_t>(trail.size());
  }
  Result<void> conclude(std::int64_t id, const std::string& outcome) override {
    const std::lock_guard lock(mutex);
    trail.at(static_cast<std::size_t>(id - 1)).outcome = outcome;
    return {};
  }
  void note(const AuditRow& entry) override {
    const std::lock_guard lock(mutex);
    notes.push_back(entry);
  }
  Result<std::vector<AuditRow>> audit(const AuditFilter& filter) override {
    trail_asked.push_back(filter);
    return trail;
  }
  RateReport rates(const std::vector<TopicPartition>& partitions, std::chrono::seconds over) const override {
    RateReport found;
    found.applied.second = found.applied.ten_seconds = 100.0 * static_cast<double>(partitions.size());
    found.arrived.second = 50;
    found.applied.history.assign(static_cast<std::size_t>(std::min<std::int64_t>(60, over.count())), 100.0);
    return found;
  }
  Period period{.topics = {{"shop.orders", {900, 50, 40, 10, 0}}},
                .tables = {{"public.orders", {900, 3}}},
                .lags = {0, 0, 10, 2'000},
                .lags_seconds = {0, 0, 0.5, 90}};
  mutable std::optional<WallClock::time_point> period_asked;
  Period since(WallClock::time_point moment) const override {
    period_asked = moment;
    Period found = period;
    found.from = std::max(moment - 30s, now.started);
    return found;
  }
  MemoryUse use;
  MemoryUse memory() const override { return use; }
  std::optional<VerificationState> last_proof;
  Result<std::optional<VerificationState>> last() override {
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    return last_proof;
  }
  ProofReport proof{.holds = true,
                    .partitions = filled(report::proof_partitions_result(),
                                         {"shop.orders", std::int64_t{0}, std::int64_t{0}, std::int64_t{5},
                                          std::int64_t{5}, std::int64_t{0}, std::int64_t{5}, std::int64_t{0},
                                          std::int64_t{0}, std::int64_t{0}, std::int64_t{0}, std::int64_t{5}, "ok"}),
                    .sum = "proved: 1 of 1 partition"};
  std::optional<ProofOrder> proof_ordered;
  Result<ProofReport> prove(const ProofOrder& order) override {
    proof_ordered = order;
    if (order.progress) order.progress("read again: 5 of 10 offsets");
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    return proof;
  }
  std::map<TopicPartition, double> applied() const override { return {{{"shop.orders", 1}, 7'500.0}}; }
  void set_log_level(const std::string& level, std::optional<std::chrono::seconds> lasting,
                     const std::string& module) override {
    calls.push_back("log " + level + (lasting ? " for " + std::to_string(lasting->count()) : "") +
                    (module.empty() ? "" : " of " + module));
  }
  Result<std::vector<TableColumn>> columns(const std::string&) override {
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    return std::vector<TableColumn>{{"id", "bigint", false, true}, {"note\x1b[2J", "text", true, false}};
  }
  Result<std::int64_t> count_rows(const std::string& table, std::chrono::milliseconds) override {
    calls.push_back("count " + table);
    if (table == "public.items") return std::unexpected(count_refusal);
    return 4708;
  }
  Error count_refusal{ErrorClass::retry, "57014", "canceling statement due to statement timeout"};
  std::vector<SettingChange> file_changes;
  std::shared_ptr<const config::Pipeline> in_force = std::make_shared<config::Pipeline>();
  std::string file_trouble;
  std::shared_ptr<const config::Pipeline> settings() const override { return in_force; }
  Result<std::vector<SettingChange>> check_file() const override {
    if (!file_trouble.empty()) return sluice::fail(ErrorClass::retry, file_trouble);
    return file_changes;
  }
  std::vector<HandSetting> hand_set;
  Result<SettingChange> set(const SettingOrder& order) override {
    auto next = std::make_shared<config::Pipeline>(*in_force);
    if (const auto done = config::set_by_hand(*next, order.key, order.value); !done)
      return sluice::fail(ErrorClass::reject, done.error());
    HandSetting one{.key = order.key,
                    .value = config::shown_of(*next, order.key).value,
                    .in_file = config::shown_of(*in_force, order.key).value,
                    .by = order.by,
                    .at = WallClock::now(),
                    .until = {}};
    if (order.confirm_within) one.until = one.at + *order.confirm_within;
    hand_set.push_back(one);
    in_force = next;
    return SettingChange{order.key, one.in_file, one.value, true};
  }
  std::vector<HandSetting> confirm(const std::string& key) override {
    std::vector<HandSetting> kept;
    for (auto& one : hand_set) {
      if (!one.until || (!key.empty() && key != one.key)) continue;
      one.until.reset();
      kept.push_back(one);
    }
    return kept;
  }
  std::vector<HandSetting> by_hand() const override { return hand_set; }
  void reload() override {
    const std::lock_guard lock(mutex);
    hand_set.clear();
    calls.push_back("reload");
    now.reload = {file_trouble, WallClock::now(), ""};
  }
  // What each lane has read; it takes effect at once, or when a test says so.
  std::vector<LaneFlush> lanes_read;
  std::string lanes_busy;
  Result<std::vector<LaneFlush>> flush(const std::vector<TopicPartition>& partitions) override {
    const std::lock_guard lock(mutex);
    calls.push_back(fmt::format("flush {}", partitions.size()));
    if (!lanes_busy.empty()) return sluice::fail(ErrorClass::retry, lanes_busy);
    auto told = lanes_read;
    for (auto& lane : told) {
      std::erase_if(lane.goals, [&](const auto& goal) { return std::ranges::count(partitions, goal.at) == 0; });
      for (const auto& goal : lane.goals)
        if (obedient) std::ranges::find(now.partitions, goal.at, &PartitionSnapshot::at)->next = goal.next;
    }
    return told;
  }
  void reconnect(int lane) override {
    const std::lock_guard lock(mutex);
    calls.push_back(fmt::format("reconnect {}", lane));
    const auto one = std::ranges::find(now.lanes, lane, &LaneSnapshot::lane);
    if (obedient && one->connected) ++one->connections, one->session += 1000;
  }
  std::string kafka_trouble;
  Result<void> reconnect_kafka() override {
    const std::lock_guard lock(mutex);
    calls.emplace_back("reconnect kafka");
    if (!kafka_trouble.empty()) return sluice::fail(ErrorClass::retry, kafka_trouble);
    if (obedient) ++now.consumer_reconnects;
    return {};
  }
  TakenBack taken_back = TakenBack::done;
  TakenBack take_back_shutdown() override {
    calls.emplace_back("take back the shutdown");
    return taken_back;
  }
  bool shut_down(bool at_once) override {
    if (drains && !at_once) return false;
    calls.push_back(at_once ? "shut down at once" : "shut down");
    return drains = true;
  }
  bool drains = false;
};

struct Captured : Output {
  std::string stdout_text, stderr_text;
  void out(std::string_view text) override { stdout_text += text; }
  void err(std::string_view text) override { stderr_text += text; }
};

class ConsoleTest : public ::testing::Test {
 protected:
  ConsoleTest() { admin.in_force = pipeline; }
  ~ConsoleTest() override { EXPECT_EQ(undeclared(), undeclared_) << "a result is not as declared, see the log"; }

  struct Done {
    int code;
    std::string out, err;
    bool leave;
    json data() const { return json::parse(out).at("data"); }
  };

  std::shared_ptr<config::Pipeline> pipeline = [] {
    auto made = std::make_shared<config::Pipeline>();
    made->name = "shop";
    made->kafka.group = "sluice-shop";
    made->postgres.url = Secret("postgresql://app:hunter2@127.0.0.1/shop");
    made->routes.emplace_back();
    return made;
  }();
  FakeAdmin admin;
  std::vector<std::string> ended;  // sessions, with the reason
  Interpreter interpreter{
      pipeline,
      admin.capabilities(),
      {{"version", "1.2.3"},
       {"librdkafka", "2.0"},
       {"libpq", "15"},
       {"libpqxx", "6.4"},
       {"libssh", "0.10"},
       {"libcurl", "7.88"}},
      {[] {
         return std::vector<SessionInfo>{
             {.id = 1, .who = {"alice", "admin", "SHA256:x", "127.0.0.1:1"}, .since = {}, .command = "sessions"}};
       },
       [this](std::int64_t id, const std::string& reason) {
         ended.push_back(std::to_string(id) + " " + reason);
         return true;
       }}};
  Login login{{"alice", "admin", "SHA256:abc", "127.0.0.1:5"}, {}};
  Terminal terminal;

  Done run(std::string_view line, std::stop_token stop = {}) {
    Captured captured;
    const auto outcome = interpreter.execute(line, login, terminal, captured, std::move(stop));
    return {outcome.code, captured.stdout_text, captured.stderr_text, outcome.leave};
  }
  // Results that were not as declared, in this process.
  static std::ptrdiff_t undeclared() {
    return std::ranges::count_if(
        log::recent(), [](const log::Entry& one) { return one.text.find("is not as declared") != one.text.npos; });
  }
  const std::ptrdiff_t undeclared_ = undeclared();
  void add_letters(int count) {
    for (int id = 1; id <= count; ++id) {
      DeadLetterRow letter;
      letter.id = id;
      letter.at = {"shop.orders", 1};
      letter.offset = 100 + id;
      letter.stage = "write";
      letter.table = "public.orders";
      letter.reason = "column \"promo\" does not exist";
      letter.value = "{}";
      admin.letters.push_back(letter);
    }
  }
};

}  // namespace sluice::console

// A made-up service, and the console's command core in front of it.
//
// FakeAdmin implements every capability: it does what it is told at once, unless a test makes it slow or broken, and
// remembers what it was asked. Its
// lock is for the tests that look at it while a command waits.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "admin/selector.h"
#include "console/interpreter.h"

namespace sluice::console {

using namespace std::chrono_literals;
using nlohmann::json;

class FakeAdmin : public Snapshots,
                  public Pauses,
                  public DeadLetters,
                  public Positions,
                  public Inspection,
                  public Audit,
                  public Logging {
 public:
  Snapshot now;
  std::vector<DeadLetterRow> letters;
  std::vector<AuditRow> trail, notes;
  std::vector<std::string> calls;
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

  Capabilities capabilities() { return {*this, *this, *this, *this, *this, *this, *this, incidents}; }

  Snapshot snapshot() const override {
    const std::lock_guard lock(mutex);
    return now;
  }
  Result<std::vector<PointerRow>> pointers() override {
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
                      .reason = {},
                      .counts = one.counts,
                      .anchor_offset = {},
                      .updated = {}});
    return rows;
  }
  std::optional<std::string> configured_table(const std::string& topic) const override { return "public." + topic; }
  Result<bool> pause(const Pause& pause) override {
    const std::lock_guard lock(mutex);
    calls.push_back("pause " + pause.target + ": " + pause.reason);
    if (std::ranges::count(now.pauses, pause.target, &Pause::target) > 0) return false;
    now.pauses.push_back(pause);
    const auto target = PartitionSelector::parse(pause.target);
    for (auto& one : now.partitions)
      if (obedient && target->covers(one.at, now.topic_tables[one.at.topic])) one.state = PartitionState::paused;
    return true;
  }
  Result<std::vector<Pause>> stored() override {
    const std::lock_guard lock(mutex);
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    return now.pauses;
  }
  Result<std::optional<Pause>> resume(const std::string& target) override {
    const std::lock_guard lock(mutex);
    calls.push_back("resume " + target);
    const auto found = std::ranges::find(now.pauses, target, &Pause::target);
    if (found == now.pauses.end()) return std::optional<Pause>();
    std::optional<Pause> gone = *found;
    now.pauses.erase(found);
    return gone;
  }
  Result<std::vector<DeadLetterRow>> dead_letters(const DeadLetterFilter& filter) override {
    std::vector<DeadLetterRow> found;
    for (const auto& letter : letters)
      if ((filter.ids.empty() || std::ranges::count(filter.ids, letter.id) > 0) &&
          (!filter.up_to || letter.id <= *filter.up_to) && (filter.resolved || !discarded.contains(letter.id)) &&
          (!filter.since || letter.created >= *filter.since))
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
  Result<DeadLetterGroups> groups(const DeadLetterFilter& filter, LetterGrouping by) override {
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
                            .reason = by == LetterGrouping::reason ? letter.reason : ""};
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
                       .postgres = ask_postgres ? "accepts it; rolled back" : "",
                       .rows = {{"public.orders", "upsert", {{"id", "1"}}}},
                       .sql = {"INSERT INTO x"}};
  }
  Result<std::int64_t> record(const AuditRow& entry) override {
    if (!postgres) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
    trail.push_back(entry);
    return static_cast<std::int64_t>(trail.size());
  }
  Result<void> conclude(std::int64_t id, const std::string& outcome) override {
    trail.at(static_cast<std::size_t>(id - 1)).outcome = outcome;
    return {};
  }
  void note(const AuditRow& entry) override { notes.push_back(entry); }
  Result<std::vector<AuditRow>> audit(const AuditFilter&) override { return trail; }
  void set_log_level(const std::string& level, std::optional<std::chrono::seconds> lasting) override {
    calls.push_back("log " + level + (lasting ? " for " + std::to_string(lasting->count()) : ""));
  }
};

struct Captured : Output {
  std::string stdout_text, stderr_text;
  void out(std::string_view text) override { stdout_text += text; }
  void err(std::string_view text) override { stderr_text += text; }
};

class ConsoleTest : public ::testing::Test {
 protected:
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
  Interpreter interpreter{
      pipeline, admin.capabilities(), {{"version", "1.2.3"}, {"libssh", "0.10"}}, [] {
        return std::vector<SessionInfo>{
            {.id = 1, .who = {"alice", "admin", "SHA256:x", "127.0.0.1:1"}, .since = {}, .command = "sessions"}};
      }};
  Login login{{"alice", "admin", "SHA256:abc", "127.0.0.1:5"}, {}};
  Terminal terminal;

  Done run(std::string_view line, std::stop_token stop = {}) {
    Captured captured;
    const auto outcome = interpreter.execute(line, login, terminal, captured, std::move(stop));
    return {outcome.code, captured.stdout_text, captured.stderr_text, outcome.leave};
  }
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

// Lines of text into the whole command core, beside a service whose names, reasons and errors are hostile: it never
// throws, its codes are those of console/exit_code.h, and nothing harmful comes out; what `--json` prints is JSON.
#include "console/interpreter.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "tests/fuzz/require.h"
#include "tests/fuzz/utf8.h"

namespace {

using namespace sluice;

constexpr auto hostile = "a\x1b]0;owned\a\xff\xe2\x80\xae\n\"b|'";

// Answers at once and changes nothing; about half of what may fail does.
class HostileAdmin : public Snapshots,
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
  bool fails = false;
  IncidentLog incidents;

  HostileAdmin() { incidents.publish({{}, {hostile, 1}, PartitionState::ok, PartitionState::poison, hostile}); }
  Capabilities capabilities() {
    return {*this, *this, *this,     *this, *this, *this, *this, *this, *this, *this, *this,
            *this, *this, incidents, *this, *this, *this, *this, *this, *this, *this, *this};
  }

  std::optional<Note> note() const override { return Note{{}, hostile, hostile}; }
  std::vector<HookState> hooks() const override { return {}; }
  Result<NotificationState> notifications() override {
    if (fails) return broken();
    return NotificationState{{{hostile, hostile, {hostile}, -1, 1, 2, {}, hostile}}, Mute{hostile, {}, {}}};
  }
  Result<std::vector<JobState>> jobs() override {
    if (fails) return broken();
    JobState job;
    job.name = hostile;
    job.after = {hostile};
    job.error = job.detail = hostile;
    return std::vector{job};
  }
  Result<void> run_job(const std::string&) override {
    if (fails) return broken();
    return {};
  }
  Result<std::string> report(const std::string&, const std::string&, const std::string&) override {
    if (fails) return broken();
    return hostile;
  }
  Result<std::string> test(const std::string&, const Caller&) override {
    if (fails) return broken();
    return hostile;
  }
  Result<void> mute(std::chrono::milliseconds, const std::string&, const Caller&) override {
    if (fails) return broken();
    return {};
  }
  Result<bool> unmute(const Caller&) override {
    if (fails) return broken();
    return true;
  }
  Result<std::vector<EventRow>> events(const std::optional<WallClock::time_point>&, int) override {
    if (fails) return broken();
    return std::vector<EventRow>{{1, {}, hostile, "stopped", hostile, 1, "ok", "poison", hostile},
                                 {2, {}, "", hostile, "", -1, hostile, "", hostile}};
  }
  Snapshot snapshot() const override {
    Snapshot now;
    now.ready = now.healthy = true;
    for (const std::int32_t partition : {0, 1, 7}) {
      PartitionSnapshot one;
      one.at = {partition == 7 ? hostile : "orders", partition};
      one.state = partition == 0   ? PartitionState::ok
                  : partition == 1 ? PartitionState::paused
                                   : PartitionState::poison;
      one.reason = hostile;
      one.next = 10, one.end = partition == 1 ? -1 : 20, one.counts.applied = 10;
      now.partitions.push_back(one);
    }
    now.lanes.emplace_back();
    now.lanes.back().last_error = now.postgres_trouble = hostile;
    now.tables.push_back({"public.orders", {"orders"}, 5, 1, std::nullopt, {{{"orders", "note", "too_long"}, 12}}});
    now.topic_tables = {{"orders", {"public.orders"}}, {hostile, {hostile}}};
    now.jobs.emplace_back().name = hostile;
    now.pauses.push_back({"orders/1", hostile, hostile, {}, std::nullopt});
    now.applied_per_second = {0, 1, 2.5};
    return now;
  }
  Result<std::vector<PointerRow>> pointers() override {
    if (fails) return broken();
    PointerRow row;
    row.at = {"orders", 0};
    row.next = row.counts.applied = 10;
    row.owner = row.owner_host = row.reason = hostile;
    row.state = PartitionState::ok;
    PointerRow stopped = row;
    stopped.at = {"orders", 1};
    stopped.state = PartitionState::poison;
    return std::vector{row, stopped};
  }
  std::vector<std::string> configured_tables(const std::string&) const override { return {hostile}; }
  Result<bool> pause(const Pause&) override {
    if (fails) return broken();
    return true;
  }
  Result<std::vector<Pause>> stored() override {
    if (fails) return broken();
    return std::vector{Pause{hostile, hostile, hostile, {}, std::nullopt}};
  }
  Result<std::optional<Pause>> resume(const std::string& target, const std::optional<std::string>&) override {
    if (fails) return broken();
    return Pause{target, hostile, hostile, {}, std::nullopt};
  }
  Result<LogPlace> log(const TopicPartition&, std::optional<WallClock::time_point>) override {
    if (fails) return broken();
    return LogPlace{5, 20, 7};
  }
  Result<std::optional<FirstRecord>> first_record(const PointerRow& from) override {
    if (fails) return broken();
    return FirstRecord{{from.next, 1, "write", hostile, hostile, hostile, hostile}, *explain(from.at, from.next, true)};
  }
  Result<bool> move(const Move& move) override {
    if (fails) return broken();
    return !move.record;
  }
  Result<bool> reclaim(const PointerRow& from) override {
    if (fails) return broken();
    return from.ours;
  }
  Result<std::vector<DeadLetterRow>> dead_letters(const DeadLetterFilter&) override {
    if (fails) return broken();
    DeadLetterRow row;
    row.id = 1, row.at = {hostile, 0};
    row.stage = row.table = row.sqlstate = row.reason = row.detail = row.resolution = row.headers = hostile;
    row.key = row.value = hostile;
    return std::vector{row};
  }
  Result<std::int64_t> count(const DeadLetterFilter&) override {
    if (fails) return broken();
    return 1;
  }
  Result<std::vector<std::string>> sql(const DeadLetterRow&) override {
    if (fails) return broken();
    return std::vector<std::string>{hostile, hostile};
  }
  Result<DeadLetterGroups> groups(const DeadLetterFilter&, LetterGrouping) override {
    if (fails) return broken();
    return DeadLetterGroups{{{2, {}, {}, 1, hostile, hostile, "23502", hostile, {1, 2}, hostile, true, hostile}}, 1, 2};
  }
  Result<DeadLetterGroups> rehearse(const DeadLetterFilter& filter, int) override {
    auto found = groups(filter, LetterGrouping::reason);
    if (found) found->largest.front().rehearsed = {true, 1, 1, 1, 1, 1, {{hostile, hostile, 1}}, hostile};
    return found;
  }
  Result<std::int64_t> discard(const DeadLetterFilter&, const std::string&, const Caller&) override {
    if (fails) return broken();
    return 1;
  }
  Result<std::vector<Replayed>> replay(const DeadLetterFilter&, bool, bool, const Caller&) override {
    if (fails) return broken();
    return std::vector{Replayed{1, {hostile, 0}, 5, false, true, hostile, {hostile}}};
  }
  Result<LogRecord> read(const TopicPartition& at, Offset offset) override {
    if (fails) return broken();
    return LogRecord{at, offset, {}, hostile, hostile, {{hostile, hostile}, {hostile, std::nullopt}}};
  }
  Result<Trace> trace(const TraceRequest& request) override {
    if (fails) return broken();
    Trace found;
    found.key_columns = {hostile};
    for (const auto& place : request.places) {
      found.read.push_back({place.at, 0, 5, 20, hostile});
      found.mentions.push_back({place.at, 7, {}, "write", true, 1});
    }
    found.letters = {{1, {hostile, 0}, 7, hostile, hostile, hostile, true}};
    return found;
  }
  Result<std::vector<Runway>> runways(const std::vector<Pointer>& pointers) override {
    if (fails) return broken();
    std::vector<Runway> found;
    for (const auto& pointer : pointers) {
      found.emplace_back().from = pointer;
      found.back().waits = true;
      found.back().keeps = std::chrono::hours(1);
      found.back().trouble = hostile;
    }
    return found;
  }
  struct HostileTail : Tail {
    Result<TailNews> next(std::size_t, std::chrono::milliseconds, Rest) override {
      return TailNews{{{{hostile, 0}, 1, {}, hostile, hostile, {{hostile, hostile}}}}, 5, 2, {hostile}};
    }
  };
  Result<std::unique_ptr<Tail>> tail(const std::vector<TopicPartition>&, const Expression&) override {
    if (fails) return broken();
    return std::make_unique<HostileTail>();
  }
  Result<Explanation> explain(const TopicPartition& at, Offset offset, bool) override {
    if (fails) return broken();
    Explanation told;
    told.at = at, told.offset = offset;
    told.key = told.value = hostile;
    told.headers = {{hostile, hostile}};
    told.outcome = "applied";
    told.postgres = hostile;
    told.rows = {{hostile, "upsert", {{hostile, hostile}}}};
    told.sql = {hostile};
    return told;
  }
  Result<std::int64_t> record(const AuditRow&) override { return 1; }
  Result<void> conclude(std::int64_t, const std::string&) override { return {}; }
  void note(const AuditRow&) override {}
  Result<std::vector<AuditRow>> audit(const AuditFilter&) override {
    if (fails) return broken();
    return std::vector{AuditRow{1, {}, {hostile, hostile, hostile, hostile}, hostile, hostile, hostile, hostile}};
  }
  RateReport rates(const std::vector<TopicPartition>&, std::chrono::seconds) const override {
    return {{1, 2, {}, {}, {0, 1, 2.5}}, {0, {}, {}, {}, {}}};
  }
  std::map<TopicPartition, double> applied() const override { return {{{hostile, 7}, 2.5}}; }
  Period since(WallClock::time_point moment) const override {
    return {moment, {{hostile, {.applied = 5}}}, {{hostile, {5, -1}}}, {0, 7}, {0, 7.5}};
  }
  MemoryUse memory() const override { return {{{1, {1, 2, 3}, {}, {4, 5, 6}, {}}}, {}, -1}; }
  Result<std::optional<VerificationState>> last() override {
    if (fails) return broken();
    return VerificationState{WallClock::time_point(), {{{hostile, 1}, std::nullopt, hostile}}, hostile};
  }
  Result<ProofReport> prove(const ProofOrder& order) override {
    if (order.progress) order.progress(hostile);
    if (fails) return broken();
    return ProofReport{false,     {.name = "partitions", .columns = {{.name = "topic"}}, .rows = {{hostile}}},
                       {hostile}, {hostile},
                       {hostile}, hostile};
  }
  void set_log_level(const std::string&, std::optional<std::chrono::seconds>, const std::string&) override {}
  Result<std::vector<TableColumn>> columns(const std::string&) override {
    if (fails) return broken();
    return std::vector{TableColumn{hostile, hostile, true, false}};
  }
  Result<std::int64_t> count_rows(const std::string&, std::chrono::milliseconds) override {
    if (fails) return broken();
    return 7;
  }
  Result<std::vector<SettingChange>> check_file() const override {
    if (fails) return broken();
    return std::vector{SettingChange{hostile, hostile, hostile, true}};
  }
  std::shared_ptr<const config::Pipeline> settings() const override { return std::make_shared<config::Pipeline>(); }
  void reload() override {}
  Result<std::vector<LaneFlush>> flush(const std::vector<TopicPartition>&) override {
    if (fails) return broken();
    return std::vector{LaneFlush{1, 2, 3, 4, {{{hostile, 1}, 7}}}};
  }
  void reconnect(int) override {}
  Result<void> reconnect_kafka() override {
    if (fails) return broken();
    return {};
  }
  Result<SettingChange> set(const SettingOrder& order) override {
    if (fails) return broken();
    return SettingChange{order.key, hostile, order.value, true};
  }
  std::vector<HandSetting> confirm(const std::string&) override { return by_hand(); }
  std::vector<HandSetting> by_hand() const override {
    return {{"batch.rows", hostile, hostile, hostile, {}, WallClock::time_point()},
            {hostile, hostile, hostile, hostile, {}, {}}};
  }
  TakenBack take_back_shutdown() override { return TakenBack::too_late; }
  bool shut_down(bool at_once) override { return at_once; }

 private:
  static std::unexpected<Error> broken() { return std::unexpected(Error{ErrorClass::retry, "57P01", hostile}); }
};

struct Kept : console::Output {
  void out(std::string_view text) override { printed += text; }
  void err(std::string_view text) override { said += text; }
  std::string printed, said;
};

struct Setup {
  HostileAdmin admin;
  console::Interpreter interpreter;

  Setup()
      : interpreter(std::make_shared<config::Pipeline>(), admin.capabilities(), {{"sluice", hostile}}, [] {
          console::SessionInfo one;
          one.who = {hostile, "viewer", hostile, hostile};
          one.command = hostile;
          return std::vector{one};
        }) {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Setup context;
  static const std::array<std::string, 3> roles{"viewer", "operator", "admin"};
  if (size == 0) return 0;
  context.admin.fails = (data[0] & 1) != 0;
  console::Login login;
  login.caller = {"name", roles[data[0] / 2 % 3], "SHA256:x", "127.0.0.1:1"};
  const console::Terminal terminal{
      .pty = (data[0] & 8) != 0, .cursor = (data[0] & 8) != 0, .utf8 = (data[0] & 16) == 0, .columns = 20 + data[0]};
  const std::string_view line(reinterpret_cast<const char*>(data) + 1, size - 1);

  std::stop_source ended;
  ended.request_stop();  // so that no command waits
  Kept kept;
  const auto outcome = context.interpreter.execute(line, login, terminal, kept, ended.get_token());
  constexpr std::array codes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 130, 141};
  REQUIRE(std::find(codes.begin(), codes.end(), outcome.code) != codes.end());
  // The codes of `clear` and of a redrawn screen are our own.
  if (!kept.printed.starts_with("\x1b[")) REQUIRE(fuzz::harmless(kept.printed, true));
  REQUIRE(fuzz::harmless(kept.said, true));
  if (kept.printed.starts_with("{\"v\":")) REQUIRE(nlohmann::json::accept(kept.printed));
  if (outcome.code == console::not_understood) REQUIRE(!kept.said.empty());

  REQUIRE(fuzz::harmless(context.interpreter.greeting(login, terminal), true));
  for (const auto& word : context.interpreter.complete(line, login)) REQUIRE(fuzz::harmless(word));
  static_cast<void>(context.interpreter.hints(line, login));  // the editor escapes them
  return 0;
}

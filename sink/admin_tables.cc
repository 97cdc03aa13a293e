#include "sink/admin_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/codec.h"
#include "base/interrupt.h"
#include "base/parse.h"
#include "sink/pointer_rows.h"
#include "sink/sql.h"

namespace sluice::sink {
namespace {

using std::chrono::milliseconds;

// For connecting, asking and reading the answer together.
constexpr std::chrono::seconds call_timeout{25};
constexpr std::chrono::seconds probe_timeout{2};
constexpr milliseconds look_interval{50};  // while others ask: how often a wait looks whether it is interrupted

std::string text(WallClock::time_point at) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count());
}

Field text(const std::optional<WallClock::time_point>& at) {
  return at ? Field(text(*at)) : std::nullopt;
}

Field from_hex(const Field& hex) {
  if (!hex) return std::nullopt;
  std::string bytes;
  append_hex_decoded(*hex, bytes);
  return bytes;
}

Pause to_pause(const Row& row) {
  return {row.text("target"), row.text("reason"), row.text("paused_by"), row.moment("paused_at"),
          row.perhaps_moment("expires_at")};
}

DeadLetterRow to_letter(const Row& row) {
  DeadLetterRow letter;
  letter.id = row.integer("id");
  letter.at = {row.text("topic"), static_cast<std::int32_t>(row.integer("partition"))};
  letter.offset = row.integer("record_offset");
  letter.generation = static_cast<std::int32_t>(row.integer("generation"));
  letter.created = row.moment("created_ms");
  letter.timestamp = row.perhaps_moment("record_ms");
  letter.resolved = row.perhaps_moment("resolved_ms");
  letter.stage = row.text("stage");
  letter.table = row.text("table_name");
  letter.sqlstate = row.text("sqlstate");
  letter.reason = row.text("reason");
  letter.detail = row.text("detail");
  letter.kept = row.boolean("kept");
  letter.resolution = row.text("resolution");
  letter.attempts = static_cast<int>(row.integer("attempts"));
  letter.bytes = row.integer("bytes");
  letter.key = from_hex(row["key"]);
  letter.value = from_hex(row["value"]);
  letter.headers = row.text("headers");
  return letter;
}

AuditRow to_audit(const Row& row) {
  AuditRow entry;
  entry.id = row.integer("id");
  entry.at = row.moment("at_ms");
  entry.who = {row.text("who"), row.text("role"), row.text("fingerprint"), row.text("address")};
  entry.command = row.text("command");
  entry.target = row.text("target");
  entry.detail = row.text("detail");
  entry.outcome = row.text("outcome");
  return entry;
}

// Converts each row of an answer.
template <class Make>
auto each(const Result<Rows>& rows, Make make) -> Result<std::vector<decltype(make(rows->front()))>> {
  if (!rows) return std::unexpected(rows.error());
  std::vector<decltype(make(rows->front()))> all;
  for (const auto& row : *rows) all.push_back(make(row));
  return all;
}

const char* text(bool value) {
  return value ? "t" : "f";
}

Field list_of(const std::vector<std::int64_t>& ids) {
  return fmt::format("{{{}}}", fmt::join(ids, ","));
}

// Of an array's text: {1,2}
std::vector<std::int64_t> numbers_of(std::string_view array) {
  std::vector<std::int64_t> numbers;
  for (const auto part : split(array.size() < 2 ? array : array.substr(1, array.size() - 2), ',')) {
    if (const auto number = parse_integer<std::int64_t>(part)) numbers.push_back(*number);
  }
  return numbers;
}

// $2 to $10 of sql/part_dead_letter_filter.sql; what is null there filters nothing.
void add_filter(Fields& parameters, const DeadLetterFilter& filter) {
  parameters.push_back(filter.ids.empty() ? Field() : list_of(filter.ids));
  parameters.push_back(unless_empty(filter.topic));
  parameters.push_back(unless_empty(filter.table));
  parameters.push_back(unless_empty(filter.reason));
  parameters.push_back(text(filter.since));
  parameters.push_back(text(filter.until));
  parameters.push_back(text(filter.resolved));
  parameters.push_back(text(filter.failed));
  parameters.push_back(filter.up_to ? std::to_string(*filter.up_to) : Field());
}

std::string_view text(LetterOrder order) {
  return order == LetterOrder::newest ? "newest" : order == LetterOrder::oldest ? "oldest" : "position";
}

std::string_view text(LetterGrouping by) {
  return by == LetterGrouping::topic ? "topic" : by == LetterGrouping::table ? "table" : "reason";
}

}  // namespace

AdminTables::AdminTables(const config::Postgres& settings, Identity identity)
    : settings_(settings), identity_(std::move(identity)) {}

Result<SqlClient> AdminTables::take() {
  MutexLock lock(mutex_);
  if (!idle_.empty()) {
    auto client = std::move(idle_.back());
    idle_.pop_back();
    lock.unlock();
    if (client.run("SELECT", {}, Clock::now() + probe_timeout)) return client;
    // The server has restarted or does not answer: the other connections are lost, too.
    lock.lock();
    idle_.clear();
  }
  lock.unlock();
  auto opened = SqlClient::open(settings_.url);
  if (opened) {
    lock.lock();
    security_ = opened->security();
  }
  return opened;
}

void AdminTables::close_idle() {
  std::vector<SqlClient> closed;  // once the lock is free
  {
    const MutexLock lock(mutex_);
    closed.swap(idle_);
  }
}

void AdminTables::give_back(SqlClient client) {
  if (!client.connected()) return;
  const MutexLock lock(mutex_);
  if (idle_.size() < idle_at_most) idle_.push_back(std::move(client));
}

Result<Rows> AdminTables::ask(std::string_view file, Fields parameters, Asker asker) {
  const auto deadline = Clock::now() + call_timeout;
  if (asker == Asker::service) return ask_until(deadline, file, std::move(parameters));
  while (!places_.try_acquire_for(look_interval)) {
    if (interruption().requested()) return fail(ErrorClass::retry, std::string(cancelled));
    if (Clock::now() < interruption().earlier(deadline)) continue;
    return fail(ErrorClass::retry, fmt::format("{} commands ask PostgreSQL already; try again", at_a_time));
  }
  auto rows = ask_until(deadline, file, std::move(parameters));
  places_.release();
  return rows;
}

Result<Rows> AdminTables::ask_until(Clock::time_point deadline, std::string_view file, Fields parameters) {
  auto client = take();
  if (!client) return std::unexpected(client.error());
  parameters.insert(parameters.begin(), identity_.pipeline);
  auto rows = client->run(sql(file, settings_.schema), parameters, deadline);
  give_back(std::move(*client));
  return rows;
}

Result<std::vector<PointerRow>> AdminTables::pointers() {
  return each(ask("pointer_select", {identity_.owner}), to_pointer);
}

Result<bool> AdminTables::release(const PointerRow& from) {
  const auto rows = ask("pointer_release",
                        {from.at.topic, std::to_string(from.at.partition), std::to_string(from.next),
                         std::to_string(from.epoch), std::to_string(from.generation), std::string(name(from.state))});
  if (!rows) return std::unexpected(rows.error());
  return !rows->empty();
}

Result<std::vector<TopicPartition>> AdminTables::mark_missing(const std::vector<std::string>& topics,
                                                              const std::string& reason) {
  return each(ask("pointer_mark_missing", {reason, fmt::format("{}", fmt::join(topics, ","))}, Asker::service),
              [](const Row& row) {
                return TopicPartition{row.text("topic"), static_cast<std::int32_t>(row.integer("partition"))};
              });
}

Result<std::map<int, SessionWait>> AdminTables::waits(const std::vector<int>& sessions) {
  const auto rows = ask("lane_waits", {fmt::format("{{{}}}", fmt::join(sessions, ","))}, Asker::service);
  if (!rows) return std::unexpected(rows.error());
  std::map<int, SessionWait> found;
  for (const auto& row : *rows)
    found.emplace(static_cast<int>(row.integer("pid")),
                  SessionWait{row.text("reason"), row.text("holder"), row.text("advice")});
  return found;
}

Result<StandbyReport> AdminTables::standbys() {
  auto rows = ask("standby_select", {}, Asker::service);
  if (!rows) {
    // No such view or function, no right to it, or a server that writes no log.
    const auto& state = rows.error().sqlstate;
    if (state.starts_with("42") || state.starts_with("0A") || state.starts_with("55"))
      rows.error().next = ErrorClass::reject;
    return std::unexpected(std::move(rows.error()));
  }
  StandbyReport report;
  for (const auto& row : *rows) {
    report.written = row.integer("written");
    report.hidden = report.hidden || row.boolean("hidden");
    if (row.boolean("there") && !row.boolean("hidden"))
      report.standbys.push_back({row.text("name"), row.integer("replayed")});
  }
  return report;
}

Result<std::vector<Pause>> AdminTables::pauses() {
  return each(ask("pause_select", {}, Asker::service), to_pause);
}

Result<bool> AdminTables::pause(const Pause& pause) {
  const auto rows = ask("pause_insert", {pause.target, pause.reason, pause.by, text(pause.expires)});
  if (!rows) return std::unexpected(rows.error());
  return !rows->empty();
}

Result<std::optional<Pause>> AdminTables::resume(const std::string& target, const std::optional<std::string>& reason) {
  const auto rows = ask("pause_delete", {target, reason});
  if (!rows) return std::unexpected(rows.error());
  return rows->empty() ? std::optional<Pause>() : to_pause(rows->front());
}

Result<std::vector<Pause>> AdminTables::expire() {
  return each(ask("pause_expire", {}, Asker::service), to_pause);
}

Result<std::int64_t> AdminTables::open_letters() {
  const auto rows = ask("dead_letter_count_open", {}, Asker::service);
  if (!rows) return std::unexpected(rows.error());
  return rows->front().integer("open");
}

Result<std::vector<DeadLetterRow>> AdminTables::letters(const DeadLetterFilter& filter) {
  Fields parameters;
  add_filter(parameters, filter);
  parameters.insert(parameters.end(),
                    {std::to_string(filter.limit), text(filter.contents), std::string(text(filter.order))});
  if (const auto& after = filter.after)
    parameters.insert(parameters.end(), {after->at.topic, std::to_string(after->at.partition),
                                         std::to_string(after->offset), std::to_string(after->generation)});
  else
    parameters.resize(parameters.size() + 4);
  return each(ask("dead_letter_select", std::move(parameters)), to_letter);
}

Result<std::int64_t> AdminTables::count_letters(const DeadLetterFilter& filter) {
  Fields parameters;
  add_filter(parameters, filter);
  const auto rows = ask("dead_letter_count", std::move(parameters));
  if (!rows) return std::unexpected(rows.error());
  return rows->front().integer("found");
}

Result<DeadLetterGroups> AdminTables::letter_groups(const DeadLetterFilter& filter, LetterGrouping by, int ids) {
  Fields parameters;
  add_filter(parameters, filter);
  parameters.insert(parameters.end(), {std::string(text(by)), std::to_string(filter.limit), std::to_string(ids)});
  const auto rows = ask("dead_letter_groups", std::move(parameters));
  if (!rows) return std::unexpected(rows.error());
  DeadLetterGroups found;
  for (const auto& row : *rows) {
    found.groups = row.integer("all_groups");
    found.letters = row.integer("all_letters");
    auto& group = found.largest.emplace_back();
    group.letters = row.integer("letters");
    group.oldest = row.moment("oldest_ms");
    group.newest = row.moment("newest_ms");
    group.example = row.integer("example");
    group.ids = numbers_of(row.text("oldest"));
    group.topic = row.text("topic");
    group.table = row.text("table_name");
    group.sqlstate = row.text("sqlstate");
    group.reason = row.text("reason");
  }
  return found;
}

Result<std::int64_t> AdminTables::discard(const DeadLetterFilter& filter, const std::string& resolution) {
  Fields parameters;
  add_filter(parameters, filter);
  parameters.insert(parameters.end(), {resolution, std::to_string(filter.limit)});
  const auto rows = ask("dead_letter_discard", std::move(parameters));
  if (!rows) return std::unexpected(rows.error());
  return rows->front().integer("discarded");
}

Result<std::vector<Offset>> AdminTables::unapplied(const TopicPartition& at, std::int32_t generation, Offset from) {
  return each(ask("dead_letter_unapplied",
                  {at.topic, std::to_string(at.partition), std::to_string(generation), std::to_string(from)}),
              [](const Row& row) { return row.integer("record_offset"); });
}

Result<std::int64_t> AdminTables::purge(std::string_view file, std::chrono::milliseconds keep) {
  const auto seconds = std::chrono::duration<double>(keep).count();
  const auto rows = ask(file, {fmt::format("{}", seconds), std::to_string(purged_at_most)}, Asker::service);
  if (!rows) return std::unexpected(rows.error());
  return rows->front().integer("removed");
}

Result<std::int64_t> AdminTables::purge_letters(std::chrono::milliseconds keep) {
  return purge("dead_letter_purge", keep);
}

Result<std::int64_t> AdminTables::purge_audit(std::chrono::milliseconds keep) {
  return purge("audit_purge", keep);
}

Result<std::int64_t> AdminTables::purge_verification(std::chrono::milliseconds keep) {
  return purge("verification_purge", keep);
}

Result<std::map<std::string, std::int64_t>> AdminTables::sizes() {
  const auto rows = ask("schema_sizes", {settings_.schema}, Asker::service);
  if (!rows) return std::unexpected(rows.error());
  std::map<std::string, std::int64_t> sizes;
  for (const auto& row : *rows) sizes[row.text("name")] = row.integer("bytes");
  return sizes;
}

ServerSecurity AdminTables::security() {
  const MutexLock lock(mutex_);
  return security_;
}

Result<std::int64_t> AdminTables::record(const AuditRow& entry) {
  const auto rows = ask("audit_insert", {entry.who.name, entry.who.role, entry.who.fingerprint, entry.who.address,
                                         entry.command, entry.target, entry.detail, entry.outcome,
                                         entry.at == WallClock::time_point{} ? Field() : text(entry.at)});
  if (!rows) return std::unexpected(rows.error());
  return rows->front().integer("id");
}

Result<void> AdminTables::conclude(std::int64_t id, const std::string& outcome) {
  const auto rows = ask("audit_finish", {std::to_string(id), outcome});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorClass::reject, fmt::format("the audit trail has no row {}", id));
  return {};
}

Result<std::vector<AuditRow>> AdminTables::audit(const AuditFilter& filter) {
  return each(ask("audit_select", {unless_empty(filter.by), text(filter.since), std::to_string(filter.limit)}),
              to_audit);
}

}  // namespace sluice::sink

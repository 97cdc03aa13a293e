#include "sink/admin_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "sink/sql.h"

namespace sluice::sink {
namespace {

using std::chrono::milliseconds;
using Field = std::optional<std::string>;

template <class Integer = std::int64_t>
Integer integer(const Field& field) {
  Integer value = 0;
  if (field) std::from_chars(field->data(), field->data() + field->size(), value);
  return value;
}

bool boolean(const Field& field) {
  return field == "t";
}

WallClock::time_point moment(const Field& field) {
  return WallClock::time_point(milliseconds(integer(field)));
}

std::optional<WallClock::time_point> perhaps_moment(const Field& field) {
  return field ? std::optional(moment(field)) : std::nullopt;
}

std::string text(WallClock::time_point at) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count());
}

Field text(const std::optional<WallClock::time_point>& at) {
  return at ? Field(text(*at)) : std::nullopt;
}

Field unless_empty(const std::string& value) {
  return value.empty() ? Field() : Field(value);
}

Field from_hex(const Field& hex) {
  if (!hex) return std::nullopt;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  bytes.reserve(hex->size() / 2);
  for (std::size_t i = 0; i + 1 < hex->size(); i += 2)
    bytes += static_cast<char>(digit((*hex)[i]) * 16 + digit((*hex)[i + 1]));
  return bytes;
}

Pause to_pause(const Row& row) {
  return {row[0].value_or(""), row[1].value_or(""), row[2].value_or(""), moment(row[3]), perhaps_moment(row[4])};
}

std::vector<Pause> to_pauses(const Rows& rows) {
  std::vector<Pause> pauses;
  for (const auto& row : rows) pauses.push_back(to_pause(row));
  return pauses;
}

PointerRow to_pointer(const Row& row) {
  PointerRow pointer;
  pointer.at = {row[0].value_or(""), integer<std::int32_t>(row[1])};
  pointer.start = integer(row[2]);
  pointer.next = integer(row[3]);
  pointer.generation = integer<std::int32_t>(row[4]);
  pointer.epoch = integer(row[5]);
  pointer.owner = row[6].value_or("");
  pointer.owner_host = row[7].value_or("");
  pointer.ours = boolean(row[8]);
  pointer.state = parse_partition_state(row[9].value_or("")).value_or(PartitionState::poison);
  pointer.reason = row[10].value_or("");
  pointer.counts.applied = integer(row[11]);
  pointer.counts.folded = integer(row[12]);
  pointer.counts.skipped = integer(row[13]);
  pointer.counts.dead = integer(row[14]);
  pointer.counts.gaps = integer(row[15]);
  if (row[16]) pointer.anchor_offset = integer(row[16]);
  pointer.updated = moment(row[17]);
  return pointer;
}

DeadLetterRow to_letter(const Row& row) {
  DeadLetterRow letter;
  letter.id = integer(row[0]);
  letter.at = {row[1].value_or(""), integer<std::int32_t>(row[2])};
  letter.offset = integer(row[3]);
  letter.generation = integer<std::int32_t>(row[4]);
  letter.created = moment(row[5]);
  letter.timestamp = perhaps_moment(row[6]);
  letter.resolved = perhaps_moment(row[7]);
  letter.stage = row[8].value_or("");
  letter.table = row[9].value_or("");
  letter.sqlstate = row[10].value_or("");
  letter.reason = row[11].value_or("");
  letter.resolution = row[12].value_or("");
  letter.attempts = integer<int>(row[13]);
  letter.key = from_hex(row[14]);
  letter.value = from_hex(row[15]);
  letter.headers = row[16].value_or("");
  return letter;
}

AuditRow to_audit(const Row& row) {
  AuditRow entry;
  entry.id = integer(row[0]);
  entry.at = moment(row[1]);
  entry.who = {row[2].value_or(""), row[3].value_or(""), row[4].value_or(""), row[5].value_or("")};
  entry.command = row[6].value_or("");
  entry.target = row[7].value_or("");
  entry.detail = row[8].value_or("");
  entry.outcome = row[9].value_or("");
  return entry;
}

// $2 to $7 of sql/dead_letter_select.sql and sql/discard.sql.
void add_filter(Row& parameters, const DeadLetterFilter& filter) {
  parameters.push_back(filter.ids.empty() ? Field() : Field(fmt::format("{{{}}}", fmt::join(filter.ids, ","))));
  parameters.push_back(unless_empty(filter.topic));
  parameters.push_back(unless_empty(filter.table));
  parameters.push_back(unless_empty(filter.reason));
  parameters.push_back(text(filter.since));
  parameters.push_back(text(filter.until));
}

const char* text(bool value) {
  return value ? "t" : "f";
}

}  // namespace

AdminTables::AdminTables(const config::Postgres& settings, Identity identity)
    : settings_(settings), identity_(std::move(identity)) {}

Result<SqlClient> AdminTables::take() {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (idle_.empty()) break;
    auto query = std::move(idle_.back());
    idle_.pop_back();
    lock.unlock();
    if (query.run("select")) return query;  // the server may have restarted meanwhile
  }
  return SqlClient::open(settings_.url);
}

void AdminTables::give_back(SqlClient query) {
  if (!query.connected()) return;
  const std::lock_guard lock(mutex_);
  if (idle_.size() < idle_at_most) idle_.push_back(std::move(query));
}

// The pipeline is every statement's $1.
Result<Rows> AdminTables::ask(std::string_view file, Row parameters) {
  auto query = take();
  if (!query) return std::unexpected(query.error());
  parameters.insert(parameters.begin(), identity_.pipeline);
  auto rows = query->run(sql(file, settings_.schema), parameters);
  give_back(std::move(*query));
  return rows;
}

Result<std::vector<PointerRow>> AdminTables::pointers() {
  const auto rows = ask("pointers", {identity_.owner});
  if (!rows) return std::unexpected(rows.error());
  std::vector<PointerRow> pointers;
  for (const auto& row : *rows) pointers.push_back(to_pointer(row));
  return pointers;
}

Result<std::vector<Pause>> AdminTables::pauses() {
  const auto rows = ask("pauses", {});
  if (!rows) return std::unexpected(rows.error());
  return to_pauses(*rows);
}

Result<bool> AdminTables::pause(const Pause& pause) {
  const auto rows = ask("pause", {pause.target, pause.reason, pause.by, text(pause.expires)});
  if (!rows) return std::unexpected(rows.error());
  return !rows->empty();
}

Result<std::optional<Pause>> AdminTables::resume(const std::string& target) {
  const auto rows = ask("resume", {target});
  if (!rows) return std::unexpected(rows.error());
  return rows->empty() ? std::optional<Pause>() : to_pause(rows->front());
}

Result<std::vector<Pause>> AdminTables::expire() {
  const auto rows = ask("pause_expire", {});
  if (!rows) return std::unexpected(rows.error());
  auto expired = to_pauses(*rows);
  for (const auto& pause : expired) {
    AuditRow entry;
    entry.who.name = "sluice";
    entry.command = "expired";
    entry.target = pause.target;
    entry.outcome = "done";
    if (const auto done = record(entry); !done) return std::unexpected(done.error());
  }
  return expired;
}

Result<std::int64_t> AdminTables::open_letters() {
  const auto rows = ask("open_letters", {});
  if (!rows) return std::unexpected(rows.error());
  return integer(rows->front().front());
}

Result<std::vector<DeadLetterRow>> AdminTables::letters(const DeadLetterFilter& filter) {
  Row parameters;
  add_filter(parameters, filter);
  parameters.insert(parameters.end(),
                    {text(filter.resolved), text(filter.failed), std::to_string(filter.limit), text(filter.contents)});
  const auto rows = ask("dead_letter_select", std::move(parameters));
  if (!rows) return std::unexpected(rows.error());
  std::vector<DeadLetterRow> letters;
  for (const auto& row : *rows) letters.push_back(to_letter(row));
  return letters;
}

Result<std::int64_t> AdminTables::discard(const DeadLetterFilter& filter, const std::string& resolution) {
  Row parameters;
  add_filter(parameters, filter);
  parameters.insert(parameters.end(), {text(filter.failed), std::to_string(filter.limit), resolution});
  const auto rows = ask("discard", std::move(parameters));
  if (!rows) return std::unexpected(rows.error());
  return static_cast<std::int64_t>(rows->size());
}

Result<std::vector<Offset>> AdminTables::unapplied(const TopicPartition& at, std::int32_t generation, Offset from) {
  const auto rows =
      ask("unapplied", {at.topic, std::to_string(at.partition), std::to_string(generation), std::to_string(from)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<Offset> offsets;
  for (const auto& row : *rows) offsets.push_back(integer(row[0]));
  return offsets;
}

Result<std::int64_t> AdminTables::record(const AuditRow& entry) {
  const auto rows = ask("audit_insert", {entry.who.name, entry.who.role, entry.who.fingerprint, entry.who.address,
                                         entry.command, entry.target, entry.detail, entry.outcome});
  if (!rows) return std::unexpected(rows.error());
  return integer(rows->front().front());
}

Result<void> AdminTables::conclude(std::int64_t id, const std::string& outcome) {
  const auto rows = ask("audit_finish", {std::to_string(id), outcome});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorClass::retry, fmt::format("the audit trail has no row {}", id));
  return {};
}

Result<std::vector<AuditRow>> AdminTables::audit(const AuditFilter& filter) {
  const auto rows = ask("audit_select", {unless_empty(filter.by), text(filter.since), std::to_string(filter.limit)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<AuditRow> entries;
  for (const auto& row : *rows) entries.push_back(to_audit(row));
  return entries;
}

}  // namespace sluice::sink

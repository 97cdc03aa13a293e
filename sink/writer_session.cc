#include "sink/writer_session.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/parse.h"
#include "base/table_name.h"
#include "sink/dead_letters.h"
#include "sink/oid.h"
#include "sink/pointer_parameters.h"
#include "sink/sql.h"
#include "sink/sqlstate.h"
#include "sink/statement_text.h"

namespace sluice::sink {
namespace {

constexpr std::chrono::seconds rollback_timeout{15};
constexpr std::size_t before_mark = 32;  // of Table::signature (sql/table_relations.sql)
constexpr std::size_t plain_mark = 32;   // without composite types

}  // namespace

Statement& WriterSession::file(std::string_view name) {
  return statements.get(std::string(name), [&] { return sql(name, schema); });
}

void WriterSession::send_advance(std::span<const PartitionRange> ranges, bool with_counts) {
  FAILPOINT("before_advance", connection.flush());
  add_advance(parameters, identity, ranges, with_counts);
  connection.send(file("pointer_advance"), parameters);
  FAILPOINT("after_advance", connection.flush());
}

void WriterSession::use_path_of_user() {
  connection.send("SET LOCAL search_path TO DEFAULT");
}

void WriterSession::use_own_path() {
  connection.send("SET LOCAL search_path = pg_catalog, pg_temp");
}

void WriterSession::send_write(const Changes& changes, const PlannedWrite& write) {
  add_write(parameters, changes, write);
  connection.send(statements.of(write), parameters);
}

void WriterSession::send_same_tables(const Changes& changes) {
  std::vector<std::int32_t> tables;
  std::vector<std::optional<std::string_view>> marks;
  bool composed = false;
  for (const auto& written : changes.tables) {
    const std::string_view signature = written.table->signature;
    if (signature.size() <= before_mark) continue;
    tables.push_back(static_cast<std::int32_t>(written.table->oid));
    marks.emplace_back(signature.substr(before_mark));
    composed = composed || marks.back()->size() > plain_mark;
  }
  if (tables.empty() || SEEDED_BUG("stale_description")) return;
  parameters.clear();
  parameters.add_int4s(tables);
  parameters.add_bytes(marks, oid::text);
  connection.send(file(composed ? "table_same_composed" : "table_same"), parameters);
}

void WriterSession::send_count_outdated(const Changes& changes, const PlannedWrite& write) {
  if (!write.guarded() || write.rows.empty()) return;
  std::string key = fmt::format("outdated {}", write.table->version);
  for (const auto column : write.columns) key += fmt::format(" {}", column);
  auto& statement = statements.get(key, [&] { return count_outdated(write, quoted(schema) + ".pointer"); });
  add_count_outdated(parameters, changes, write, identity.pipeline);
  connection.send(statement, parameters);
  counted_outdated = true;
}

void WriterSession::send_counts(std::span<const PartitionRange> ranges) {
  counts.clear();
  if (!counted_outdated) return;
  std::vector<std::optional<std::string_view>> topics;
  std::vector<std::int32_t> partitions;
  for (const auto& range : ranges) {
    topics.emplace_back(range.at->topic);
    partitions.push_back(range.at->partition);
  }
  parameters.clear();
  parameters.add_text(identity.pipeline);
  parameters.add_bytes(topics, oid::text);
  parameters.add_int4s(partitions);
  connection.send(file("pointer_counts"), parameters);
}

void WriterSession::read_counts(const Reply& reply) {
  if (!std::exchange(counted_outdated, false)) return;
  const auto* rows = reply.rows.get();
  for (int row = 0; row < PQntuples(rows); ++row) {
    const auto number = [&](int column) {
      return parse_integer<std::int64_t>(PQgetvalue(rows, row, column)).value_or(0);
    };
    counts.push_back({{PQgetvalue(rows, row, 0), static_cast<std::int32_t>(number(1))},
                      {number(2), number(3), number(4), number(5), number(6)}});
  }
}

void WriterSession::send_dead_letters(std::span<const DeadLetter> letters, std::span<const Record> records,
                                      std::span<const PartitionRange> ranges) {
  if (letters.empty()) return;
  FAILPOINT("before_dead_letters", connection.flush());
  add_dead_letters(parameters, identity.pipeline, letters, records, ranges,
                   {connection.stores_any_text(), letters_keep_contents});
  connection.send(file("dead_letter_insert"), parameters);
  FAILPOINT("after_dead_letters", connection.flush());
}

void WriterSession::send_deallocations() {
  for (const auto& name : statements.take_retired()) connection.send(fmt::format("DEALLOCATE {}", name).c_str());
}

Result<Reply> WriterSession::answer(std::chrono::milliseconds timeout) {
  connection.sync();
  auto reply = connection.wait(Clock::now() + timeout);
  learn_from(reply);
  return reply;
}

void WriterSession::learn_from(const Result<Reply>& reply) {
  statements.end_exchange();
  if (reply) return;
  // The catalogue may have changed under the statements.
  if (reply.error().next == ErrorClass::stop_partition) statements.retire_all();
  if (!connection.is_open()) forget();
}

Result<void> WriterSession::attempt(const Changes* changes, Attempt how, std::chrono::milliseconds timeout) {
  const auto leave = [this](bool undo) {
    if (undo) connection.send("ROLLBACK TO SAVEPOINT sluice");
    connection.send("RELEASE SAVEPOINT sluice");
  };
  connection.send("SAVEPOINT sluice");
  use_path_of_user();
  if (changes != nullptr) {
    for (auto& write : plan(*changes, true)) {
      if (how.without_rows) {
        write.rows.clear();
        write.kept.clear();
      }
      send_write(*changes, write);
      if (how.counts) send_count_outdated(*changes, write);
    }
  }
  if (how.check_deferred) connection.send("SET CONSTRAINTS ALL IMMEDIATE");
  use_own_path();
  leave(how.undo);
  const auto written = answer(timeout);
  if (written) return {};
  if (!connection.is_open()) return std::unexpected(written.error());
  leave(true);
  const auto undone = answer(timeout);
  if (undone) return std::unexpected(written.error());
  rollback();
  return std::unexpected(undone.error());
}

Result<void> WriterSession::write_alone(const Changes& changes, std::chrono::milliseconds timeout) {
  for (const auto& write : locks(changes)) send_write(changes, write);
  auto written = attempt(&changes, {.check_deferred = true}, timeout);
  if (written || !connection.is_open()) return written;
  auto& error = written.error();
  if (error.next != ErrorClass::stop_partition && error.next != ErrorClass::unclear) return written;
  if (nobodys_fault(error)) return written;
  // The code does not say whose fault it is: the same statements without the rows do.
  if (attempt(&changes, {.without_rows = true, .undo = true}, timeout)) error.next = ErrorClass::reject;
  return written;
}

void WriterSession::rollback() {
  if (connection.in_transaction()) (void)connection.run("ROLLBACK", Clock::now() + rollback_timeout);
  if (!connection.is_open()) forget();
}

void WriterSession::forget() {
  statements.clear();
  stages.clear();
  can_stage = true;
}

}  // namespace sluice::sink

#include "runtime/control/explain.h"

#include <fmt/format.h>

#include <optional>

#include "listener/reader.h"
#include "runtime/control/deadlines.h"
#include "runtime/pipeline/record_mapper.h"
#include "sink/dead_letters.h"
#include "sink/literals.h"
#include "sink/replay_transaction.h"

namespace sluice::runtime {
namespace {

Explanation description(const Record& record) {
  Explanation out;
  out.at = *record.at;
  out.offset = record.offset;
  if (record.timestamp_ms >= 0) out.timestamp = WallClock::time_point(std::chrono::milliseconds(record.timestamp_ms));
  if (record.key) out.key = std::string(*record.key);
  if (record.value) out.value = std::string(*record.value);
  for (const auto& header : record.headers)
    out.headers.emplace_back(header.name, header.value.value_or(std::string_view()));
  return out;
}

void say_dead(Explanation& out, Stage stage, std::string sqlstate, std::string cause, std::string reason) {
  out.outcome = "dead";
  out.stage = sink::stage_name(stage);
  out.sqlstate = std::move(sqlstate);
  out.cause = std::move(cause);
  out.reason = std::move(reason);
}

const char* change_of(sink::Action action) {
  switch (action) {
    case sink::Action::truncate:
      return "truncate";
    case sink::Action::remove:
      return "delete";
    case sink::Action::remove_orphans:
      return "delete others";
    case sink::Action::insert:
      return "insert";
    case sink::Action::update:
      return "update";
    default:
      return "upsert";
  }
}

std::string would_refuse(const Error& error) {
  return "would refuse: " + with_sqlstate(error);
}

void rehearse(const config::Pipeline& pipeline, const Changes& changes, Explanation& out) {
  if (changes.tables.empty()) return;
  sink::ReplayTransaction transaction(pipeline.postgres, {pipeline.name, "", ""});
  const auto written = transaction.rehearse(changes);
  if (written) {
    out.postgres = "accepts it; rolled back";
    return;
  }
  const auto& error = written.error();
  if (error.next == ErrorClass::reject) {
    say_dead(out, Stage::write, error.sqlstate, error.message, error.message);
    out.postgres = would_refuse(error);
  } else {
    out.postgres = "could not be asked: " + with_sqlstate(error);
    out.unknown = true;
  }
}

}  // namespace

Result<Explanation> explain(std::shared_ptr<const config::Pipeline> pipeline, const Record& record, bool ask_postgres,
                            SchemaSource& schemas) {
  auto out = description(record);
  RecordMapper mapper(pipeline, schemas);
  if (const auto done = mapper.add(record); !done) return std::unexpected(done.error());
  const auto changes = mapper.take();
  if (!changes.dead.empty()) {
    const auto& letter = changes.dead.front();
    say_dead(out, letter.stage, letter.sqlstate, letter.reason, letter.whole());
    return out;
  }
  out.outcome = changes.outcomes.front() == Outcome::skipped ? "skipped" : "applied";
  out.sql = sink::statements_of(changes);
  auto rows = sink::literals(pipeline->postgres, changes);
  if (rows) {
    for (auto& row : *rows)
      out.rows.push_back({row.table->name, row.marks ? "soft delete" : change_of(row.action), std::move(row.columns)});
  } else if (rows.error().next == ErrorClass::reject) {
    const auto& error = rows.error();
    say_dead(out, Stage::write, error.sqlstate, error.message, error.detail.empty() ? error.message : error.detail);
    out.postgres = would_refuse(error);
  } else {
    return std::unexpected(rows.error());
  }
  if (ask_postgres && out.outcome == "applied") rehearse(*pipeline, changes, out);
  return out;
}

Result<Explanation> explain(std::shared_ptr<const config::Pipeline> pipeline, const TopicPartition& at, Offset offset,
                            bool ask_postgres, SchemaSource& schemas) {
  const auto deadline = Clock::now() + fetch_deadline;
  auto reader = listener::Reader::open(pipeline->kafka, at, offset, deadline);
  if (!reader) return std::unexpected(reader.error());
  std::optional<Result<Explanation>> found;
  const auto read = reader->read_to(
      offset + 1, deadline, [&](const Record& record) { found = explain(pipeline, record, ask_postgres, schemas); });
  if (!read) return std::unexpected(read.error());
  if (found) return std::move(*found);
  return std::unexpected(no_record_at(at, offset));
}

}  // namespace sluice::runtime

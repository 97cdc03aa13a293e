// count: the outcome of all records, by topic and by table.
#include <map>

#include "console/commands/period.h"
#include "console/commands/registry.h"
#include "console/commands/tables.h"
#include "console/known_names.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

Section count_topics_result() {
  Section section = period_topics_result();
  section.columns.push_back({.name = "balanced", .kind = ColumnType::yes_no});
  return section;
}

std::set<std::string> names_of(const Inventory& inventory) {
  std::set<std::string> names = inventory.topics;
  names.insert(inventory.tables.begin(), inventory.tables.end());
  return names;
}

int show_count(Call& call, const Snapshots& snapshots, Positions& positions) {
  const Inventory inventory = console::inventory(snapshots, positions);
  if (!inventory.pointers) {
    const auto rows = positions.pointers();
    return rows ? call.fail(Code::failed, "PostgreSQL answered too late; ask again") : call.fail(rows.error());
  }
  const std::string only = call.words().empty() ? "" : call.words().front();
  const bool of_table = inventory.tables.contains(only), of_topic = inventory.topics.contains(only);
  if (!only.empty() && !of_table && !of_topic)
    return call.fail(Code::no_such_thing, "{}", no_such_name("topic or table", only, names_of(inventory)));
  struct Sum {
    std::int64_t consumed = 0;
    Counts counts;
  };
  std::map<std::string, Sum> sums;
  for (const auto& row : *inventory.pointers) {
    if (of_topic && row.at.topic != only) continue;
    Sum& sum = sums[row.at.topic];
    sum.consumed += row.next - row.start;
    sum.counts += row.counts;
  }
  Section topics = count_topics_result();
  for (const auto& [topic, sum] : sums)
    topics.rows.push_back({topic, sum.consumed, sum.counts.applied, sum.counts.folded, sum.counts.skipped,
                           sum.counts.dead, sum.counts.gaps, sum.consumed == sum.counts.total()});
  if (!of_table || of_topic) call.report.sections.push_back(std::move(topics));
  if (!of_topic || of_table) call.report.sections.push_back(tables_section(inventory, only));
  call.report.notes = {"topics: of the whole pipeline, since the pointers' start",
                       "tables: of this process, since its start"};
  if (!of_topic || of_table) add_changed_values(inventory, only, call.report);
  return Code::done;
}

// The same of the last hours, as far as this instance has counted that long.
int show_since(Call& call, const Snapshots& snapshots, Positions& positions, const History& history) {
  const auto now = WallClock::now();
  const auto since = since_option(call, now);
  if (!since) return since.error();
  const Inventory inventory = console::inventory(snapshots, positions);
  const std::string only = call.words().empty() ? "" : call.words().front();
  const bool of_table = inventory.tables.contains(only), of_topic = inventory.topics.contains(only);
  if (!only.empty() && !of_table && !of_topic)
    return call.fail(Code::no_such_thing, "{}", no_such_name("topic or table", only, names_of(inventory)));
  Period period = history.since(**since);
  if (period.from > **since)
    return call.fail(Code::wrong_state,
                     "this instance has counted only since {}, when it started; ask for no more, or without --since",
                     counted_since(period, now));
  for (const auto& topic : inventory.topics) period.topics.try_emplace(topic);
  for (const auto& table : inventory.tables) period.tables.try_emplace(table);
  call.report.sections = {period_section(period, **since, now)};
  if (!of_table || of_topic) call.report.sections.push_back(period_topics(period, only));
  if (!of_topic || of_table) call.report.sections.push_back(period_tables(period, only));
  call.report.notes = {
      fmt::format("of this instance alone, since {}; kept in steps of a minute for two hours, and of "
                  "ten minutes before",
                  counted_since(period, now))};
  return Code::done;
}

// PostgreSQL's own words may hold a row's value, where the "table" is a view or has policies: they are not for all who
// may count.
std::string refusal(const Error& error) {
  if (error.sqlstate.empty()) return error.message;
  if (error.sqlstate == "57014") return "the time was over";
  if (error.sqlstate == "42501") return "Sluice needs SELECT on it";
  return fmt::format("refused by PostgreSQL, SQLSTATE {}", error.sqlstate);
}

Section exact_result() {
  return {.name = "exact",
          .columns = {{.name = "table"},
                      {.name = "rows", .kind = ColumnType::number, .nullable = true},
                      {.name = "not_counted", .nullable = true}}};
}

// Beside the others: what PostgreSQL counts, table by table, until the time is over.
int add_exact(Call& call, Tables& tables, Clock::time_point until) {
  Section exact = exact_result();
  for (const auto& section : call.report.sections) {
    if (section.name != "tables") continue;
    for (const auto& row : section.rows) {
      const auto& table = std::get<std::string>(row[0]);
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
      if (left.count() <= 0) {
        exact.rows.push_back({table, report::Value(), std::string("the time was over before")});
        continue;
      }
      const auto rows = tables.count_rows(table, left);
      if (call.stop().stop_requested()) return Code::interrupted;
      exact.rows.push_back({table, rows ? report::Value(*rows) : report::Value(),
                            rows ? report::Value() : report::Value(refusal(rows.error()))});
    }
  }
  call.report.notes.emplace_back("exact: rows in the table now, whoever wrote them");
  call.report.sections.push_back(std::move(exact));
  return Code::done;
}

int count(Call& call, const Snapshots& snapshots, Positions& positions, Tables& tables, const History& history) {
  const auto show = [&] {
    return call.has("since") ? show_since(call, snapshots, positions, history) : show_count(call, snapshots, positions);
  };
  if (call.has("exact")) {
    const auto timeout = span_option(call, "timeout", "10s");
    if (!timeout) return timeout.error();
    if (*timeout < std::chrono::seconds(1) || *timeout > std::chrono::minutes(10))
      return call.fail(Code::not_understood, "--timeout '{}' is not from 1s to 10m", call.option("timeout"));
    const int code = show();
    return code == Code::done ? add_exact(call, tables, Clock::now() + *timeout) : code;
  }
  return watched(call, show);
}

}  // namespace

std::vector<Command> count_commands() {
  Option watch = watch_option();
  watch.excludes = "exact";
  return {
      {.words = "count",
       .arguments = "[TOPIC | TABLE]",
       .max_words = 1,
       .takes = ArgumentKind::topic_or_table,
       .options = {since_option_of(
                       "only what this instance has counted since then: 1h, or a time of RFC 3339; at most a "
                       "day, and no more than the instance has run"),
                   {.name = "exact", .help = "also the rows that the tables have: reads them whole"},
                   {.name = "timeout",
                    .value = ArgumentKind::span,
                    .shown = "10s",
                    .help = "how long PostgreSQL may count; 10s unless given",
                    .needs = "exact"},
                   watch},
       .group = "look",
       .summary = "The outcome of the records: per topic consumed, applied, folded, skipped, dead and gaps; "
                  "per table rows written and removed.",
       .examples = {"count", "count shop.orders --json", "count --since 1h",
                    "count public.orders --exact --timeout 1m"},
       .result = {sometimes(period_result()), sometimes(count_topics_result()), sometimes(period_topics_result()),
                  sometimes(tables_result()), sometimes(period_tables_result()), sometimes(changed_values_result()),
                  sometimes(exact_result())},
       .run = handler<count>},
  };
}

}  // namespace sluice::console

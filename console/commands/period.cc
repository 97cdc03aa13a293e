#include "console/commands/period.h"

namespace sluice::console {

Option since_option_of(std::string_view otherwise) {
  return {.name = "since", .value = ArgumentKind::time, .shown = "TIME", .help = otherwise};
}

std::expected<std::optional<WallClock::time_point>, int> since_option(Call& call, WallClock::time_point now) {
  const auto since = time_option(call, "since");
  if (!since || !*since) return since;
  // "24h" is understood a moment before `now`.
  if (**since < now - History::longest - std::chrono::minutes(1))
    return std::unexpected(call.fail(Code::not_understood,
                                     "--since '{}' is more than a day ago, and no more than a day is kept; ask for 24h "
                                     "or less",
                                     call.option("since")));
  if (**since > now)
    return std::unexpected(call.fail(Code::not_understood, "--since '{}' is still to come", call.option("since")));
  return since;
}

Section period_result() {
  return {.name = "period",
          .columns = {{.name = "from", .kind = ColumnType::time, .line = "period"},
                      {.name = "to", .kind = ColumnType::time, .line = "period"},
                      {.name = "counted_from", .kind = ColumnType::time, .label = "counted from", .line = "period"}},
          .record = true};
}

Section period_section(const Period& period, WallClock::time_point from, WallClock::time_point to) {
  return filled(period_result(), {from, to, period.from});
}

Section period_tables_result() {
  return {.name = "tables",
          .columns = {{.name = "table"},
                      {.name = "written", .kind = ColumnType::number, .unit = "rows"},
                      {.name = "removed", .kind = ColumnType::number, .unit = "rows"}}};
}

Section period_tables(const Period& period, const std::string& only) {
  Section section = period_tables_result();
  for (const auto& [table, rows] : period.tables)
    if (only.empty() || table == only) section.rows.push_back({table, rows.written, rows.removed});
  return section;
}

Section period_topics_result() {
  Section section{.name = "topics", .columns = {{.name = "topic"}}};
  for (const std::string_view column : {"consumed", "applied", "folded", "skipped", "dead", "gaps"})
    section.columns.push_back({.name = column, .kind = ColumnType::number});
  return section;
}

Section period_topics(const Period& period, const std::string& only) {
  Section section = period_topics_result();
  for (const auto& [topic, counts] : period.topics)
    if (only.empty() || topic == only)
      section.rows.push_back(
          {topic, counts.total(), counts.applied, counts.folded, counts.skipped, counts.dead, counts.gaps});
  return section;
}

std::string counted_since(const Period& period, WallClock::time_point to) {
  return fmt::format("{} ({})", time_text(period.from),
                     span_text(std::chrono::duration_cast<std::chrono::milliseconds>(to - period.from)));
}

}  // namespace sluice::console

// report: what a day has brought: rows by table, records by topic, lag, dead letters by reason, incidents, the last
// proof.
#include <algorithm>
#include <ranges>

#include "base/event_kind.h"
#include "base/units.h"
#include "console/commands/dead_letter_filter.h"
#include "console/commands/period.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

constexpr int reasons_at_most = 20;
constexpr int events_at_most = 10'000;
constexpr std::size_t tables_told = 5;  // in the line for a hook

// What PostgreSQL knows, of all instances.
struct Shared {
  DeadLetterGroups letters;
  std::vector<EventRow> events;
  std::optional<VerificationState> proof;
};

struct Day {
  WallClock::time_point from{}, to{};
  Period period;  // of this instance
  Shared shared{};
};

Result<Shared> shared_since(WallClock::time_point from, LetterGroups& letter_groups, Events& events, Proofs& proofs) {
  DeadLetterFilter filter;
  filter.since = from;
  filter.resolved = true;
  filter.limit = reasons_at_most;
  auto letters = letter_groups.groups(filter, LetterGrouping::reason);
  if (!letters) return std::unexpected(letters.error());
  auto happened = events.events(from, events_at_most);
  if (!happened) return std::unexpected(happened.error());
  auto proof = proofs.last();
  if (!proof) return std::unexpected(proof.error());
  return Shared{std::move(*letters), std::move(*happened), std::move(*proof)};
}

// The value that a share of the sorted ones does not exceed.
template <class T>
report::Value quantile(const std::vector<T>& sorted, double share) {
  if (sorted.empty()) return {};
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5);
  return sorted[rank];
}

constexpr std::pair<std::string_view, double> lag_shares[] = {
    {"lag_p50", 0.5}, {"lag_p95", 0.95}, {"lag_p99", 0.99}, {"lag_max", 1.0}};
constexpr std::pair<std::string_view, double> behind_shares[] = {
    {"lag_seconds_p50", 0.5}, {"lag_seconds_p95", 0.95}, {"lag_seconds_p99", 0.99}, {"lag_seconds_max", 1.0}};

Section lag_shares_result() {
  Section section{.name = "lag", .record = true};
  for (const auto& [name, share] : lag_shares)
    section.columns.push_back({.name = name,
                               .kind = ColumnType::number,
                               .unit = "records",
                               .label = name.substr(4),
                               .line = "lag",
                               .nullable = true});
  for (const auto& [name, share] : behind_shares)
    section.columns.push_back(
        {.name = name, .kind = ColumnType::seconds, .label = name.substr(12), .line = "behind", .nullable = true});
  return section;
}

Section lag_section(const Period& period) {
  std::vector<report::Value> row;
  for (const auto& [name, share] : lag_shares) row.push_back(quantile(period.lags, share));
  for (const auto& [name, share] : behind_shares) row.push_back(quantile(period.lags_seconds, share));
  return filled(lag_shares_result(), std::move(row));
}

Section letter_groups_result() {
  return {.name = "letters",
          .columns = {{.name = "letters", .kind = ColumnType::number},
                      {.name = "newest", .kind = ColumnType::time},
                      {.name = "table", .nullable = true},
                      {.name = "sqlstate", .nullable = true},
                      {.name = "reason"}}};
}

Section letter_groups_section(const DeadLetterGroups& found) {
  Section section = letter_groups_result();
  for (const auto& group : found.largest)
    section.rows.push_back(
        {group.letters, group.newest, optional_text(group.table), optional_text(group.sqlstate), group.reason});
  return section;
}

// How often a kind of event happened; of those that stopped or lagged, by the state that they came to. No reason is in
// it: the time line has them, for operators.
struct Happened {
  std::int64_t times = 0;
  WallClock::time_point newest{};
};

std::map<std::pair<std::string, std::string>, Happened> counted_events(const std::vector<EventRow>& events) {
  std::map<std::pair<std::string, std::string>, Happened> counts;
  for (const auto& event : events) {
    if (event.kind == name(EventKind::muted)) continue;  // its state is until when
    auto& happened = counts[{event.kind, event.to}];
    ++happened.times;
    happened.newest = std::max(happened.newest, event.at);
  }
  return counts;
}

Section counted_events_result() {
  return {.name = "incidents",
          .columns = {{.name = "incident"},
                      {.name = "state", .nullable = true},
                      {.name = "times", .kind = ColumnType::number},
                      {.name = "newest", .kind = ColumnType::time}}};
}

Section events_section(const std::vector<EventRow>& events) {
  Section section = counted_events_result();
  for (const auto& [what, happened] : counted_events(events))
    section.rows.push_back({what.first, optional_text(what.second), happened.times, happened.newest});
  return section;
}

struct Verdict {
  Status result;
  std::int64_t proved = 0, partitions = 0;
};

Verdict verdict_of(const VerificationState& proof) {
  Verdict verdict{.result = {"unknown", Severity::broken}, .partitions = std::ssize(proof.partitions)};
  verdict.proved = std::ranges::count(proof.partitions, "ok", &VerificationState::Partition::result);
  if (verdict.proved == verdict.partitions) verdict.result = {"ok", Severity::good};
  if (std::ranges::count(proof.partitions, "failed", &VerificationState::Partition::result) > 0)
    verdict.result = {"failed", Severity::broken};
  return verdict;
}

Section proof_result() {
  return {
      .name = "proof",
      .columns = {{.name = "proved_at", .kind = ColumnType::time, .label = "at", .line = "proof", .nullable = true},
                  {.name = "result", .line = "proof", .nullable = true},
                  {.name = "proved", .kind = ColumnType::number, .line = "proof", .nullable = true},
                  {.name = "partitions", .kind = ColumnType::number, .label = "of", .line = "proof", .nullable = true}},
      .record = true};
}

Section proof_section(const std::optional<VerificationState>& proof) {
  Section section = filled(proof_result(), {{}, {}, {}, {}});
  if (!proof) return section;
  const auto verdict = verdict_of(*proof);
  section.rows = {{optional_time(proof->at), verdict.result, verdict.proved, verdict.partitions}};
  return section;
}

std::string of_this_instance(const Day& day) {
  const bool younger = day.period.from > day.from;
  return fmt::format("tables, topics and lag: of this instance alone, since {}{}", counted_since(day.period, day.to),
                     younger ? ", when it started: what was counted before is not kept" : "");
}

void add_shared(const Day& day, Report& report) {
  const auto& [letters, events, proof] = day.shared;
  report.sections.push_back(letter_groups_section(letters));
  report.sections.push_back(events_section(events));
  report.sections.push_back(proof_section(proof));
  report.notes.push_back(
      fmt::format("dead letters, incidents, proof: of the whole pipeline, since {}; {}, with those that are resolved",
                  time_text(day.from), counted(letters.letters, "dead letter")));
  if (std::cmp_less(letters.largest.size(), letters.groups))
    report.notes.push_back(fmt::format("the largest {} of {} reasons are shown; see 'dead group --all'",
                                       letters.largest.size(), letters.groups));
  if (std::cmp_greater_equal(events.size(), events_at_most))
    report.notes.push_back(fmt::format("only the last {} events were counted", events_at_most));
  if (!proof) report.notes.emplace_back("there is no proof yet; 'sluice verify' and [verify] every make one");
}

// For people, in a message of a hook: what is bad first, as a message may be cut.
std::string one_line(const Day& day, std::string_view lag) {
  const auto& [letters, events, proof] = day.shared;
  std::string text =
      fmt::format("{} until {}: {}", span_text(std::chrono::round<std::chrono::seconds>(day.to - day.from)),
                  time_text(day.to), counted(letters.letters, "dead letter"));
  for (const auto& [what, happened] : counted_events(events))
    text += fmt::format("; {}{}{} {}", what.first, what.second.empty() ? "" : " ", what.second, happened.times);
  if (proof) {
    const auto verdict = verdict_of(*proof);
    text += fmt::format("; last proof {}, {} of {}", verdict.result.text, verdict.proved,
                        counted(verdict.partitions, "partition"));
  } else {
    text += "; no proof yet";
  }
  text += fmt::format("; this instance since {}: {}", counted_since(day.period, day.to), lag);
  std::vector<std::pair<std::string, RowCounts>> tables(day.period.tables.begin(), day.period.tables.end());
  std::ranges::stable_sort(tables, std::ranges::greater(),
                           [](const auto& table) { return table.second.written + table.second.removed; });
  for (const auto& [table, rows] : tables | std::views::take(tables_told))
    text += fmt::format("; {} {} written, {} removed", table, rows.written, rows.removed);
  if (tables.size() > tables_told) text += fmt::format("; and {}", counted(tables.size() - tables_told, "other table"));
  return text;
}

int send(Call& call, const Day& day, Notifications& notifications) {
  const auto lag = [&](double share) {
    return report::cell_text({.name = {}, .kind = ColumnType::number}, quantile(day.period.lags, share), false);
  };
  const auto behind =
      report::cell_text({.name = {}, .kind = ColumnType::seconds}, quantile(day.period.lags_seconds, 1), false);
  const auto line =
      one_line(day, fmt::format("lag p50 {}, p99 {}, most {} records and {}", lag(0.5), lag(0.99), lag(1), behind));
  const auto done =
      notifications.report(call.option("to"), line, report::as_json(call.report, "report", WallClock::now()));
  if (!done)
    return call.fail(done.error().next == ErrorClass::reject ? Code::no_such_thing : Code::failed, "{}",
                     done.error().message);
  call.report.notes.clear();
  call.report.line = fmt::format("done: hook {} has taken the report", *done);
  return Code::done;
}

int report_day(Call& call, const History& history, LetterGroups& letter_groups, Events& events, Proofs& proofs,
               Notifications& notifications) {
  const bool sends = call.has("to");
  const auto now = WallClock::now();
  const auto since = since_option(call, now);
  if (!since) return since.error();
  Day day{.from = since->value_or(now - History::longest), .to = now, .period = {}};
  day.period = history.since(day.from);
  call.report.sections = {period_section(day.period, day.from, now), period_tables(day.period, {}),
                          period_topics(day.period, {}), lag_section(day.period)};
  call.report.notes = {of_this_instance(day)};
  auto shared = shared_since(day.from, letter_groups, events, proofs);
  if (!shared)
    return call.fail(Code::partly_done, "dead letters, incidents and the last proof are not known{}: {}",
                     sends ? ", and nothing was sent" : "", shared.error().message);
  day.shared = std::move(*shared);
  add_shared(day, call.report);
  return sends ? send(call, day, notifications) : Code::done;
}

}  // namespace

std::vector<Command> report_commands() {
  return {
      {.words = "report",
       .options = {since_option_of("the day until now unless given"),
                   {.name = "to",
                    .value = ArgumentKind::any,
                    .shown = "HOOK",
                    .help = "send it to this hook of [[notify]], by its name or its number",
                    .role = Role::operator_}},
       .effect = Effect::changes,
       .lesser = [](const Arguments& given,
                    Role) { return given.options.contains("to") ? Effect::changes : Effect::none; },
       .least = Effect::none,
       .recorded_later = true,
       .group = "look",
       .summary =
           "What the last day has brought: rows by table, the outcome of records by topic and percentiles of the "
           "lag (looked at every ten seconds; in seconds, of the partition that was furthest behind) of this instance; dead letters by reason, incidents, starts and the "
           "last proof of the whole pipeline.",
       .examples = {"report", "report --since 8h --json", "report --to 1"},
       .result = {period_result(), period_tables_result(), period_topics_result(), lag_shares_result(),
                  sometimes(letter_groups_result()), sometimes(counted_events_result()), sometimes(proof_result())},
       .run = handler<report_day>},
  };
}

}  // namespace sluice::console

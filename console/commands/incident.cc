// incident: the time line of what happened and who did what, and note, which adds a line to it.
#include <algorithm>
#include <tuple>

#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

constexpr int audit_rows_at_most = 10'000;
constexpr std::string_view note_command = "note";

struct Moment {
  WallClock::time_point at{};
  std::string kind;  // state | order | note | service
  std::string who, what, target, result;
};

// What changes something is an order; what only looks has no place in a time line.
bool is_order(const AuditRow& row) {
  const auto found = std::ranges::find(commands(), row.command, &Command::words);
  return found != commands().end() && found->effect == Effect::changes;
}

bool is_dry(const AuditRow& row) {
  return row.command == "dead replay" && row.detail.find("--dry-run") != std::string::npos;
}

std::optional<Moment> moment_of(const AuditRow& row) {
  if (row.outcome == "refused") return std::nullopt;
  if (row.command == note_command) return Moment{row.at, "note", row.who.name, {}, {}, row.target};
  if (row.who.role == "service")
    return Moment{row.at, "service", row.who.address, row.command, row.target, row.outcome};
  if (is_order(row) && !is_dry(row)) return Moment{row.at, "order", row.who.name, row.command, row.target, row.outcome};
  return std::nullopt;
}

void add_states(const IncidentLog& log, WallClock::time_point since, std::vector<Moment>& moments) {
  IncidentLog::Subscription past(log, nullptr, IncidentLog::kept);
  for (const auto& one : past.take().incidents)
    if (one.at >= since)
      moments.push_back(
          {one.at, "state", {}, fmt::format("{} -> {}", one.from, one.to), partition_text(one.partition), one.reason});
}

int incident(Call& call, Audit& trail, const IncidentLog& log) {
  const auto since = parse_time(call.option("since", "2h"), WallClock::now());
  if (!since) return time_option(call, "since").error();
  std::vector<Moment> moments;
  AuditFilter filter;
  filter.since = *since;
  filter.limit = audit_rows_at_most;
  const auto rows = trail.audit(filter);
  if (!rows) return call.fail(rows.error());
  for (const auto& row : *rows)
    if (auto moment = moment_of(row)) moments.push_back(std::move(*moment));
  add_states(log, *since, moments);
  std::ranges::sort(moments, {}, [](const Moment& one) { return std::tie(one.at, one.kind, one.target, one.what); });
  Section section{.name = "incident",
                  .columns = {{.name = "at", .kind = ColumnType::time},
                              {.name = "kind"},
                              {.name = "who"},
                              {.name = "what"},
                              {.name = "target"},
                              {.name = "result"}}};
  for (const auto& one : moments)
    section.rows.push_back({one.at, one.kind, optional_text(one.who), optional_text(one.what),
                            optional_text(one.target), optional_text(one.result)});
  call.report.sections = {std::move(section)};
  call.report.pages = true;
  call.report.notes = {
      fmt::format("since {}, the newest last; orders and notes of every instance, states of this "
                  "process: the last {}",
                  time_text(*since), IncidentLog::kept)};
  if (std::cmp_greater_equal(rows->size(), audit_rows_at_most))
    call.report.notes.push_back(fmt::format(
        "only the last {} rows of the audit trail were looked at; orders before them are missing", audit_rows_at_most));
  return Code::done;
}

// The interpreter records the words in the audit trail before it comes here: that is the note.
int note(Call& call) {
  call.report.line = "done: noted; 'incident' shows it in the time line";
  return Code::done;
}

}  // namespace

std::vector<Command> incident_commands() {
  return {
      {.words = "incident",
       .options = {{.name = "since",
                    .value = ArgumentKind::time,
                    .shown = "TIME",
                    .help = "since then: 2h, 7d, or a time of RFC 3339; 2h unless given"}},
       .role = Role::operator_,
       .effect = Effect::shows_data,
       .group = "service",
       .summary =
           "The time line: changes of partitions' states, what operators ordered and noted, starts of the service; the "
           "newest last.",
       .examples = {"incident", "incident --since 30m", "incident --since 1d | match shop.orders/3"},
       .run = handler<incident>},
      {.words = note_command,
       .arguments = "TEXT",
       .min_words = 1,
       .max_words = 500,
       .takes = ArgumentKind::text,
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "service",
       .summary = "Adds a line to the time line of 'incident', for the next on duty. It stays in the audit trail.",
       .examples = {"note the disk of node-b is full, bob is on it"},
       .run = handler<note>},
  };
}

}  // namespace sluice::console

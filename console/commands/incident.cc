// incident: the time line of what happened and who did what, and note, which adds a line to it.
#include <algorithm>
#include <tuple>

#include "base/event_kind.h"
#include "console/commands/event_text.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

constexpr int rows_at_most = 10'000;  // of the audit trail, and as many events
constexpr std::string_view note_command = "note";

struct Moment {
  WallClock::time_point at{};
  std::string kind;  // state | order | note | service, or the kind of another event
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

// That an instance started or ended, or that somebody muted, is in the audit trail as well, with what came of it.
std::optional<Moment> moment_of(const EventRow& event) {
  for (const auto kind : {EventKind::started, EventKind::ended, EventKind::muted, EventKind::unmuted})
    if (event.kind == name(kind)) return std::nullopt;
  const bool of_state = event.kind == name(EventKind::stopped) || event.kind == name(EventKind::resumed);
  return Moment{event.at,    of_state ? "state" : event.kind, event.instance, change_text(event), place_text(event),
                event.reason};
}

Section incident_result() {
  return {.name = "incident",
          .columns = {{.name = "at", .kind = ColumnType::time},
                      {.name = "kind"},
                      {.name = "who", .nullable = true},
                      {.name = "what", .nullable = true},
                      {.name = "target", .nullable = true},
                      {.name = "result", .nullable = true}}};
}

int incident(Call& call, Audit& trail, Events& events) {
  const auto since = parse_time(call.option("since", "2h"), WallClock::now());
  if (!since) return time_option(call, "since").error();
  std::vector<Moment> moments;
  AuditFilter filter;
  filter.since = *since;
  filter.limit = rows_at_most;
  const auto rows = trail.audit(filter);
  if (!rows) return call.fail(rows.error());
  for (const auto& row : *rows)
    if (auto moment = moment_of(row)) moments.push_back(std::move(*moment));
  const auto happened = events.events(*since, rows_at_most);
  if (!happened) return call.fail(happened.error());
  for (const auto& event : *happened)
    if (auto moment = moment_of(event)) moments.push_back(std::move(*moment));
  std::ranges::sort(moments, {}, [](const Moment& one) { return std::tie(one.at, one.kind, one.target, one.what); });
  Section section = incident_result();
  for (const auto& one : moments)
    section.rows.push_back({one.at, one.kind, optional_text(one.who), optional_text(one.what),
                            optional_text(one.target), optional_text(one.result)});
  call.report.sections = {std::move(section)};
  call.report.pages = true;
  call.report.notes = {fmt::format("since {}, of every instance, the newest last", time_text(*since))};
  if (std::cmp_greater_equal(rows->size(), rows_at_most))
    call.report.notes.push_back(fmt::format(
        "only the last {} rows of the audit trail were looked at; orders before them are missing", rows_at_most));
  if (std::cmp_greater_equal(happened->size(), rows_at_most))
    call.report.notes.push_back(
        fmt::format("only the last {} events were looked at; those before them are missing", rows_at_most));
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
           "The time line of every instance: changes of partitions' states, lag, dead letters, what operators ordered and "
           "noted, starts of the service; the newest last.",
       .examples = {"incident", "incident --since 30m", "incident --since 1d | match shop.orders/3"},
       .result = {incident_result()},
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

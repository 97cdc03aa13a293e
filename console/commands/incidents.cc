// incidents: what happened to the pipeline's partitions and instances, and what happens now.
#include <algorithm>
#include <set>

#include "base/event_kind.h"
#include "console/commands/event_text.h"
#include "console/commands/lookback.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr int last_at_most = 1000;
constexpr int followed_at_most = 10'000;

report::Value state_value(const std::string& text) {
  if (const auto state = parse_partition_state(text)) return status_of(*state);
  return optional_text(text);
}

Section incidents_result() {
  return {.name = "incidents",
          .columns = {{.name = "at", .kind = ColumnType::time},
                      {.name = "kind"},
                      {.name = "partition", .nullable = true},
                      {.name = "from", .nullable = true},
                      {.name = "to", .nullable = true},
                      {.name = "reason", .nullable = true},
                      {.name = "instance", .nullable = true}}};
}

// The newest are the first of `events`.
Report incidents_report(const std::vector<EventRow>& events, bool newest_first) {
  Section section = incidents_result();
  for (const auto& one : events)
    section.rows.push_back({one.at, one.kind, optional_text(place_text(one)), state_value(one.from),
                            state_value(one.to), optional_text(one.reason), optional_text(one.instance)});
  if (!newest_first) std::ranges::reverse(section.rows);
  Report report;
  report.sections = {std::move(section)};
  return report;
}

// What this process knows by itself, while PostgreSQL does not answer.
std::vector<EventRow> own(const IncidentLog& log, int last) {
  IncidentLog::Subscription past(log, nullptr, static_cast<std::size_t>(last));
  std::vector<EventRow> events;
  for (const auto& one : past.take().incidents) {
    EventRow event;
    event.at = one.at;
    event.kind = name(one.to == PartitionState::ok ? EventKind::resumed : EventKind::stopped);
    event.topic = one.partition.topic, event.partition = one.partition.partition;
    event.from = name(one.from), event.to = name(one.to);
    event.reason = one.reason;
    events.insert(events.begin(), std::move(event));
  }
  return events;
}

std::set<std::int64_t> event_ids(const std::vector<EventRow>& events) {
  std::set<std::int64_t> ids;
  for (const auto& one : events) ids.insert(one.id);
  return ids;
}

// `seen`: what was there when it began, or is shown already.
int follow_incidents(Call& call, Events& source, Lookback lookback, std::set<std::int64_t> seen) {
  while (call.stream().wait(500ms)) {
    auto news = source.events(lookback.since(WallClock::now()), followed_at_most);
    if (!news) {
      lookback.failed(WallClock::now());
      continue;
    }
    auto present = event_ids(*news);
    std::erase_if(*news, [&](const auto& one) { return seen.contains(one.id); });
    if (!news->empty()) call.stream().write(incidents_report(*news, false));
    seen.merge(std::move(present));
    while (seen.size() > 2 * followed_at_most) seen.erase(seen.begin());
  }
  return Code::interrupted;
}

int incidents(Call& call, Events& source, const IncidentLog& log) {
  const auto last = number_option(call, "last", 20, last_at_most);
  if (!last) return last.error();
  const bool follows = call.has("follow");
  // What follows leaves out what is there now. Asked before what is shown first: whatever is stored between the two
  // questions is either in the second answer, or new.
  Lookback lookback(WallClock::now());
  std::set<std::int64_t> seen;
  if (follows) {
    const auto recent = source.events(lookback.since(WallClock::now()), followed_at_most);
    if (recent)
      seen = event_ids(*recent);
    else
      lookback.failed(WallClock::now());
  }
  const auto known = source.events(std::nullopt, static_cast<int>(*last));
  if (!known) lookback.failed(WallClock::now());
  const auto past = known ? *known : own(log, static_cast<int>(*last));
  // What is followed goes on below, so there the newest is the last.
  Report report = incidents_report(past, !follows && !call.has("oldest"));
  if (!known)
    report.notes = {fmt::format("of this process only, as PostgreSQL does not answer: {}", known.error().message)};
  if (!follows) {
    report.pages = true;
    call.report = std::move(report);
    return Code::done;
  }
  seen.merge(event_ids(past));
  call.stream().write(report);
  return follow_incidents(call, source, lookback, std::move(seen));
}

}  // namespace

std::vector<Command> incidents_commands() {
  return {
      {.words = "incidents",
       .options = {last_option(),
                   oldest_option(),
                   {.name = "follow",
                    .help = "the oldest first, then new ones as they happen, until Ctrl-C",
                    .excludes = "oldest"}},
       .group = "look",
       .summary =
           "The last events of every instance, the newest first: partitions that stopped or resumed, lag, new dead "
           "letters, health, starts and ends.",
       .examples = {"incidents", "incidents --last 100 | match poison", "incidents --follow --json"},
       .result = {incidents_result()},
       .run = handler<incidents>},
  };
}

}  // namespace sluice::console

#include "sink/event_tables.h"

namespace sluice::sink {
namespace {

using Asker = AdminTables::Asker;
using std::chrono::milliseconds;

std::string milliseconds_of(WallClock::time_point at) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count());
}

}  // namespace

EventRow to_event(const Row& row) {
  EventRow event;
  event.id = row.integer("id");
  event.at = WallClock::time_point(milliseconds(row.integer("at_ms")));
  event.instance = row.text("instance");
  event.kind = row.text("kind");
  event.topic = row.text("topic");
  event.partition = static_cast<std::int32_t>(row.integer("partition"));
  event.from = row.text("from_state");
  event.to = row.text("to_state");
  event.reason = row.text("reason");
  return event;
}

Result<void> EventTables::record(const EventRow& event) {
  return only_done(tables_.ask("event_insert",
                               {event.instance, event.kind, unless_empty(event.topic),
                                event.partition < 0 ? Field() : std::to_string(event.partition),
                                unless_empty(event.from), unless_empty(event.to), unless_empty(event.reason),
                                event.at == WallClock::time_point{} ? Field() : milliseconds_of(event.at)},
                               Asker::service));
}

Result<std::vector<EventRow>> EventTables::events(const std::optional<WallClock::time_point>& since, int limit) {
  const auto rows =
      tables_.ask("event_select", {since ? Field(milliseconds_of(*since)) : Field(), std::to_string(limit)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<EventRow> all;
  for (const auto& row : *rows) all.push_back(to_event(row));
  return all;
}

Result<void> EventTables::record_letters(const std::string& instance) {
  return only_done(tables_.ask("event_letters", {instance}, Asker::service));
}

Result<std::optional<Note>> EventTables::note() {
  const auto rows = tables_.ask("audit_note", {}, Asker::service);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  const auto& row = rows->front();
  return Note{WallClock::time_point(milliseconds(row.integer("at_ms"))), row.text("who"), row.text("text")};
}

Result<std::set<TopicPartition>> EventTables::behind() {
  const auto rows = tables_.ask("event_behind", {}, Asker::service);
  if (!rows) return std::unexpected(rows.error());
  std::set<TopicPartition> found;
  for (const auto& row : *rows) found.insert({row.text("topic"), static_cast<std::int32_t>(row.integer("partition"))});
  return found;
}

}  // namespace sluice::sink

// seek and rewind: the pointer of a stopped partition is moved to another place of the log.
#include <algorithm>
#include <limits>

#include "base/units.h"
#include "console/commands/registry.h"
#include "console/moving.h"
#include "console/planning.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

// A place of the log in the words of the console.
struct Position {
  enum class Kind : std::uint8_t { offset, relative, start, end, time } kind = Kind::offset;
  Offset number = 0;  // the offset, or how far from the pointer
  WallClock::time_point time{};
};

std::optional<Offset> signed_number(std::string_view text) {
  if (!text.starts_with('+') && !text.starts_with('-')) return std::nullopt;
  const auto number = parse_number(text.substr(1));
  if (!number) return std::nullopt;
  return text.front() == '-' ? -*number : *number;
}

std::optional<Position> parse_position(std::span<const std::string> words) {
  using enum Position::Kind;
  const std::string& first = words[0];
  const auto now = WallClock::now();
  if (words.size() == 2) {
    const auto at = parse_time(words[1], now);
    const bool span = parse_span(words[1]).has_value();
    if (!at || (first == "ago") != span || (first != "ago" && first != "time")) return std::nullopt;
    return Position{time, 0, *at};
  }
  if (first == "start" || first == "earliest") return Position{start, 0, {}};
  if (first == "end" || first == "latest") return Position{end, 0, {}};
  if (const auto number = parse_number(first)) return Position{offset, *number, {}};
  if (const auto number = signed_number(first)) return Position{relative, *number, {}};
  if (const auto at = parse_time(first, now); at && !parse_span(first)) return Position{time, 0, *at};
  return std::nullopt;
}

Offset offset_of(const Position& position, const PointerRow& from, const LogPlace& log) {
  switch (position.kind) {
    case Position::Kind::offset:
      return position.number;
    case Position::Kind::relative:
      if (Offset sum = 0; !__builtin_add_overflow(from.next, position.number, &sum)) return sum;
      return std::numeric_limits<Offset>::max();  // beyond any log
    case Position::Kind::start:
      return log.first;
    case Position::Kind::end:
      return log.end;
    case Position::Kind::time:
      return log.at_time;
  }
  return from.next;
}

// The log is another one than the one that was applied, so that equal offsets mean other records. A pause may have
// hidden that it ends before the pointer.
bool is_new_log(const PointerRow& from, const LogPlace& log) {
  return from.state == PartitionState::log_shrunk || from.state == PartitionState::log_changed || log.end < from.next;
}

using Routes = std::vector<const config::Route*>;

std::string offsets_text(Offset from, Offset to) {
  const auto number = counted(to - from, "offset");
  return to - from == 1 ? fmt::format("{} ({})", number, from) : fmt::format("{} ({} to {})", number, from, to - 1);
}

std::vector<std::string> forward_steps(const PointerRow& from, Offset to, const LogPlace& log) {
  std::vector<std::string> steps{fmt::format(
      "{} are stepped over: what they hold is never applied, and they count as skipped", offsets_text(from.next, to))};
  if (log.first > from.next)
    steps.push_back(
        fmt::format("of these the log does not hold {} any more", offsets_text(from.next, std::min(to, log.first))));
  return steps;
}

// Returns true if in none of the tables an older version can replace a newer one.
bool are_guarded(const Routes& routes) {
  return !routes.empty() &&
         std::ranges::none_of(routes, [](const config::Route* route) { return route->version.empty(); });
}

std::vector<std::string> backward_steps(const PointerRow& from, Offset to, const std::string& tables,
                                        const Routes& routes) {
  std::vector<std::string> steps{
      fmt::format("{} are read again and applied again to {}", offsets_text(to, from.next), tables),
      are_guarded(routes)
          ? "the route's version guard keeps rows that are newer than what is read; a tombstone has no version, and deletes"
          : "the route has no version guard: older rows come back, and are overwritten once the log has been "
            "read to the old pointer"};
  const auto appends = [](const config::Route* route) {
    return route->mode == config::Mode::insert && route->key.empty();
  };
  if (std::ranges::any_of(routes, appends))
    steps.push_back("the route's mode is insert without a key: each of the rows will be there twice");
  steps.push_back(fmt::format(
      "the accounting begins anew at {}: the counts up to now ({} applied, {} folded, {} skipped, "
      "{} dead, {} gaps) are gone",
      to, from.counts.applied, from.counts.folded, from.counts.skipped, from.counts.dead, from.counts.gaps));
  if (from.counts.dead > 0)
    steps.push_back("dead letters that are met again count one more try, resolved ones are open again");
  return steps;
}

std::vector<std::string> new_log_steps(const PointerRow& from, Offset to, const LogPlace& log) {
  std::vector<std::string> steps{
      fmt::format("the log is another one than the one that was applied up to {}; the tables keep what that one held",
                  from.next),
      fmt::format("the accounting begins anew at {}, with generation {}; dead letters of generation {} keep theirs", to,
                  from.generation + 1, from.generation)};
  if (to > log.first) steps.push_back(fmt::format("{} of the new log are never applied", offsets_text(log.first, to)));
  return steps;
}

int pointer_is_there(Call& call, const Moving& moving) {
  const auto at = partition_text(moving.from.at);
  call.report.line =
      fmt::format("nothing to do: the pointer of {} is {}; 'reclaim {}' tries it again", at, moving.from.next, at);
  call.remark("nothing to do");
  return moving.give_up(call, Code::done);
}

int seek_to(Call& call, const Moving& moving, const Position& position, bool backward_only,
            const config::Pipeline& pipeline, const std::string& tables) {
  const auto& from = moving.from;
  const auto at = partition_text(from.at);
  // A topic that is back is as a rule another one, whose offsets mean other records; only a claim compares them.
  if (from.state == PartitionState::topic_missing)
    return moving.give_up(
        call, call.fail(Code::wrong_state,
                        "the topic of {} was missing, and what its log holds now is not compared with the pointer yet; "
                        "once the topic is there, 'reclaim {}' compares them",
                        at, at));
  const auto log = moving.parts.moves.log(
      from.at, position.kind == Position::Kind::time ? std::optional(position.time) : std::nullopt);
  if (!log) return moving.give_up(call, call.fail(log.error()));
  const Offset to = offset_of(position, from, *log);
  if (to < log->first || to > log->end)
    return moving.give_up(
        call, call.fail(Code::no_such_thing,
                        "the log of {} begins at {} and ends before {}, so {} is not in it; 'start' and 'end' "
                        "always are",
                        at, log->first, log->end, to));
  const bool new_log = is_new_log(from, *log);
  if (to == from.next && !new_log) return pointer_is_there(call, moving);
  if (backward_only && to > from.next)
    return moving.give_up(call, call.fail(Code::wrong_state,
                                          "rewind goes backwards only, and {} is ahead of the pointer of {}, {}; "
                                          "'seek' goes there",
                                          to, at, from.next));
  const bool backward = to < from.next && !new_log;
  const auto routes = routes_of(pipeline, from.at.topic);
  Move wanted;
  wanted.from = from;
  wanted.to = to;
  wanted.anew = backward || new_log;
  wanted.new_log = new_log;
  wanted.between.skipped = wanted.anew ? 0 : to - from.next;
  wanted.pause = moving.pause.reason;
  std::vector<std::string> steps{
      fmt::format("the pointer of {} goes from {} to {}; the log begins at {} and ends before {}", at, from.next, to,
                  log->first, log->end)};
  const auto more = new_log    ? new_log_steps(from, to, *log)
                    : backward ? backward_steps(from, to, tables, routes)
                               : forward_steps(from, to, *log);
  steps.insert(steps.end(), more.begin(), more.end());
  Demand demands;
  if (backward && !are_guarded(routes))
    demands = {"allow-stale",
               fmt::format("{} of {} would be applied again, which brings older rows of {} back for a while",
                           offsets_text(to, from.next), at, tables)};
  return conclude(call, moving, [wanted](const Caller&) { return wanted; }, std::move(steps), std::move(demands));
}

int move_to(Call& call, const MoveParts& parts, const Snapshots& snapshots, const config::Pipeline& pipeline,
            std::string_view command) {
  const auto position = parse_position(std::span(call.words()).subspan(1));
  if (!position)
    return call.fail(
        Code::not_understood,
        "'{}' is not a position; it is an offset, +N, -N, start, end, time 2026-11-21T11:52:44Z or ago 2h; "
        "N is at most {}, a time back at most 3650d",
        fmt::join(std::span(call.words()).subspan(1), " "), std::numeric_limits<Offset>::max());
  const auto moving = begin_move(call, parts, command, fmt::format("{} shop.orders/3 4711", command));
  if (!moving) return moving.error();
  const auto& topic = moving->from.at.topic;
  auto tables = fmt::format("{}", fmt::join(inventory(snapshots, parts.positions).tables_of(topic), ", "));
  if (tables.empty()) tables = fmt::format("{}", fmt::join(parts.positions.configured_tables(topic), ", "));
  if (tables.empty()) tables = "the tables that its events name";
  return seek_to(call, *moving, *position, command == "rewind", pipeline, tables);
}

int seek(Call& call, Moves& moves, Pauses& pauses, Positions& positions, Plans& plans, const Snapshots& snapshots,
         const config::Pipeline& pipeline) {
  return move_to(call, {moves, pauses, positions, plans}, snapshots, pipeline, "seek");
}

int rewind(Call& call, Moves& moves, Pauses& pauses, Positions& positions, Plans& plans, const Snapshots& snapshots,
           const config::Pipeline& pipeline) {
  return move_to(call, {moves, pauses, positions, plans}, snapshots, pipeline, "rewind");
}

}  // namespace

std::vector<Command> seek_commands() {
  auto options = move_options();
  options.push_back({.name = "allow-stale", .help = "backwards: also if it brings older rows back for a while"});
  Command forward{
      .words = "seek",
      .arguments = "TOPIC/PARTITION POSITION",
      .min_words = 2,
      .max_words = 3,
      .takes = ArgumentKind::partition,
      .options = options,
      .role = Role::operator_,
      .effect = Effect::changes,
      .lesser = move_effect,
      .least = Effect::shows_data,
      .group = "control",
      .summary =
          "Plans to move the pointer of a stopped partition: an offset, +N, -N, start or earliest, end or "
          "latest, time T, ago 2h. 'apply' does it.",
      .examples = {"seek shop.orders/3 start", "seek shop.orders/3 -1000 --pause",
                   "seek shop.orders/3 time 2026-11-21T11:52:44Z", "seek shop.orders/3 5000 --yes --expect 4711"},
      .result = {sometimes(plan_result()), sometimes(moved_result())},
      .run = handler<seek>};
  Command backward = forward;
  backward.words = "rewind";
  backward.summary = "As seek, but backwards only: what was applied since is read and applied again.";
  backward.examples = {"rewind shop.orders/3 -1000 --allow-stale", "rewind shop.orders/3 ago 2h --pause"};
  backward.run = handler<rewind>;
  return {std::move(forward), std::move(backward)};
}

}  // namespace sluice::console

// skip and reclaim: ways out for a partition that has stopped.
#include <algorithm>

#include "base/interrupt.h"
#include "console/commands/registry.h"
#include "console/planning.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

using std::chrono::milliseconds;

// What the commands need of the service; it outlives the plans that hold it.
struct MoveParts {
  Moves& moves;
  Pauses& pauses;
  Positions& positions;
};

std::expected<PointerRow, int> pointer_of(Call& call, Positions& positions, const TopicPartition& at) {
  const auto rows = positions.pointers();
  if (!rows) return std::unexpected(call.fail(rows.error()));
  const auto found = std::ranges::find(*rows, at, &PointerRow::at);
  if (found == rows->end())
    return std::unexpected(call.fail(Code::no_such_thing, "{} has no pointer; see 'pointers'", partition_text(at)));
  return *found;
}

std::expected<TopicPartition, int> partition_of(Call& call, std::string_view example) {
  const auto at = parse_partition(call.words()[0]);
  if (at) return *at;
  return std::unexpected(
      call.fail(Code::not_understood, "'{}' is not TOPIC/PARTITION; write for example {}", call.words()[0], example));
}

// What is different now from what a plan was made on; empty if nothing is.
std::string changed_since(const PointerRow& then, const PointerRow& now) {
  if (then.next != now.next) return fmt::format("its pointer was {}, now {}", then.next, now.next);
  if (then.epoch != now.epoch) return fmt::format("its epoch was {}, now {}", then.epoch, now.epoch);
  if (then.state != now.state) return fmt::format("its state was {}, now {}", then.state, now.state);
  if (then.generation != now.generation)
    return fmt::format("its generation was {}, now {}", then.generation, now.generation);
  return {};
}

int stale(Call& call, Positions& positions, const PointerRow& then, const std::string& otherwise) {
  const auto now = pointer_of(call, positions, then.at);
  if (!now) return now.error();
  auto changed = changed_since(then, *now);
  if (changed.empty()) changed = otherwise;
  return call.fail(Code::stale, "{} has changed: {}; plan again", partition_text(then.at), changed);
}

// A pause that a command makes for its plan. It ends with the plan: applied, dropped or expired.
struct OwnPause {
  std::string target, reason;  // reason empty: there is none

  void end(Pauses& pauses) const {
    if (!reason.empty()) (void)pauses.resume(target, reason);
  }
};

// A partition whose pointer nobody moves.
struct Standing {
  PointerRow row;
  OwnPause pause;
};

// A state that ends by itself every few seconds is not a place to stand, unless the pause holds it.
bool stands(const PointerRow& row) {
  return row.state == PartitionState::paused || (is_broken(row.state) && !info(row.state).heals);
}

std::expected<Standing, int> paused_for(Call& call, const MoveParts& parts, const PointerRow& row,
                                        const std::string& plan, std::string_view command) {
  const auto timeout = span_option(call, "timeout", "30s");
  if (!timeout) return std::unexpected(timeout.error());
  const auto target = partition_text(row.at);
  const auto now = WallClock::now();
  Standing standing{row, {target, fmt::format("for plan {}: {}", plan, command)}};
  const auto made =
      parts.pauses.pause({target, standing.pause.reason, call.login().caller.name, now, now + Plans::valid_for});
  if (!made) return std::unexpected(call.fail(made.error()));
  if (!*made) standing.pause.reason.clear();  // somebody else's, and stays
  const auto waited = [&] {
    const InterruptScope limit(Clock::now() + *timeout);
    return wait_until(
        [&] {
          const auto rows = parts.positions.pointers();
          const auto found = rows ? std::ranges::find(*rows, row.at, &PointerRow::at) : decltype(rows->begin()){};
          if (!rows || found == rows->end()) return false;
          standing.row = *found;
          return stands(*found);
        },
        *timeout, call.stop());
  }();
  if (waited == Waited::yes) return standing;
  standing.pause.end(parts.pauses);
  if (waited == Waited::stopped)
    return std::unexpected(call.fail(Code::interrupted, "the wait was ended; {} is not paused any more", target));
  return std::unexpected(call.fail(Code::deadline_passed, "{} has not stopped after {}; its pause was taken back",
                                   target, span_text(*timeout)));
}

// The partition as it stands, paused by this command if that is allowed.
std::expected<Standing, int> standing(Call& call, const MoveParts& parts, const TopicPartition& at,
                                      const std::string& plan, std::string_view command) {
  const auto row = pointer_of(call, parts.positions, at);
  if (!row) return std::unexpected(row.error());
  if (stands(*row)) return Standing{*row, {}};
  if (call.has("pause")) return paused_for(call, parts, *row, plan, command);
  if (is_stopped(row->state)) return Standing{*row, {}};
  return std::unexpected(
      call.fail(Code::wrong_state, "{} is streaming; pause it first, or add --pause", partition_text(at)));
}

// The pointer that --expect names: with --yes it is done at once, without a plan.
std::expected<std::optional<Offset>, int> expected_pointer(Call& call) {
  if (call.has("yes") != call.has("expect"))
    return std::unexpected(
        call.fail(Code::not_understood,
                  "--yes and --expect belong together: --yes --expect POINTER does it at once if that is the pointer"));
  if (!call.has("yes")) return std::nullopt;
  if (const auto expected = parse_number(call.option("expect"))) return *expected;
  return std::unexpected(call.fail(Code::not_understood, "--expect '{}' is not an offset; it is the present pointer",
                                   call.option("expect")));
}

int carry_out(Call& call, const MoveParts& parts, const Move& move, const OwnPause& pause) {
  const auto done = parts.moves.move(move);
  if (!done || !*done) pause.end(parts.pauses);
  if (!done) return call.fail(done.error());
  if (!*done) return stale(call, parts.positions, move.from, "another record is at its offset");
  const auto& from = move.from;
  call.report.sections = {{.columns = {{.name = "partition"},
                                       {.name = "from", .kind = ColumnType::id},
                                       {.name = "to", .kind = ColumnType::id},
                                       {.name = "dead_letters", .kind = ColumnType::number}},
                           .rows = {{partition_text(from.at), from.next, move.to, std::int64_t{move.record ? 1 : 0}}},
                           .record = true}};
  call.report.line = fmt::format("done: {}, {} → {}{}", partition_text(from.at), from.next, move.to,
                                 move.record ? "; the record is a dead letter, see 'dead list'" : "");
  call.remark(fmt::format("{} → {}", from.next, move.to));
  return Code::done;
}

// Shows the plan and keeps it, or does it at once.
int conclude(Call& call, Plans& plans, const MoveParts& parts, const std::string& id, std::string_view command,
             const Standing& standing, const std::function<Move(const Caller& by)>& move,
             std::optional<Offset> expected, std::vector<std::string> steps) {
  const auto& from = standing.row;
  if (expected && *expected != from.next) {
    standing.pause.end(parts.pauses);
    return call.fail(Code::stale, "the pointer of {} is {}, not {}", partition_text(from.at), from.next, *expected);
  }
  if (expected) return carry_out(call, parts, move(call.login().caller), standing.pause);
  if (!standing.pause.reason.empty())
    steps.push_back(fmt::format("{} is paused for this plan, until it is applied or dropped, or has expired",
                                partition_text(from.at)));
  else if (from.state == PartitionState::paused)
    steps.push_back(fmt::format("{} stays paused ({}); 'resume' lets it go on", partition_text(from.at), from.reason));
  const auto now = WallClock::now();
  return keep_plan(
      call, plans,
      {.id = id,
       .command = std::string(command),
       .target = partition_text(from.at),
       .by = call.login().caller,
       .made = now,
       .expires = now + Plans::valid_for,
       .steps = std::move(steps),
       .carry_out = [parts, move, pause = standing.pause](
                        Call& applying) { return carry_out(applying, parts, move(applying.login().caller), pause); },
       .dropped = [parts, pause = standing.pause] { pause.end(parts.pauses); }});
}

// States in which the record at the pointer is not what keeps the partition.
bool needs_a_seek(PartitionState state) {
  using enum PartitionState;
  return state == lost_data || state == log_shrunk || state == log_changed || state == topic_missing ||
         state == corrupt;
}

std::vector<std::string> skip_steps(const PointerRow& from, const FirstRecord& first) {
  const auto& record = first.record;
  const auto& told = first.explanation;
  std::vector<std::string> steps{
      fmt::format("{} stands at {}, state {}: {}", partition_text(from.at), from.next, from.state, from.reason)};
  if (told.outcome == "dead")
    steps.push_back(fmt::format("the record at offset {} would be refused again: {}{}{}", record.offset,
                                record.sqlstate, record.sqlstate.empty() ? "" : " ", told.reason));
  else
    steps.push_back(fmt::format("the record at offset {} would take effect now ({}{}); 'reclaim {}' tries it again",
                                record.offset, told.outcome,
                                told.postgres.empty() ? "" : ", PostgreSQL " + told.postgres, partition_text(from.at)));
  steps.push_back(
      fmt::format("it is stored as a dead letter{}, and in the same transaction the pointer goes from {} to {}",
                  record.table.empty() ? "" : " of " + record.table, from.next, record.offset + 1));
  if (record.offset > from.next)
    steps.push_back(fmt::format("before it, {} without a record, counted as gaps",
                                counted(static_cast<std::size_t>(record.offset - from.next), "offset")));
  return steps;
}

Move skip_of(const Standing& standing, const SkippedRecord& found, const Caller& planner, const Caller& by,
             const std::string& why) {
  const auto& from = standing.row;
  Move move;
  move.from = from;
  move.to = found.offset + 1;
  move.between.dead = 1;
  move.between.gaps = found.offset - from.next;
  move.record = found;
  move.pause = standing.pause.reason;
  move.record->reason =
      fmt::format("skipped by {}{}{}; it had stopped: {}", by.name, planner.name == by.name ? "" : ", planned by ",
                  planner.name == by.name ? std::string() : planner.name, from.reason);
  if (!why.empty()) move.record->reason = fmt::format("{} ({})", move.record->reason, why);
  return move;
}

// The offset that the words name, if they do.
std::expected<std::optional<Offset>, int> named_offset(Call& call) {
  if (call.words().size() > 1 && call.has("offset"))
    return std::unexpected(call.fail(Code::not_understood, "the offset is given twice; keep one"));
  const auto text = call.words().size() > 1 ? call.words()[1] : call.option("offset");
  if (text.empty()) return std::nullopt;
  if (const auto offset = parse_number(text)) return *offset;
  return std::unexpected(call.fail(Code::not_understood, "'{}' is not an offset", text));
}

int skip(Call& call, Moves& moves, Pauses& pauses, Positions& positions, Plans& plans) {
  const MoveParts parts{moves, pauses, positions};
  const auto at = partition_of(call, "skip shop.orders/3 4711");
  if (!at) return at.error();
  const auto offset = named_offset(call);
  if (!offset) return offset.error();
  const auto expected = expected_pointer(call);
  if (!expected) return expected.error();
  const auto id = plans.new_id();
  const auto stands_at = standing(call, parts, *at, id, "skip");
  if (!stands_at) return stands_at.error();
  const auto& from = stands_at->row;
  const auto give_up = [&](int code) {
    stands_at->pause.end(pauses);
    return code;
  };
  if (needs_a_seek(from.state))
    return give_up(call.fail(Code::wrong_state, "{} is in state {}, which no skip ends; 'help {}' tells what does",
                             partition_text(*at), from.state, from.state));
  auto first = moves.first_record(from);
  if (!first) return give_up(call.fail(first.error()));
  if (*offset && **offset != first->record.offset)
    return give_up(call.fail(Code::wrong_state,
                             "{} stands before offset {}, not before {}; only that one can be skipped",
                             partition_text(*at), first->record.offset, **offset));
  auto steps = skip_steps(from, *first);
  const auto move = [standing = *stands_at, record = std::move(first->record), planner = call.login().caller,
                     why = call.option("reason")](const Caller& by) {
    return skip_of(standing, record, planner, by, why);
  };
  return conclude(call, plans, parts, id, "skip", *stands_at, move, *expected, std::move(steps));
}

int reclaim(Call& call, Moves& moves, Positions& positions) {
  const auto timeout = span_option(call, "timeout", "30s");
  if (!timeout) return timeout.error();
  const auto at = partition_of(call, "reclaim shop.orders/3");
  if (!at) return at.error();
  const auto from = pointer_of(call, positions, *at);
  if (!from) return from.error();
  if (!from->ours && !is_broken(from->state))
    return call.fail(Code::wrong_state, "{} belongs to the instance on {}; reclaim it in that one's console",
                     partition_text(*at), from->owner_host.empty() ? "another host" : from->owner_host);
  PointerRow now = *from;
  const auto ready = [&] {
    const auto rows = positions.pointers();
    if (!rows) return false;
    const auto found = std::ranges::find(*rows, *at, &PointerRow::at);
    if (found == rows->end()) return false;
    now = *found;
    if (now.epoch > from->epoch) return true;
    (void)moves.reclaim(now);  // a lane that was just about to stop has not heard it
    return false;
  };
  const auto asked = moves.reclaim(*from);
  if (!asked) return call.fail(asked.error());
  if (!*asked) return stale(call, positions, *from, "somebody was faster");
  call.remark("the next epoch was asked for");
  const auto waited = [&] {
    const InterruptScope limit(Clock::now() + *timeout);
    return wait_until(ready, *timeout, call.stop());
  }();
  if (waited == Waited::stopped)
    return call.fail(Code::interrupted, "the wait was ended; {} is claimed again all the same", partition_text(*at));
  if (waited == Waited::deadline)
    return call.fail(Code::deadline_passed, "{} was not claimed again within {}; it is tried further",
                     partition_text(*at), span_text(*timeout));
  call.report.sections = {{.columns = {{.name = "partition"},
                                       {.name = "epoch_before", .kind = ColumnType::id},
                                       {.name = "epoch", .kind = ColumnType::id},
                                       {.name = "pointer", .kind = ColumnType::id},
                                       {.name = "state"},
                                       {.name = "reason"}},
                           .rows = {{partition_text(*at), from->epoch, now.epoch, now.next, status_of(now.state),
                                     optional_text(now.reason)}},
                           .record = true}};
  call.report.line =
      fmt::format("done: {} claimed again at {}, epoch {} → {}, state {} → {}{}", partition_text(*at), now.next,
                  from->epoch, now.epoch, from->state, now.state, now.reason.empty() ? "" : ": " + now.reason);
  call.remark(fmt::format("epoch {} → {}", from->epoch, now.epoch));
  return Code::done;
}

Effect move_effect(const Arguments& given, Role) {
  return given.options.contains("yes") || given.options.contains("pause") ? Effect::changes : Effect::shows_data;
}

}  // namespace

std::vector<Command> moves_commands() {
  const Option reason{
      .name = "reason", .value = ArgumentKind::text, .shown = "TEXT", .help = "why; stored with the dead letter"};
  const Option pause{.name = "pause",
                     .help = "pause it until the plan is applied or dropped, or has expired, if it has not stopped"};
  const Option timeout{
      .name = "timeout", .value = ArgumentKind::span, .shown = "30s", .help = "how long to wait for that"};
  const Option yes{.name = "yes", .help = "do it at once, without a plan; needs --expect"};
  const Option expect{.name = "expect",
                      .value = ArgumentKind::number,
                      .shown = "POINTER",
                      .help = "the present pointer; at another one nothing is done"};
  return {
      {.words = "skip",
       .arguments = "TOPIC/PARTITION [OFFSET]",
       .min_words = 1,
       .max_words = 2,
       .takes = ArgumentKind::partition,
       .options = {{.name = "offset", .value = ArgumentKind::number, .shown = "N", .help = "the same as OFFSET"},
                   reason,
                   pause,
                   timeout,
                   yes,
                   expect},
       .role = Role::operator_,
       .effect = Effect::changes,
       .lesser = move_effect,
       .least = Effect::shows_data,
       .group = "control",
       .summary =
           "Plans to step over the one record before which a stopped partition stands: it becomes a dead letter. "
           "'apply' does it.",
       .examples = {"skip shop.orders/3 4711 --reason 'test data'", "skip shop.orders/3 --yes --expect 4711"},
       .run = handler<skip>},
      {.words = "reclaim",
       .arguments = "TOPIC/PARTITION",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::partition,
       .options = {{.name = "timeout",
                    .value = ArgumentKind::span,
                    .shown = "30s",
                    .help = "how long to wait until it is claimed; the request stays in force"}},
       .role = Role::admin,
       .effect = Effect::changes,
       .group = "control",
       .summary = "Has a partition claimed again: its pointer is read anew and compared with the log, and what stopped "
                  "it is tried again. Loses nothing.",
       .examples = {"reclaim shop.orders/3"},
       .run = handler<reclaim>},
  };
}

}  // namespace sluice::console

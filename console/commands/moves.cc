// skip and reclaim: ways out for a partition that has stopped.
#include "console/commands/moves.h"

#include <algorithm>

#include "base/interrupt.h"
#include "base/units.h"
#include "console/commands/registry.h"
#include "console/moving.h"
#include "console/planning.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

// In the other states the record at the pointer is not what keeps the partition, so no letter is made of it.
bool may_skip(PartitionState state) {
  return state == PartitionState::poison || state == PartitionState::paused;
}

std::vector<std::string> skip_steps(const PointerRow& from, const FirstRecord& first) {
  const auto& record = first.record;
  const auto& told = first.explanation;
  std::vector<std::string> steps{
      fmt::format("{} stands at {}, state {}: {}", partition_text(from.at), from.next, from.state, from.reason)};
  if (told.outcome == "dead")
    steps.push_back(fmt::format("the record at offset {} would be refused again: {}", record.offset,
                                with_sqlstate(record.sqlstate, told.reason)));
  else if (told.unknown)
    steps.push_back(
        fmt::format("whether the record at offset {} would be refused could not be found out: PostgreSQL {}",
                    record.offset, told.postgres));
  else
    steps.push_back(fmt::format("the record at offset {} would take effect now ({}{}); 'reclaim {}' tries it again",
                                record.offset, told.outcome,
                                told.postgres.empty() ? "" : ", PostgreSQL " + told.postgres, partition_text(from.at)));
  steps.push_back(
      fmt::format("it is stored as a dead letter{}, and in the same transaction the pointer goes from {} to {}",
                  record.table.empty() ? "" : " of " + record.table, from.next, record.offset + 1));
  if (record.offset > from.next)
    steps.push_back(
        fmt::format("before it, {} without a record, counted as gaps", counted(record.offset - from.next, "offset")));
  return steps;
}

// Why the record is skipped, without data of it: a pause has hidden what it would have stopped for.
std::string trouble_of(const PointerRow& from, const SkippedRecord& found) {
  if (from.state != PartitionState::paused) return fmt::format("it had stopped: {}", from.reason);
  if (!found.reason.empty()) return fmt::format("it would have been refused: {}", found.reason);
  return fmt::format("the partition was {}", from.reason);
}

Move skip_of(const Moving& moving, const SkippedRecord& found, const Caller& planner, const Caller& by,
             const std::string& why) {
  const auto& from = moving.from;
  Move move;
  move.from = from;
  move.to = found.offset + 1;
  move.between.dead = 1;
  move.between.gaps = found.offset - from.next;
  move.record = found;
  move.pause = moving.pause.reason;
  move.record->reason = fmt::format("skipped by {}{}{}; {}", by.name, planner.name == by.name ? "" : ", planned by ",
                                    planner.name == by.name ? std::string() : planner.name, trouble_of(from, found));
  if (!why.empty()) move.record->reason = fmt::format("{} ({})", move.record->reason, why);
  return move;
}

// The offset that the words name, if they do.
std::expected<std::optional<Offset>, int> named_offset(Call& call) {
  if (call.words().size() > 1 && call.has("offset"))
    return std::unexpected(call.fail(Code::not_understood, "the offset is given twice; keep one"));
  const auto text = call.words().size() > 1 ? call.words()[1] : call.option("offset");
  if (text.empty()) return std::nullopt;
  return offset_of(call, text);
}

int skip(Call& call, Moves& moves, Pauses& pauses, Positions& positions, Plans& plans) {
  const auto offset = named_offset(call);
  if (!offset) return offset.error();
  const auto moving = begin_move(call, {moves, pauses, positions, plans}, "skip", "skip shop.orders/3 4711");
  if (!moving) return moving.error();
  const auto& from = moving->from;
  const auto refuse = [&](int code) { return moving->give_up(call, code); };
  if (!may_skip(from.state))
    return refuse(call.fail(Code::wrong_state, "{} is in state {}, which no skip ends; 'help {}' tells what does",
                            partition_text(from.at), from.state, from.state));
  const auto found = moves.first_record(from);
  if (!found) return refuse(call.fail(found.error()));
  if (!*found)
    return refuse(call.fail(Code::wrong_state, "{} has no record to skip: its log ends at the pointer, {}",
                            partition_text(from.at), from.next));
  const FirstRecord& first = **found;
  if (*offset && **offset != first.record.offset)
    return refuse(call.fail(Code::wrong_state,
                            "{} stands before offset {}, not before {}; only that one can be skipped",
                            partition_text(from.at), first.record.offset, **offset));
  const auto move = [moving = *moving, record = first.record, planner = call.login().caller,
                     why = call.option("reason")](const Caller& by) {
    return skip_of(moving, record, planner, by, why);
  };
  return conclude(call, *moving, move, skip_steps(from, first));
}

std::vector<std::string> reclaim_steps(const Moving& moving) {
  const auto& from = moving.from;
  const auto at = partition_text(from.at);
  const bool own = !moving.pause.reason.empty();
  return {fmt::format("{} stands at {}, epoch {}, state {}{}", at, from.next, from.epoch, from.state,
                      from.reason.empty() ? "" : ": " + from.reason),
          "it is claimed with the next epoch: its pointer is read anew from the table and compared with the log",
          is_broken(from.state) ? "what stopped it is tried again: it goes on, or stops again; no record is left out"
          : own                 ? "then it goes on where its pointer stands; no record is left out"
                                : "its pause stays; no record is left out"};
}

// Has it claimed, and waits until it is.
int claim_again(Call& call, const Moving& moving, std::chrono::milliseconds timeout, const Order& order) {
  const auto& [moves, pauses, positions, plans] = moving.parts;
  const PointerRow& from = moving.from;
  const auto at = partition_text(from.at);
  if (const int code = check_unchanged(call, positions, {from}, order); code != Code::done)
    return moving.give_up(call, code);
  const bool own = !moving.pause.reason.empty();  // with its end it is claimed
  if (own) {
    if (const auto left = moving.pause.end(pauses); !left.empty()) return call.fail(Code::failed, "{}", left);
  } else {
    const auto asked = moves.reclaim(from);
    if (!asked) return call.fail(asked.error());
    if (!*asked) return say_stale(call, positions, from, order, "belongs to somebody else");
  }
  call.remark("the next epoch was asked for");
  PointerRow now = from;
  const auto ready = [&] {
    const auto rows = positions.pointers();
    if (!rows) return false;
    const auto found = std::ranges::find(*rows, from.at, &PointerRow::at);
    if (found == rows->end()) return false;
    now = *found;
    if (now.epoch > from.epoch) return true;
    if (!own) (void)moves.reclaim(now);  // a lane that was just about to stop has not heard it
    return false;
  };
  const auto waited = [&] {
    const InterruptScope limit(Clock::now() + timeout);
    return wait_until(ready, timeout, call.stop());
  }();
  if (waited == Waited::stopped)
    return call.fail(Code::interrupted, "the wait was ended; {} is claimed again all the same", at);
  if (waited == Waited::deadline)
    return call.fail(Code::deadline_passed, "{} was not claimed again within {}; it is tried further", at,
                     span_text(timeout));
  call.report.sections = {filled(reclaim_result(), {at, from.epoch, now.epoch, now.next})};
  // What the claim comes to is not known yet.
  call.report.line = fmt::format("done: {} claimed again at {}, epoch {} → {}{}", at, now.next, from.epoch, now.epoch,
                                 is_broken(from.state) ? "; what stopped it is tried again, 'partitions' tells" : "");
  call.remark(fmt::format("epoch {} → {}", from.epoch, now.epoch));
  return Code::done;
}

int reclaim(Call& call, Moves& moves, Pauses& pauses, Positions& positions, Plans& plans) {
  const auto timeout = span_option(call, "timeout", "30s");
  if (!timeout) return timeout.error();
  auto moving = begin_move(call, {moves, pauses, positions, plans}, "reclaim", "reclaim shop.orders/3");
  if (!moving) return moving.error();
  moving->role = Role::admin;
  const auto& from = moving->from;
  if (!from.ours && !is_broken(from.state))
    return moving->give_up(
        call, call.fail(Code::wrong_state, "{} belongs to the instance on {}; reclaim it in that one's console",
                        partition_text(from.at), from.owner_host.empty() ? "another host" : from.owner_host));
  const auto claim = [moving = *moving, timeout = *timeout](Call& applying, const Order& order) {
    return claim_again(applying, moving, timeout, order);
  };
  return conclude_with(call, *moving, claim, reclaim_steps(*moving));
}

}  // namespace

Section reclaim_result() {
  return {.columns = {{.name = "partition"},
                      {.name = "epoch_before", .kind = ColumnType::id},
                      {.name = "epoch", .kind = ColumnType::id},
                      {.name = "pointer", .kind = ColumnType::id}},
          .record = true};
}

std::vector<Command> moves_commands() {
  const Option reason{
      .name = "reason", .value = ArgumentKind::text, .shown = "TEXT", .help = "why; stored with the dead letter"};
  auto reclaim_options = move_options();
  auto& timeout = *std::ranges::find(reclaim_options, "timeout", &Option::name);
  timeout.help = "how long to wait until it is claimed, and with --pause until it has stopped";
  timeout.needs = {};
  auto options = move_options();
  options.insert(
      options.begin(),
      {{.name = "offset", .value = ArgumentKind::number, .shown = "N", .help = "the same as OFFSET"}, reason});
  return {
      {.words = "skip",
       .arguments = "TOPIC/PARTITION [OFFSET]",
       .min_words = 1,
       .max_words = 2,
       .takes = ArgumentKind::partition,
       .options = std::move(options),
       .role = Role::operator_,
       .effect = Effect::changes,
       .lesser = move_effect,
       .least = Effect::shows_data,
       .group = "control",
       .summary =
           "Plans to step over the one record before which a stopped partition stands: it becomes a dead letter. "
           "'apply' does it.",
       .examples = {"skip shop.orders/3 4711 --reason 'test data'", "skip shop.orders/3 --yes --expect 4711"},
       .result = {sometimes(plan_result()), sometimes(moved_result())},
       .run = handler<skip>},
      {.words = "reclaim",
       .arguments = "TOPIC/PARTITION",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::partition,
       .options = std::move(reclaim_options),
       .role = Role::admin,
       .effect = Effect::changes,
       .lesser = move_effect,
       .least = Effect::shows_data,
       .group = "control",
       .summary =
           "Plans to have a stopped partition claimed again: its pointer is read anew and compared with the log, "
           "and what stopped it is tried again. Loses nothing. 'apply' does it.",
       .examples = {"reclaim shop.orders/3", "reclaim shop.orders/3 --yes --expect 4711"},
       .result = {sometimes(plan_result()), sometimes(reclaim_result())},
       .run = handler<reclaim>},
  };
}

}  // namespace sluice::console

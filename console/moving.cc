#include "console/moving.h"

#include <algorithm>

#include "base/interrupt.h"
#include "console/planning.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

constexpr std::chrono::seconds end_within{5};  // of a pause that is taken back, while somebody waits

// What is different now from what a plan was made on; empty if nothing is.
std::string changed_since(const PointerRow& then, const PointerRow& now) {
  if (then.next != now.next) return fmt::format("pointer was {}, now {}", then.next, now.next);
  if (then.epoch != now.epoch) return fmt::format("epoch was {}, now {}", then.epoch, now.epoch);
  if (then.state != now.state) return fmt::format("state was {}, now {}", then.state, now.state);
  if (then.generation != now.generation)
    return fmt::format("generation was {}, now {}", then.generation, now.generation);
  return {};
}

// Says what is left of a pause that should have ended.
void say_left(Call& call, const std::string& left) {
  if (!left.empty()) call.report.notes.push_back(left);
}

// Pauses the partition for the plan and waits until it has stopped.
int pause_for(Call& call, Moving& moving) {
  const auto timeout = span_option(call, "timeout", "30s");
  if (!timeout) return timeout.error();
  if (*timeout >= Plans::valid_for)
    return call.fail(Code::not_understood, "--timeout {} is too long: the pause ends with the plan, after {} minutes",
                     call.option("timeout"), Plans::valid_for.count());
  const auto target = partition_text(moving.from.at);
  const auto now = WallClock::now();
  moving.pause = {target, fmt::format("for plan {}: {}", moving.plan, moving.command), now + Plans::valid_for};
  const auto made =
      moving.parts.pauses.pause({target, moving.pause.reason, call.login().caller.name, now, moving.pause.until});
  if (!made) return moving.give_up(call, call.fail(made.error()));  // it may be there all the same
  if (!*made) moving.pause.reason.clear();                          // somebody else's, and stays
  const auto stopped = [&] {
    const auto rows = moving.parts.positions.pointers();
    if (!rows) return false;
    const auto found = std::ranges::find(*rows, moving.from.at, &PointerRow::at);
    if (found != rows->end()) moving.from = *found;
    return is_stopped(moving.from.state);
  };
  const auto waited = [&] {
    const InterruptScope limit(Clock::now() + *timeout);
    return wait_until(stopped, *timeout, call.stop());
  }();
  if (waited == Waited::yes) return Code::done;
  auto left = moving.pause.end(moving.parts.pauses);
  if (left.empty() && !moving.pause.reason.empty()) left = fmt::format("the pause of {} was taken back", target);
  if (left.empty()) left = fmt::format("{} stays paused by somebody else", target);
  if (waited == Waited::stopped) return call.fail(Code::interrupted, "the wait was ended; {}", left);
  return call.fail(Code::deadline_passed, "{} has not stopped after {}; {}", target, span_text(*timeout), left);
}

// The pointer that --expect names.
std::expected<std::optional<Offset>, int> expected_pointer(Call& call, std::string_view command) {
  if (!call.has("yes")) return std::nullopt;
  if (call.login().four_eyes) return std::unexpected(needs_four_eyes(call, command));
  if (const auto expected = parse_number(call.option("expect"))) return *expected;
  return std::unexpected(call.fail(Code::not_understood, "--expect '{}' {}; write the present pointer",
                                   call.option("expect"), number_trouble(call.option("expect"), "an offset")));
}

int carry_out(Call& call, const MoveParts& parts, Move move, const OwnPause& pause, const Order& order) {
  const auto remark = fmt::format("{} → {}", move.from.next, move.to);
  move.audit = call.audit;
  move.outcome = "done: " + remark;
  const auto done = parts.moves.move(move);
  if (!done || !*done) say_left(call, pause.end(parts.pauses));
  if (!done) return call.fail(done.error());
  if (!*done) return say_stale(call, parts.positions, move.from, order, "another record is at its offset");
  const auto& from = move.from;
  call.report.sections = {
      filled(moved_result(), {partition_text(from.at), from.next, move.to, std::int64_t{move.record ? 1 : 0}})};
  call.report.line = fmt::format("done: {}, {} → {}{}", partition_text(from.at), from.next, move.to,
                                 move.record ? "; the record is a dead letter, see 'dead list'" : "");
  call.remark(remark);
  return Code::done;
}

}  // namespace

std::expected<TopicPartition, int> partition_of(Call& call, std::string_view example) {
  const auto at = parse_partition(call.words()[0]);
  if (at) return *at;
  return std::unexpected(
      call.fail(Code::not_understood, "'{}' is not TOPIC/PARTITION; write for example {}", call.words()[0], example));
}

std::expected<PointerRow, int> pointer_of(Call& call, Positions& positions, const TopicPartition& at) {
  const auto rows = positions.pointers();
  if (!rows) return std::unexpected(call.fail(rows.error()));
  const auto found = std::ranges::find(*rows, at, &PointerRow::at);
  if (found == rows->end())
    return std::unexpected(call.fail(Code::no_such_thing, "{} has no pointer; see 'pointers'", partition_text(at)));
  return *found;
}

int say_stale(Call& call, Positions& positions, const PointerRow& then, const Order& order,
              std::string_view otherwise) {
  const auto now = pointer_of(call, positions, then.at);
  if (!now) return now.error();
  const auto changed = changed_since(then, *now);
  return call.fail(Code::stale, "{} is stale: {} {}; {}", order.what, partition_text(then.at),
                   changed.empty() ? otherwise : std::string_view(changed), order.next);
}

int check_unchanged(Call& call, Positions& positions, const std::vector<PointerRow>& then, const Order& order) {
  const auto rows = positions.pointers();
  if (!rows) return call.fail(rows.error());
  for (const PointerRow& one : then) {
    const auto found = std::ranges::find(*rows, one.at, &PointerRow::at);
    const auto changed = found == rows->end() ? std::string("has no pointer any more") : changed_since(one, *found);
    if (!changed.empty())
      return call.fail(Code::stale, "{} is stale: {} {}; {}", order.what, partition_text(one.at), changed, order.next);
  }
  return Code::done;
}

Section moved_result() {
  return {.columns = {{.name = "partition"},
                      {.name = "from", .kind = ColumnType::id},
                      {.name = "to", .kind = ColumnType::id},
                      {.name = "dead_letters", .kind = ColumnType::number}},
          .record = true};
}

std::string OwnPause::end(Pauses& pauses) const {
  if (reason.empty()) return {};
  const InterruptScope undone(std::stop_token{});
  const InterruptScope soon(Clock::now() + end_within);
  if (pauses.resume(target, reason)) return {};
  return fmt::format("the pause of {} could not be taken back; it lasts until {}", target, time_text(until));
}

int Moving::give_up(Call& call, int code) const {
  say_left(call, pause.end(parts.pauses));
  return code;
}

std::expected<Moving, int> begin_move(Call& call, const MoveParts& parts, std::string_view command,
                                      std::string_view example) {
  const auto at = partition_of(call, example);
  if (!at) return std::unexpected(at.error());
  const auto expected = expected_pointer(call, command);
  if (!expected) return std::unexpected(expected.error());
  auto row = pointer_of(call, parts.positions, *at);
  if (!row) return std::unexpected(row.error());
  Moving moving{parts, parts.plans.new_id(), command, std::move(*row), {}, *expected};
  const bool streams = !is_stopped(moving.from.state);
  if (streams && !call.has("pause"))
    return std::unexpected(
        call.fail(Code::wrong_state, "{} is streaming; pause it first, or add --pause", partition_text(*at)));
  if (const int code = streams ? pause_for(call, moving) : Code::done; code != Code::done) return std::unexpected(code);
  if (moving.expected && *moving.expected != moving.from.next)
    return std::unexpected(moving.give_up(call, call.fail(Code::stale, "the pointer of {} is {}, not {}",
                                                          partition_text(*at), moving.from.next, *moving.expected)));
  return moving;
}

int conclude(Call& call, const Moving& moving, const std::function<Move(const Caller& by)>& move,
             std::vector<std::string> steps, Demand demands) {
  const auto done = [moving, move](Call& applying, const Order& order) {
    return carry_out(applying, moving.parts, move(applying.login().caller), moving.pause, order);
  };
  return conclude_with(call, moving, done, std::move(steps), std::move(demands));
}

int conclude_with(Call& call, const Moving& moving, const CarryOut& carry_out, std::vector<std::string> steps,
                  Demand demands) {
  const auto& from = moving.from;
  if (call.has(demands.option)) demands = {};
  if (moving.expected && !demands.option.empty())
    return moving.give_up(call, call.fail(Code::confirmation_missing, "{}; add --{}", demands.why, demands.option));
  if (moving.expected) return carry_out(call, {fmt::format("the {}", moving.command), "look again with 'pointers'"});
  if (!moving.pause.reason.empty())
    steps.push_back(fmt::format("{} is paused for this plan, until it is applied or dropped, or has expired",
                                partition_text(from.at)));
  else if (from.state == PartitionState::paused)
    steps.push_back(fmt::format("{} stays paused ({}); 'resume' ends that", partition_text(from.at), from.reason));
  else if (info(from.state).heals && from.state != PartitionState::corrupt)  // which is read, but not claimed
    steps.push_back(fmt::format("{} is tried again every few seconds; once it is claimed, the plan is stale",
                                partition_text(from.at)));
  const auto now = WallClock::now();
  return keep_plan(call, moving.parts.plans,
                   {.id = moving.plan,
                    .command = std::string(moving.command),
                    .target = partition_text(from.at),
                    .by = call.login().caller,
                    .role = moving.role,
                    .made = now,
                    .expires = moving.pause.reason.empty() ? now + Plans::valid_for : moving.pause.until,
                    .steps = std::move(steps),
                    .demands = std::move(demands.option),
                    .why = std::move(demands.why),
                    .carry_out = [plan = moving.plan, carry_out](
                                     Call& applying) { return carry_out(applying, {"plan " + plan, "plan again"}); },
                    .dropped = [moving] { return moving.pause.end(moving.parts.pauses); }});
}

std::vector<Option> move_options() {
  return {{.name = "pause", .help = "if it streams: pause it until the plan is applied or dropped, or has expired"},
          {.name = "timeout",
           .value = ArgumentKind::span,
           .shown = "30s",
           .help = "how long to wait for that",
           .needs = "pause"},
          {.name = "yes", .help = "do it at once, without a plan", .needs = "expect"},
          {.name = "expect",
           .value = ArgumentKind::number,
           .shown = "POINTER",
           .help = "the present pointer; at another one nothing is done",
           .needs = "yes"},
          dry_run_option()};
}

Effect move_effect(const Arguments& given, Role) {
  return given.options.contains("yes") || given.options.contains("pause") ? Effect::changes : Effect::shows_data;
}

}  // namespace sluice::console

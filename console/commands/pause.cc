// pause, resume and drain. Pauses live in PostgreSQL; a command that waits only watches, so the end of a wait undoes
// nothing.
#include <algorithm>

#include "base/interrupt.h"
#include "base/units.h"
#include "console/commands/pauses.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

constexpr std::string_view needs_reason = "say why, for those who find it paused; for example --reason 'vacuum full'";

std::string partitions_text(const std::vector<TopicPartition>& partitions) {
  std::string text;
  constexpr std::size_t most = 8;
  for (std::size_t at = 0; at < std::min(most, partitions.size()); ++at)
    text += (at > 0 ? ", " : "") + partition_text(partitions[at]);
  return partitions.size() > most ? fmt::format("{} and {} more", text, partitions.size() - most) : text;
}

// The tables that stop together with one, because they are fed from the same partitions.
std::set<std::string> stop_with(const PartitionSelector& target, const std::vector<TopicPartition>& partitions,
                                const Inventory& inventory) {
  std::set<std::string> tables;
  for (const auto& at : partitions)
    for (const auto& table : inventory.tables_of(at.topic))
      if (table != target.name) tables.insert(table);
  return tables;
}

// How many of the partitions still move. PostgreSQL knows about all instances.
std::size_t moving(const Snapshots& snapshots, Positions& positions, const std::vector<TopicPartition>& partitions) {
  const auto rows = positions.pointers();
  const Snapshot now = snapshots.snapshot();
  return static_cast<std::size_t>(std::ranges::count_if(partitions, [&](const TopicPartition& at) {
    const auto ours = std::ranges::find(now.partitions, at, &PartitionSnapshot::at);
    if (ours != now.partitions.end() && !is_stopped(ours->state)) return true;
    if (!rows) return true;
    const auto row = std::ranges::find(*rows, at, &PointerRow::at);
    return row != rows->end() && !is_stopped(row->state);
  }));
}

// What a pause needs of the service.
struct PauseParts {
  Pauses& pauses;
  const Snapshots& snapshots;
  Positions& positions;
  Audit& trail;
};

int paused_already(Call& call, const Snapshots& snapshots, const Pause& wanted, std::size_t partitions) {
  Pause there = wanted;
  const Snapshot now = snapshots.snapshot();
  const auto found = std::ranges::find(now.pauses, wanted.target, &Pause::target);
  if (found != now.pauses.end()) there = *found;
  call.report.sections = {pause_section(there, partitions, true)};
  call.report.line = fmt::format("nothing to do: {} is already paused by {} since {}: {}", there.target, there.by,
                                 time_text(there.at), there.reason);
  call.remark("nothing to do");
  return Code::done;
}

// Who ended a pause, as the audit trail says; empty if it does not.
std::string ended_by(Audit& trail, const Pause& pause) {
  AuditFilter filter;
  filter.since = pause.at - std::chrono::minutes(1);
  const auto rows = trail.audit(filter);
  if (!rows) return {};
  const auto row = std::ranges::find_if(*rows, [&](const AuditRow& one) {
    const bool ending = one.outcome == "asked" || one.outcome.find(" ended: ") != std::string::npos;
    if (one.command != "resume" || !ending) return false;
    const auto target = PartitionSelector::parse(one.target);
    return one.target == number_text(pause) ||
           (target && (target->text() == pause.target || target->kind == PartitionSelector::Kind::all));
  });
  return row == rows->end() ? std::string() : " by " + row->who.name;
}

struct Wait {
  std::size_t left = 0;  // partitions that still move
  bool in_force = true;  // the pause that it waits for
};

// Waits until nothing moves, or until the pause is not in force any more.
int wait_until_stopped(Call& call, const PauseParts& parts, const Pause& pause,
                       const std::vector<TopicPartition>& partitions, std::chrono::milliseconds timeout,
                       std::string_view what) {
  Wait wait{partitions.size()};
  const auto look = [&] {
    if (const auto stored = parts.pauses.stored())
      wait.in_force = std::ranges::count(*stored, pause.target, &Pause::target) > 0;
    return !wait.in_force || (wait.left = moving(parts.snapshots, parts.positions, partitions)) == 0;
  };
  const auto waited = [&] {
    const InterruptScope limit(Clock::now() + timeout);  // also for a question that PostgreSQL does not answer
    return wait_until(look, timeout, call.stop());
  }();
  if (waited == Waited::stopped) {
    call.remark("the wait was ended");
    return call.fail(Code::interrupted, "the wait was ended; the {} of {} stays in force", what, pause.target);
  }
  if (!wait.in_force) {
    const bool expired = pause.expires && *pause.expires <= WallClock::now();
    const auto why = expired ? std::string("has expired") : "was ended" + ended_by(parts.trail, pause);
    call.remark("the pause " + why + " meanwhile");
    return call.fail(Code::wrong_state, "the pause of {} {} meanwhile: it is not paused; see 'status'", pause.target,
                     why);
  }
  if (waited == Waited::deadline) {
    call.remark(fmt::format("{} of {} partitions left at the deadline", wait.left, partitions.size()));
    return call.fail(Code::deadline_passed, "{} not finished after {}: {} of {} partitions left; it continues", what,
                     span_text(timeout), wait.left, partitions.size());
  }
  return Code::done;
}

// A job is paused once no instance runs it any more.
int stop_job(Call& call, const PauseParts& parts, const Pause& pause, const std::string& job,
             std::chrono::milliseconds timeout) {
  const auto phase = [&]() -> std::optional<JobPhase> {
    const auto now = parts.snapshots.snapshot();
    const auto found = std::ranges::find(now.jobs, job, &JobState::name);
    return found == now.jobs.end() ? std::nullopt : std::optional(found->phase);
  };
  if (!phase()) return call.fail(Code::no_such_thing, "no job '{}'; 'jobs' lists those that there are", job);
  const auto stored = parts.pauses.pause(pause);
  if (!stored) return call.fail(stored.error());
  if (!*stored) return paused_already(call, parts.snapshots, pause, 0);
  if (!call.has("no-wait")) {
    const auto waited = wait_until([&] { return phase() == JobPhase::paused; }, timeout, call.stop());
    if (waited == Waited::stopped) {
      call.remark("the wait was ended");
      return call.fail(Code::interrupted, "the wait was ended; the pause of {} stays in force", pause.target);
    }
    if (waited == Waited::deadline)
      return call.fail(Code::deadline_passed, "{} still runs after {}; the pause stays in force, for its next run", job,
                       span_text(timeout));
  }
  call.report.sections = {pause_section(pause, 0, false)};
  call.report.line = fmt::format("done: {} paused{}", pause.target,
                                 pause.expires ? "; resumes automatically at " + time_text(*pause.expires) : "");
  return Code::done;
}

int stop_target(Call& call, const PauseParts& parts, std::string_view what, std::string_view timeout_otherwise) {
  const auto timeout = span_option(call, "timeout", timeout_otherwise);
  if (!timeout) return timeout.error();
  Pause pause{.target = {},
              .reason = call.option("reason"),
              .by = call.login().caller.name,
              .at = WallClock::now(),
              .expires = {}};
  if (call.has("for")) {
    const auto lasting = span_option(call, "for", "");
    if (!lasting) return lasting.error();
    if (lasting->count() == 0) return call.fail(Code::not_understood, "--for 0 pauses nothing; give it a time");
    pause.expires = pause.at + *lasting;
  }
  if (const auto job = PartitionSelector::parse(call.words_text()); job && job->kind == PartitionSelector::Kind::job) {
    pause.target = job->text();
    return stop_job(call, parts, pause, job->name, *timeout);
  }
  const Inventory inventory = console::inventory(parts.snapshots, parts.positions);
  const auto target = target_of(call, inventory);
  if (!target) return target.error();
  pause.target = target->text();
  const auto partitions = covered(*target, inventory);
  if (target->kind == PartitionSelector::Kind::table && !call.has("yes")) {
    if (const auto others = stop_with(*target, partitions, inventory); !others.empty())
      return call.fail(Code::confirmation_missing, "{} also feed {}, which stop with {}; add --yes",
                       partitions_text(partitions), fmt::join(others, ", "), target->name);
  }
  if (what == "drain" && target->kind == PartitionSelector::Kind::all && !call.has("yes"))
    return call.fail(
        Code::confirmation_missing, "drain all stops {} in every instance until somebody resumes{}; add --yes",
        counted(partitions.size(), "partition"), pause.expires ? ", or until " + time_text(*pause.expires) : "");
  const auto stored = parts.pauses.pause(pause);
  if (!stored) return call.fail(stored.error());
  if (!*stored) return paused_already(call, parts.snapshots, pause, partitions.size());
  call.remark(counted(partitions.size(), "partition"));
  call.report.sections = {pause_section(pause, partitions.size(), false)};
  if (call.has("no-wait")) {
    call.report.line =
        fmt::format("requested: {} pauses within seconds, {}", pause.target, counted(partitions.size(), "partition"));
    return Code::done;
  }
  const int code = wait_until_stopped(call, parts, pause, partitions, *timeout, what);
  if (code != Code::done) {
    call.report.sections.clear();
    return code;
  }
  call.report.line = fmt::format("done: {} paused, {}{}", pause.target, counted(partitions.size(), "partition"),
                                 pause.expires ? "; resumes automatically at " + time_text(*pause.expires) : "");
  return code;
}

int pause(Call& call, Pauses& pauses, const Snapshots& snapshots, Positions& positions, Audit& trail) {
  return stop_target(call, {pauses, snapshots, positions, trail}, "pause", "30s");
}

int drain(Call& call, Pauses& pauses, const Snapshots& snapshots, Positions& positions, Audit& trail) {
  return stop_target(call, {pauses, snapshots, positions, trail}, "drain", "60s");
}

// Other pauses that cover a part of what was resumed.
std::set<std::string> still_paused(const Inventory& inventory, const std::vector<Pause>& resumed) {
  std::set<std::string> others;
  for (const Pause& other : inventory.now.pauses) {
    if (std::ranges::count(resumed, other.target, &Pause::target) > 0) continue;
    for (const auto& one : inventory.now.partitions) {
      const auto& tables = inventory.tables_of(one.at.topic);
      const bool was = std::ranges::any_of(resumed, [&](const Pause& gone) { return covers(gone, one.at, tables); });
      if (was && covers(other, one.at, tables)) others.insert(other.target);
    }
  }
  return others;
}

int list_pauses(Call& call, std::vector<Pause> pauses) {
  std::ranges::sort(pauses, {}, [](const Pause& one) { return std::pair(one.at, one.target); });
  Section section = pauses_result();
  for (const Pause& one : pauses)
    section.rows.push_back({number_of(one), one.target, one.by, one.at, optional_time(one.expires), one.reason});
  call.report.notes = {pauses.empty() ? "nothing is paused"
                                      : "nothing was changed; 'resume TARGET' or 'resume #NUMBER' ends one of them"};
  call.report.sections = {std::move(section)};
  return Code::done;
}

// The targets that the words mean: a target, all, or #NUMBER of the list.
std::expected<std::set<std::string>, int> wanted_targets(Call& call, const std::vector<Pause>& pauses) {
  const std::string words = call.words_text();
  if (words.starts_with('#')) {
    std::set<std::string> named;
    for (const Pause& one : pauses)
      if (number_text(one) == words) named.insert(one.target);
    if (named.empty())
      return std::unexpected(
          call.fail(Code::no_such_thing, "no pause {} is in force; 'resume' lists those that are", words));
    if (named.size() > 1)
      return std::unexpected(call.fail(Code::wrong_state, "{} is more than one pause: {}; name the target", words,
                                       fmt::join(named, ", ")));
    return named;
  }
  const auto target = PartitionSelector::parse(words);
  if (!target) return std::unexpected(call.fail(Code::not_understood, "{}", target.error()));
  std::set<std::string> wanted{target->text()};
  if (target->kind == PartitionSelector::Kind::all)
    for (const Pause& one : pauses) wanted.insert(one.target);
  return wanted;
}

int resume(Call& call, Pauses& pauses, const Snapshots& snapshots) {
  const auto stored = pauses.stored();
  if (!stored) return call.fail(stored.error());
  const auto& pauses_now = *stored;
  if (call.words().empty()) return list_pauses(call, pauses_now);
  const auto wanted = wanted_targets(call, pauses_now);
  if (!wanted) return wanted.error();
  std::vector<Pause> resumed;
  for (const auto& one : *wanted) {
    auto gone = pauses.resume(one, std::nullopt);
    if (!gone) return call.fail(gone.error());
    if (*gone) resumed.push_back(std::move(**gone));
  }
  if (resumed.empty()) {
    std::set<std::string> there;
    for (const Pause& one : pauses_now) there.insert(one.target);
    call.report.line = there.empty() ? "nothing to do: nothing is paused"
                                     : fmt::format("nothing to do: {} is not paused by a pause of its own; paused: {}",
                                                   call.words_text(), fmt::join(there, ", "));
    call.remark("nothing to do");
    return Code::done;
  }
  const auto now = WallClock::now();
  Section section = resumed_result();
  std::string ended;
  for (const Pause& one : resumed) {
    section.rows.push_back({one.target, std::chrono::duration<double>(now - one.at).count(), one.by, one.reason});
    ended += fmt::format("{}{} (by {}: {})", ended.empty() ? "" : ", ", one.target, one.by, one.reason);
  }
  call.report.sections = {std::move(section)};
  for (const auto& other : still_paused(inventory(snapshots), resumed))
    call.report.notes.push_back(fmt::format("parts of it stay paused by the pause of {}", other));
  call.remark(fmt::format("{} ended: {}", counted(resumed.size(), "pause"), ended));
  return Code::done;
}

}  // namespace

std::vector<Command> pause_commands() {
  const Option timeout{.name = "timeout",
                       .value = ArgumentKind::span,
                       .shown = "30s",
                       .help = "how long to wait until the partitions have stopped; the request stays in force"};
  const Option reason{.name = "reason",
                      .value = ArgumentKind::text,
                      .shown = "TEXT",
                      .help = "for those who find it paused",
                      .required = needs_reason};
  const Option lasting{
      .name = "for", .value = ArgumentKind::span, .shown = "30m", .help = "resumes automatically afterwards"};
  const Option no_wait{
      .name = "no-wait", .help = "do not wait until the partitions have stopped", .excludes = "timeout"};
  const Option yes{.name = "yes", .help = "also when other tables stop with the one named"};
  return {
      {.words = "pause",
       .arguments = "TARGET",
       .min_words = 1,
       .max_words = 2,
       .takes = ArgumentKind::target,
       .options = {reason, lasting, timeout, no_wait, yes},
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "control",
       .summary = "Stops applying, in every instance and across restarts, and waits until the partitions "
                  "have stopped. A job ('pause job NAME') begins no run any more; 'pause all' means the jobs as well.",
       .examples = {"pause shop.orders --reason 'vacuum full' --for 30m", "pause shop.orders/0-3 --reason test",
                    "pause table public.orders --reason migration --yes", "pause job daily_sales --reason 'new index'"},
       .result = {pause_result()},
       .run = handler<pause>},
      {.words = "resume",
       .arguments = "[TARGET | #NUMBER]",
       .max_words = 2,
       .takes = ArgumentKind::target,
       .role = Role::operator_,
       .effect = Effect::changes,
       .lesser = [](const Arguments& given, Role) { return given.words.empty() ? Effect::none : Effect::changes; },
       .group = "control",
       .summary = "Ends the pause of exactly this target and says how long it lasted; 'resume all' ends "
                  "every pause. 'resume' alone ends none and lists them, each with a number that stays its own.",
       .examples = {"resume", "resume shop.orders", "resume #4711", "resume all"},
       .result = {sometimes(resumed_result()), sometimes(pauses_result())},
       .run = handler<resume>},
      {.words = "drain",
       .arguments = "[TARGET]",
       .max_words = 2,
       .takes = ArgumentKind::target,
       .options = {reason,
                   lasting,
                   {.name = "timeout",
                    .value = ArgumentKind::span,
                    .shown = "60s",
                    .help = "how long to wait; the request stays in force"},
                   no_wait,
                   {.name = "yes", .help = "also when everything stops, or other tables with the one named"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "control",
       .summary = "Applies what is in flight and then stays paused, in every instance; all of it only with --yes.",
       .examples = {"drain shop.orders --reason upgrade --timeout 2m",
                    "drain --reason 'move the server' --for 1h --yes"},
       .result = {pause_result()},
       .run = handler<drain>},
  };
}

}  // namespace sluice::console

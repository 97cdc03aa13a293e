// Control of the stream: pause, resume, drain. Pauses live in PostgreSQL; what waits here only looks on, so the end of
// a wait undoes nothing.
#include <algorithm>

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
                                Admin& admin) {
  std::set<std::string> tables;
  for (const auto& at : partitions)
    for (auto& table : admin.target_tables(at.topic))
      if (table != target.name) tables.insert(std::move(table));
  return tables;
}

// How many of the partitions still move. PostgreSQL knows about all instances.
std::size_t moving(Admin& admin, const std::vector<TopicPartition>& partitions) {
  const auto rows = admin.pointers();
  const Snapshot now = admin.snapshot();
  return static_cast<std::size_t>(std::ranges::count_if(partitions, [&](const TopicPartition& at) {
    const auto ours = std::ranges::find(now.partitions, at, &PartitionSnapshot::at);
    if (ours != now.partitions.end() && !is_stopped(ours->state)) return true;
    if (!rows) return true;
    const auto row = std::ranges::find(*rows, at, &PointerRow::at);
    return row != rows->end() && !is_stopped(row->state);
  }));
}

Section pause_section(const Pause& pause, std::size_t partitions, bool already) {
  return {.columns = {{.name = "target"},
                      {.name = "already_paused", .kind = ColumnType::yes_no},
                      {.name = "partitions", .kind = ColumnType::number},
                      {.name = "by"},
                      {.name = "reason"},
                      {.name = "at", .kind = ColumnType::time},
                      {.name = "expires", .kind = ColumnType::time}},
          .rows = {{pause.target, already, static_cast<std::int64_t>(partitions), pause.by, pause.reason, pause.at,
                    optional_time(pause.expires)}},
          .record = true};
}

int nothing_to_do(Call& call, const Pause& wanted, std::size_t partitions) {
  Pause there = wanted;
  const Snapshot now = call.admin().snapshot();
  const auto found = std::ranges::find(now.pauses, wanted.target, &Pause::target);
  if (found != now.pauses.end()) there = *found;
  call.report.sections = {pause_section(there, partitions, true)};
  call.report.line = fmt::format("nothing to do: {} is paused already by {} since {}: {}", there.target, there.by,
                                 time_text(there.at), there.reason);
  call.remark("nothing to do");
  return Code::done;
}

int wait_for_standstill(Call& call, const Pause& pause, const std::vector<TopicPartition>& partitions,
                        std::chrono::milliseconds timeout, std::string_view what) {
  std::size_t left = partitions.size();
  const auto waited = wait_until([&] { return (left = moving(call.admin(), partitions)) == 0; }, timeout, call.stop());
  if (waited == Waited::stopped) {
    call.remark("the wait was ended");
    return call.fail(Code::interrupted, "the wait was ended; the {} of {} goes on", what, pause.target);
  }
  if (waited == Waited::deadline) {
    call.remark(fmt::format("{} of {} partitions left at the deadline", left, partitions.size()));
    return call.fail(Code::deadline_passed, "{} not finished after {}: {} of {} partitions left; it goes on", what,
                     span_text(timeout), left, partitions.size());
  }
  return Code::done;
}

int stop_target(Call& call, std::string reason, std::string_view what, std::string_view timeout_otherwise) {
  const auto timeout = span_option(call, "timeout", timeout_otherwise);
  if (!timeout) return timeout.error();
  Pause pause{
      .target = {}, .reason = std::move(reason), .by = call.login().caller.name, .at = WallClock::now(), .expires = {}};
  if (call.has("for")) {
    const auto lasting = span_option(call, "for", "");
    if (!lasting) return lasting.error();
    if (lasting->count() == 0) return call.fail(Code::not_understood, "--for 0 pauses nothing; give it a time");
    pause.expires = pause.at + *lasting;
  }
  const Inventory inventory = console::inventory(call.admin());
  const auto target = target_of(call, inventory);
  if (!target) return target.error();
  pause.target = target->text();
  const auto partitions = covered(*target, inventory, call.admin());
  if (target->kind == PartitionSelector::Kind::table && !call.has("yes")) {
    if (const auto others = stop_with(*target, partitions, call.admin()); !others.empty())
      return call.fail(Code::confirmation_missing, "{} also feed {}, which stop with {}; add --yes",
                       partitions_text(partitions), fmt::join(others, ", "), target->name);
  }
  const auto stored = call.admin().pause(pause);
  if (!stored) return call.fail(stored.error());
  if (!*stored) return nothing_to_do(call, pause, partitions.size());
  call.remark(counted(partitions.size(), "partition"));
  call.report.sections = {pause_section(pause, partitions.size(), false)};
  if (call.has("no-wait")) {
    call.report.line =
        fmt::format("asked: {} pauses within seconds, {}", pause.target, counted(partitions.size(), "partition"));
    return Code::done;
  }
  const int code = wait_for_standstill(call, pause, partitions, *timeout, what);
  call.report.line =
      code != Code::done
          ? ""
          : fmt::format("done: {} paused, {} standing still{}", pause.target, counted(partitions.size(), "partition"),
                        pause.expires ? "; goes on by itself at " + time_text(*pause.expires) : "");
  if (code != Code::done) call.report.sections.clear();
  return code;
}

int pause(Call& call) {
  return stop_target(call, call.option("reason"), "pause", "30s");
}

int drain(Call& call) {
  return stop_target(call, "drained", "drain", "60s");
}

// What still stands because another pause covers it.
std::set<std::string> still_paused(Call& call, const std::vector<Pause>& resumed) {
  std::set<std::string> others;
  const Snapshot now = call.admin().snapshot();
  for (const Pause& other : now.pauses) {
    if (std::ranges::count(resumed, other.target, &Pause::target) > 0) continue;
    for (const auto& one : now.partitions) {
      const auto tables = call.admin().target_tables(one.at.topic);
      const bool was = std::ranges::any_of(resumed, [&](const Pause& gone) { return pauses(gone, one.at, tables); });
      if (was && pauses(other, one.at, tables)) others.insert(other.target);
    }
  }
  return others;
}

int resume(Call& call) {
  std::string text;
  for (const auto& word : call.words()) text += (text.empty() ? "" : " ") + word;
  const auto target = PartitionSelector::parse(text);
  if (!target) return call.fail(Code::not_understood, "{}", target.error());
  std::set<std::string> wanted{target->text()};
  const auto pauses_now = call.admin().snapshot().pauses;
  if (target->kind == PartitionSelector::Kind::all)
    for (const Pause& one : pauses_now) wanted.insert(one.target);
  std::vector<Pause> resumed;
  for (const auto& one : wanted) {
    auto gone = call.admin().resume(one);
    if (!gone) return call.fail(gone.error());
    if (*gone) resumed.push_back(std::move(**gone));
  }
  if (resumed.empty()) {
    std::set<std::string> there;
    for (const Pause& one : pauses_now) there.insert(one.target);
    if (target->kind == PartitionSelector::Kind::all) {
      call.report.line = "nothing to do: nothing is paused";
      call.remark("nothing to do");
      return Code::done;
    }
    return call.fail(Code::no_such_thing, "no pause of '{}'; paused: {}", target->text(),
                     there.empty() ? "nothing" : fmt::format("{}", fmt::join(there, ", ")));
  }
  const auto now = WallClock::now();
  Section section{.name = "resumed",
                  .columns = {{.name = "target"},
                              {.name = "paused_seconds", .kind = ColumnType::seconds, .label = "was paused for"},
                              {.name = "by"},
                              {.name = "reason"}}};
  for (const Pause& one : resumed)
    section.rows.push_back({one.target, std::chrono::duration<double>(now - one.at).count(), one.by, one.reason});
  call.report.sections = {std::move(section)};
  for (const auto& other : still_paused(call, resumed))
    call.report.notes.push_back(fmt::format("parts of it stay paused by the pause of {}", other));
  call.remark(counted(resumed.size(), "pause") + " ended");
  return Code::done;
}

}  // namespace

std::vector<Command> flow_commands() {
  const Option timeout{.name = "timeout",
                       .value = ArgumentKind::span,
                       .shown = "30s",
                       .help = "how long to wait for the standstill; what was asked stays asked"};
  const Option no_wait{.name = "no-wait", .help = "ask and return"};
  const Option yes{.name = "yes", .help = "also when other tables stop with the one named"};
  return {
      {.words = "pause",
       .arguments = "TARGET",
       .min_words = 1,
       .most = 2,
       .takes = ArgumentKind::target,
       .options = {{.name = "reason",
                    .value = ArgumentKind::text,
                    .shown = "TEXT",
                    .help = "for those who find it paused",
                    .required = needs_reason},
                   {.name = "for", .value = ArgumentKind::span, .shown = "30m", .help = "goes on by itself afterwards"},
                   timeout,
                   no_wait,
                   yes},
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "control",
       .summary = "Stops applying, in every instance and across restarts, and waits until the partitions "
                  "stand still.",
       .examples = {"pause shop.orders --reason 'vacuum full' --for 30m", "pause shop.orders/0-3 --reason test",
                    "pause table public.orders --reason migration --yes"},
       .run = pause},
      {.words = "resume",
       .arguments = "TARGET",
       .min_words = 1,
       .most = 2,
       .takes = ArgumentKind::target,
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "control",
       .summary = "Ends the pause of exactly this target and says how long it lasted; 'resume all' ends "
                  "every pause.",
       .examples = {"resume shop.orders", "resume all"},
       .run = resume},
      {.words = "drain",
       .arguments = "[TARGET]",
       .most = 2,
       .takes = ArgumentKind::target,
       .options = {{.name = "timeout",
                    .value = ArgumentKind::span,
                    .shown = "60s",
                    .help = "how long to wait; what was asked stays asked"},
                   no_wait,
                   yes},
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "control",
       .summary = "Applies what is in flight and then stays paused, with the reason 'drained'.",
       .examples = {"drain", "drain shop.orders --timeout 2m"},
       .run = drain},
  };
}

}  // namespace sluice::console

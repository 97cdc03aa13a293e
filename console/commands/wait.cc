// wait: for scripts, until the lag is small, a pointer has come far enough, or partitions are in a state.
#include <algorithm>

#include "base/parse.h"
#include "base/units.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

constexpr std::string_view forms =
    "write 'lag<100', 'pointer shop.orders/3 4711' or 'state ok', each with a TARGET if not all";

// Looks once: whether it is so, and what is so instead.
struct Look {
  bool reached = false;
  std::string instead;
};
using Condition = std::function<Look()>;

// The partitions of a target; as long as this process has none, nothing is reached.
std::vector<PartitionSnapshot> chosen(const Snapshots& snapshots, const PartitionSelector& target) {
  Inventory now = inventory(snapshots);
  const auto wanted = covered(target, now);
  auto rows = std::move(now.now.partitions);
  std::erase_if(rows, [&](const auto& one) { return !std::ranges::binary_search(wanted, one.at); });
  return rows;
}

std::expected<PartitionSelector, int> target_in(Call& call, const std::string& text, const Snapshots& snapshots) {
  const auto target = PartitionSelector::parse(text.empty() ? "all" : text);
  if (!target) return std::unexpected(call.fail(Code::not_understood, "{}", target.error()));
  if (target->kind != PartitionSelector::Kind::all && covered(*target, inventory(snapshots)).empty())
    return std::unexpected(
        call.fail(Code::no_such_thing, "no partition of '{}' in this process; see 'partitions'", text));
  return *target;
}

std::expected<Condition, int> lag_below(Call& call, std::string_view rest, const Snapshots& snapshots) {
  const auto skip = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size())); };
  skip();
  const bool below = rest.starts_with('<');
  if (below) rest.remove_prefix(1);
  const bool or_equal = below && rest.starts_with('=');
  if (or_equal) rest.remove_prefix(1);
  skip();
  const auto end = std::min(rest.find(' '), rest.size());
  const auto limit = parse_number(rest.substr(0, end));
  if (const auto given = rest.substr(0, end); below && !limit && !given.empty())
    return std::unexpected(
        call.fail(Code::not_understood, "'{}' {}; {}", given, number_trouble(given, "a lag"), forms));
  if (!below || !limit) return std::unexpected(call.fail(Code::not_understood, "{}", forms));
  rest.remove_prefix(end);
  skip();
  const auto target = target_in(call, std::string(rest), snapshots);
  if (!target) return std::unexpected(target.error());
  return [&snapshots, target = *target, limit = *limit, or_equal]() -> Look {
    Offset lag = 0;
    std::size_t unknown = 0;
    const auto rows = chosen(snapshots, target);
    for (const auto& one : rows) {
      lag += std::max<Offset>(0, lag_of(one));
      unknown += lag_of(one) < 0 ? 1 : 0;
    }
    if (rows.empty()) return {false, "there are no partitions yet"};
    if (unknown > 0) return {false, fmt::format("the ends of {} are not known", counted(unknown, "partition"))};
    return {or_equal ? lag <= limit : lag < limit, fmt::format("the lag is {}", counted(lag, "record"))};
  };
}

std::expected<Condition, int> pointer_at(Call& call, const Snapshots& snapshots) {
  const auto& words = call.words();
  const auto at = words.size() == 3 ? parse_partition(words[1]) : std::nullopt;
  if (!at) return std::unexpected(call.fail(Code::not_understood, "{}", forms));
  const auto offset = offset_of(call, words[2]);
  if (!offset) return std::unexpected(offset.error());
  const auto target = target_in(call, words[1], snapshots);
  if (!target) return std::unexpected(target.error());
  return [&snapshots, at = *at, offset = *offset]() -> Look {
    const Snapshot now = snapshots.snapshot();
    const auto one = std::ranges::find(now.partitions, at, &PartitionSnapshot::at);
    if (one == now.partitions.end())
      return {false, fmt::format("{} is not in this process any more", partition_text(at))};
    if (one->epoch == 0) return {false, fmt::format("{} is not claimed yet", partition_text(at))};
    return {one->next >= offset, fmt::format("the pointer of {} is {}", partition_text(at), one->next)};
  };
}

std::expected<Condition, int> state_is(Call& call, const Snapshots& snapshots) {
  const auto& words = call.words();
  const std::string wanted = words.size() > 1 ? lowered(words[1]) : "";
  std::vector<std::string_view> names;
  for (const auto& one : partition_states()) names.push_back(one.name);
  if (std::ranges::find(names, wanted) == names.end())
    return std::unexpected(
        call.fail(Code::not_understood, "no state '{}'; there are {}", wanted, fmt::join(names, ", ")));
  std::string rest;
  for (std::size_t at = 2; at < words.size(); ++at) (rest += rest.empty() ? "" : " ") += words[at];
  const auto target = target_in(call, rest, snapshots);
  if (!target) return std::unexpected(target.error());
  return [&snapshots, target = *target, wanted]() -> Look {
    const auto rows = chosen(snapshots, target);
    const auto other = std::ranges::find_if(rows, [&](const auto& one) { return name(one.state) != wanted; });
    if (rows.empty()) return {false, "there are no partitions yet"};
    if (other == rows.end()) return {true, {}};
    return {false, fmt::format("{} is in state {}", partition_text(other->at), other->state)};
  };
}

std::expected<Condition, int> condition_of(Call& call, const Snapshots& snapshots) {
  const std::string text = call.words_text();
  const std::string first = lowered(call.words().front());
  if (first.starts_with("lag")) return lag_below(call, std::string_view(text).substr(3), snapshots);
  if (first == "pointer") return pointer_at(call, snapshots);
  if (first == "state") return state_is(call, snapshots);
  return std::unexpected(call.fail(Code::not_understood, "{}", forms));
}

Section wait_result() {
  return {.columns = {{.name = "waited_seconds", .kind = ColumnType::seconds}}, .record = true};
}

int wait(Call& call, const Snapshots& snapshots) {
  const auto timeout = span_option(call, "timeout", "30s");
  if (!timeout) return timeout.error();
  const auto condition = condition_of(call, snapshots);
  if (!condition) return condition.error();
  const auto begin = Clock::now();
  Look last;
  const auto waited = wait_until(
      [&] {
        last = (*condition)();
        return last.reached;
      },
      *timeout, call.stop());
  if (waited == Waited::stopped) return Code::interrupted;
  if (waited == Waited::deadline)
    return call.fail(Code::deadline_passed, "not '{}' after {}: {}", call.words_text(), span_text(*timeout),
                     last.instead);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  call.report.sections = {filled(wait_result(), {seconds})};
  call.report.line = fmt::format("done: {}", call.words_text());
  return Code::done;
}

}  // namespace

std::vector<Command> wait_commands() {
  return {
      {.words = "wait",
       .arguments = "lag<N [TARGET] | pointer TOPIC/PARTITION OFFSET | state STATE [TARGET]",
       .min_words = 1,
       .max_words = 6,
       .takes = ArgumentKind::any,
       .options = {{.name = "timeout",
                    .value = ArgumentKind::span,
                    .shown = "30s",
                    .help = "how long at most; 30s unless given. Then the code is 6"}},
       .group = "look",
       .summary = "For scripts: returns once the lag is below N records, the pointer of a partition is OFFSET or "
                  "further, or all partitions are in a state.",
       .examples = {"wait 'lag<100' --timeout 5m", "wait pointer shop.orders/3 4711", "wait state ok shop.orders"},
       .result = {wait_result()},
       .run = handler<wait>},
  };
}

}  // namespace sluice::console

#include "base/failpoint.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/parse.h"

namespace sluice::failpoint {
namespace {

constexpr auto points = std::to_array<std::string_view>({
    "before_claim",
    "after_claim",
    "before_seek",
    "before_begin",
    "before_advance",
    "after_advance",
    "before_copy",
    "after_copy",
    "before_dead_letters",
    "after_dead_letters",
    "before_commit",
    "commit_sent",
    "commit_answered",
    "after_revoke",
    "bisect",
    "no_thread",
});

constexpr auto bugs = std::to_array<std::string_view>({
    "no_compare_and_set",            // advance() moves the pointer wherever it is
    "advance_after_rows_unchecked",  // the pointer moves last, and nobody looks whether it did
    "dead_letters_apart",            // dead letters in a transaction of their own, before the batch's
    "seek_to_committed",             // start where Kafka's committed offset says, and bend the pointer to it
    "blind_resend",                  // after a lost connection the batch is sent again under the new claim
    "keep_after_revoke",             // what was collected before a revoke is applied under a claim made for it
    "drop_delete_insert",            // folding: a write after a delete of the same key is lost
    "damage_believed",               // an error that Kafka's client delivers is nothing: what follows it is applied
    "stale_description",             // what a table was like when it was described is believed for ever
    "idle_pointer_believed",         // an idle partition's pointer is not compared with its row
    "letters_counted_again",         // a dead letter counts against the limit each time that it is read
    "code_decides",                  // a SQLSTATE that two causes share is always taken for the schema's
    "deferred_too_early",            // while a record is looked for, deferred constraints are checked at once
});

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

template <class Number>
bool read(std::string_view text, Number& number) {
  const auto value = parse_integer<Number>(text);
  number = value.value_or(number);
  return value.has_value();
}

// Cuts off and returns what stands before the separator.
std::string_view next_part(std::string_view& text, char separator) {
  const auto at = std::min(text.find(separator), text.size());
  const auto part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

bool read_entry(std::string_view text, Plan::Entry& entry) {
  const auto point = std::ranges::find(points, next_part(text, ':'));
  auto when = next_part(text, ':');
  entry.chance = when.starts_with('~');
  if (entry.chance) when.remove_prefix(1);
  entry.onwards = !entry.chance && when.ends_with('+');
  if (entry.onwards) when.remove_suffix(1);
  if (point == points.end() || !read(when, entry.nth) || entry.nth == 0) return false;
  entry.point = *point;
  constexpr std::string_view sleep = "sleep=";
  if (text.starts_with(sleep)) {
    std::uint32_t pause = 0;
    if (!read(text.substr(sleep.size()), pause)) return false;
    entry.action = Action::sleep;
    entry.pause = std::chrono::milliseconds(pause);
    return true;
  }
  entry.action = text == "stop" ? Action::stop : text == "fail" ? Action::fail : Action::kill;
  return text == "stop" || text == "fail" || text == "kill";
}

[[noreturn]] void refuse(std::string_view what) {
  const auto line = fmt::format("fault: cannot understand {}\n", what);
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(2);
}

Plan own_plan() {
  std::uint64_t seed = 1;
  const auto given = environment("SLUICE_FAULT_SEED");
  if (!given.empty() && !read(given, seed)) refuse("SLUICE_FAULT_SEED");
  auto plan = Plan::parse(environment("SLUICE_FAULT"), seed);
  if (!plan) refuse(plan.error().message);
  return std::move(*plan);
}

std::string_view own_bug() {
  const auto name = environment("SLUICE_BUG");
  if (!name.empty() && std::ranges::find(bugs, name) == bugs.end()) refuse("SLUICE_BUG");
  return name;
}

}  // namespace

Result<Plan> Plan::parse(std::string_view text, std::uint64_t seed) {
  Plan plan;
  while (!text.empty()) {
    const auto part = next_part(text, ',');
    Entry entry;
    if (!read_entry(part, entry)) return fail(ErrorClass::stop_service, fmt::format("\"{}\" in SLUICE_FAULT", part));
    entry.random.seed(static_cast<std::uint32_t>(seed * 31 + plan.entries_.size() + 1));
    plan.entries_.push_back(entry);
  }
  return plan;
}

std::optional<Plan::Entry> Plan::pass(std::string_view point) {
  std::optional<Entry> found;
  for (auto& entry : entries_) {
    if (entry.point != point) continue;
    ++entry.passed;
    const bool now = entry.chance    ? entry.random() % entry.nth == 0
                     : entry.onwards ? entry.passed >= entry.nth
                                     : entry.passed == entry.nth;
    if (now && !found) found = entry;
  }
  return found;
}

std::optional<Plan::Entry> due(std::string_view point) {
  static std::mutex mutex;
  static Plan plan = own_plan();
  const std::lock_guard lock(mutex);
  return plan.pass(point);
}

void act(const Plan::Entry& entry) {
  constexpr std::array<std::string_view, 4> names{"kill", "stop", "sleep", "fail"};
  const auto line = fmt::format("fault: {} acts: {}\n", entry.point, names[static_cast<std::size_t>(entry.action)]);
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  switch (entry.action) {
    case Action::kill:
      ::kill(::getpid(), SIGKILL);
      break;
    case Action::stop:
      ::raise(SIGSTOP);  // not kill(): another thread may take that, and this one goes on until it is stopped, too
      break;
    case Action::sleep:
      std::this_thread::sleep_for(entry.pause);
      break;
    case Action::fail:
      break;  // the caller's business
  }
}

bool fails(std::string_view point) {
  const auto entry = due(point);
  if (entry) act(*entry);
  return entry && entry->action == Action::fail;
}

bool bug(std::string_view name) {
  static const std::string_view selected = own_bug();
  return selected == name;
}

}  // namespace sluice::failpoint

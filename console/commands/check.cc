// check: one line and an exit code for monitoring, from a snapshot; the states of other instances' partitions as far as
// PostgreSQL answers at once.
#include <algorithm>
#include <numeric>

#include "base/interrupt.h"
#include "base/units.h"
#include "console/commands/registry.h"
#include "console/selection.h"
#include "console/totals.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;

struct Limits {
  double lag = 0, pause_age = 0;  // seconds
  std::int64_t dead = 0;
};

// Something that is true and worth a line; `code` done: a note.
struct Finding {
  int code = 0;
  std::string text;
};

// How bad a code is: what is known to be bad comes before what is not known.
int rank(int code) {
  return code == Code::critical ? 3 : code == Code::warning ? 2 : code == Code::unknown ? 1 : 0;
}

Status result_of(int code) {
  if (code == Code::done) return {"ok", Severity::good};
  if (code == Code::warning) return {"warning", Severity::waiting};
  return {code == Code::critical ? "critical" : "unknown", Severity::broken};
}

std::string age_text(WallClock::time_point since) {
  return span_text(std::chrono::duration_cast<std::chrono::milliseconds>(WallClock::now() - since));
}

class Findings {
 public:
  Findings(const Snapshot& now, const Limits& limits) : now_(now), limits_(limits) {}

  // `dead` is the number of dead letters that count; less than 0: not known.
  std::vector<Finding> all(const std::vector<PointerRow>& elsewhere, std::int64_t dead) {
    connections();
    stopped(elsewhere);
    if (!now_.healthy) add(Code::critical, "a lane makes no progress");
    if (!now_.ready) add(Code::unknown, "not ready: partitions are being assigned or claimed");
    progress();
    pauses();
    if (dead > limits_.dead) add(Code::warning, "{} open dead letters > {}", dead, limits_.dead);
    if (!now_.reload.trouble.empty()) add(Code::warning, "not reloaded: {}", now_.reload.trouble);
    if (dead < 0) add(Code::unknown, "the number of dead letters is not known yet");
    return std::move(found_);
  }

 private:
  // The worst comes first, and what is equally bad in the order in which it was found.
  template <class... Args>
  void add(int code, fmt::format_string<Args...> text, Args&&... args) {
    const auto place = std::ranges::upper_bound(found_, rank(code), std::ranges::greater(),
                                                [](const Finding& one) { return rank(one.code); });
    found_.insert(place, {code, fmt::format(text, std::forward<Args>(args)...)});
  }

  void connections() {
    if (!now_.waiting_for.empty()) {
      add(Code::critical, "starting: waiting for {}{}", now_.waiting_for,
          now_.waiting_since ? ", for " + age_text(*now_.waiting_since) : "");
      return;
    }
    if (now_.kafka_away_since)
      add(Code::critical, "Kafka has not answered for {}: look whether the brokers run and can be reached",
          age_text(*now_.kafka_away_since));
    else if (now_.outside_group_since)
      add(Code::critical,
          "Kafka's consumer group has given this process nothing for {}: look for its coordinator in the brokers' logs",
          age_text(*now_.outside_group_since));
    const auto away = std::ranges::count(now_.lanes, false, &LaneSnapshot::connected);
    if (away > 0) {
      const auto lane = std::ranges::find(now_.lanes, false, &LaneSnapshot::connected);
      add(Code::critical, "{} of {} lanes without PostgreSQL{}", away, now_.lanes.size(),
          lane->last_error.empty() ? "" : ": " + lane->last_error);
    }
    if (!now_.postgres_trouble.empty()) add(Code::critical, "PostgreSQL does not answer: {}", now_.postgres_trouble);
  }

  void stopped(const std::vector<PointerRow>& elsewhere) {
    for (const auto& one : now_.partitions)
      if (is_broken(one.state))
        add(Code::critical, "{} stopped, {}: {}", partition_text(one.at), one.state, one.reason);
    for (const auto& row : elsewhere)
      add(Code::critical, "{} stopped, {}: {} (at {})", partition_text(row.at), row.state, row.reason,
          row.owner_host.empty() ? "no instance" : row.owner_host);
  }

  // Of partitions that are neither paused nor stopped.
  void progress() {
    std::int64_t lag = 0;
    const PartitionSnapshot *worst = nullptr, *oldest = nullptr;  // by records, by time
    std::vector<const PartitionSnapshot*> stalled;
    for (const auto& one : now_.partitions) {
      if (is_stopped(one.state) || lag_of(one) <= 0) continue;
      lag += lag_of(one);
      if (worst == nullptr || lag_of(one) > lag_of(*worst)) worst = &one;
      if (one.lag_seconds && (oldest == nullptr || *one.lag_seconds > *oldest->lag_seconds)) oldest = &one;
      if (one.stalled_seconds >= stalled_seconds) stalled.push_back(&one);
    }
    if (lag == 0) return;
    const double rate = rate_of(now_);
    if (!stalled.empty()) {
      const auto longest = std::ranges::max(stalled, {}, &PartitionSnapshot::stalled_seconds);
      add(Code::critical, "{} of {} partitions apply nothing, {} since {:.0f}s with lag {}", stalled.size(),
          now_.partitions.size(), partition_text(longest->at), longest->stalled_seconds, lag_of(*longest));
    } else if (rate <= 0) {
      add(Code::critical, "lag {} records, and nothing is applied; worst {}", lag, partition_text(worst->at));
    }
    if (oldest != nullptr && *oldest->lag_seconds > limits_.lag)
      add(Code::warning, "{} lag {:.0f}s > {:.0f}s, {} records", partition_text(oldest->at), *oldest->lag_seconds,
          limits_.lag, lag_of(*oldest));
    if (const double seconds = static_cast<double>(lag) / rate; rate > 0 && seconds > limits_.lag)
      add(Code::warning, "lag {} records, {:.0f}s at the present rate > {:.0f}s; worst {}", lag, seconds, limits_.lag,
          partition_text(worst->at));
  }

  void pauses() {
    for (const Pause& pause : now_.pauses) {
      const double age = duration<double>(WallClock::now() - pause.at).count();
      add(age > limits_.pause_age ? Code::warning : Code::done, "{} paused by {} since {}{}: {}", pause.target,
          pause.by, age_text(pause.at), pause.expires ? " until " + time_text(*pause.expires) : "", pause.reason);
    }
  }

  const Snapshot& now_;
  const Limits& limits_;
  std::vector<Finding> found_;
};

// The stopped partitions that this process does not have. Without an answer at once: none; what is wrong with
// PostgreSQL is a finding of its own.
std::vector<PointerRow> stopped_elsewhere(const Snapshot& now, Positions& positions) {
  if (!now.postgres_trouble.empty() || !now.healthy) return {};
  const InterruptScope limit(Clock::now() + pointers_within);
  auto rows = positions.pointers();
  if (!rows) return {};
  std::erase_if(*rows, [&](const PointerRow& row) {
    return !is_broken(row.state) ||
           std::ranges::find(now.partitions, row.at, &PartitionSnapshot::at) != now.partitions.end();
  });
  return std::move(*rows);
}

// Dead letters that count: all open ones, or those stored lately.
std::int64_t dead_letters(const Snapshot& now, DeadLetters& letters,
                          const std::optional<WallClock::time_point>& since) {
  if (!since || now.dead_letters_open == 0) return now.dead_letters_open;
  DeadLetterFilter filter;
  filter.since = since;
  const InterruptScope limit(Clock::now() + pointers_within);
  const auto count = letters.count(filter);
  return count ? *count : -1;
}

// Records have just come in, and nothing was applied in the last seconds: waits a moment for progress. False: stopped.
bool wait_for_progress(Call& call, const Snapshots& snapshots, Snapshot& now) {
  const auto behind = [](const Snapshot& snapshot) {
    return std::ranges::any_of(snapshot.partitions,
                               [](const auto& one) { return !is_stopped(one.state) && lag_of(one) > 0; });
  };
  if (!behind(now) || rate_of(now) > 0 || !now.healthy) return true;
  const auto next = [](const Snapshot& snapshot) {
    return std::accumulate(snapshot.partitions.begin(), snapshot.partitions.end(), Offset{0},
                           [](Offset sum, const auto& one) { return sum + one.next; });
  };
  const Offset before = next(now);
  const auto moves = [&] { return next(now = snapshots.snapshot()) != before || !behind(now); };
  if (wait_until(moves, 1500ms, call.stop()) == Waited::stopped) return false;
  if (next(now) != before && rate_of(now) <= 0)
    now.applied_per_second.assign(1, static_cast<double>(next(now) - before));
  return true;
}

std::string check_line(const Status& result, const std::vector<Finding>& found, const std::string& summary) {
  std::string line = fmt::format("{}: ", result.text);
  if (result.severity == Severity::good) line += summary;
  std::string_view gap;
  for (const auto& one : found) {
    const bool note = one.code == Code::done;
    line += fmt::format("{}{}{}", note && result.severity == Severity::good && gap.empty() ? "; " : gap,
                        note ? "note: " : "", one.text);
    gap = "; ";
  }
  return line;
}

Section check_result() {
  return {.columns = {{.name = "result"},
                      {.name = "reason"},
                      {.name = "code", .kind = ColumnType::id},
                      {.name = "lag", .kind = ColumnType::number},
                      {.name = "lag_seconds", .kind = ColumnType::seconds, .nullable = true},
                      {.name = "catch_up_seconds", .kind = ColumnType::seconds, .nullable = true},
                      {.name = "dead_letters_open", .kind = ColumnType::number, .nullable = true}},
          .record = true};
}

Section findings_result() {
  return {.name = "findings", .columns = {{.name = "result"}, {.name = "reason"}}};
}

int check(Call& call, const Snapshots& snapshots, Positions& positions, DeadLetters& letters) {
  const auto lag = span_option(call, "lag", "30s");
  if (!lag) return lag.error();
  const auto pause_age = span_option(call, "pause-age", "1h");
  if (!pause_age) return pause_age.error();
  const auto dead_at_most = number_option(call, "dead", 0, 1'000'000'000'000);
  if (!dead_at_most) return dead_at_most.error();
  const auto since = time_option(call, "dead-since");
  if (!since) return since.error();
  Snapshot now = snapshots.snapshot();
  if (!wait_for_progress(call, snapshots, now)) return Code::interrupted;
  const Limits limits{duration<double>(*lag).count(), duration<double>(*pause_age).count(), *dead_at_most};
  const auto elsewhere = stopped_elsewhere(now, positions);
  const auto dead = dead_letters(now, letters, *since);
  if (call.stop().stop_requested()) return Code::interrupted;
  const auto found = Findings(now, limits).all(elsewhere, dead);
  const int code = found.empty() ? Code::done : found.front().code;
  const Totals total = totals_of(now.partitions);
  const std::string partitions =
      now.partitions.empty() ? "no partitions: a standby" : counted(now.partitions.size(), "partition");
  const std::string summary =
      fmt::format("lag {} records; {}, {} open dead letters", total.lag, partitions, now.dead_letters_open);
  const Status result = result_of(code);
  const double rate = rate_of(now);
  call.report.line = check_line(result, found, summary);
  call.report.sections = {filled(check_result(), {result, code == Code::done ? summary : found.front().text,
                                                  std::int64_t{code}, total.lag, optional_number(total.lag_seconds),
                                                  total.lag == 0 ? report::Value(0.0)
                                                  : rate > 0     ? report::Value(static_cast<double>(total.lag) / rate)
                                                                 : report::Value(),
                                                  known_or_nothing(now.dead_letters_open)}),
                          findings_result()};
  for (const auto& one : found)
    call.report.sections.back().rows.push_back(
        {one.code == Code::done ? Status{"note", Severity::good} : result_of(one.code), one.text});
  return code;
}

}  // namespace

std::vector<Command> check_commands() {
  return {
      {.words = "check",
       .options = {{.name = "lag",
                    .value = ArgumentKind::span,
                    .shown = "30s",
                    .help = "warn when what is applied next has been in the log for longer, or catching up would take "
                            "longer; 30s unless given"},
                   {.name = "dead",
                    .value = ArgumentKind::number,
                    .shown = "N",
                    .help = "warn above so many open dead letters; 0 unless given"},
                   {.name = "dead-since",
                    .value = ArgumentKind::time,
                    .shown = "TIME",
                    .help = "count only dead letters stored since then: 1h, or a time of RFC 3339"},
                   {.name = "pause-age",
                    .value = ArgumentKind::span,
                    .shown = "1h",
                    .help = "warn of a pause that is older; 1h unless given. A younger one is a note"}},
       .group = "look",
       .summary =
           "One line and an exit code for monitoring: 0 ok, 10 warning, 11 critical, 12 unknown. The worst comes "
           "first, the rest follows; 11 while any partition is stopped.",
       .examples = {"check", "check --lag 2m --dead 100", "check --dead-since 1h --pause-age 8h"},
       .result = {check_result(), findings_result()},
       .run = handler<check>},
  };
}

}  // namespace sluice::console

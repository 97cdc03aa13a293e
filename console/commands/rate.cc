// rate: how fast records are applied and arrive, over several spans, with a picture of the last minutes.
#include <algorithm>

#include "console/commands/registry.h"
#include "console/selection.h"
#include "console/sparkline.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t widest_picture = 90;

Section rate_means_result() {
  return {.name = "means",
          .columns = {{.name = "over_seconds", .kind = ColumnType::seconds, .label = "over"},
                      {.name = "applied", .kind = ColumnType::rate, .unit = "/s", .nullable = true},
                      {.name = "arrived", .kind = ColumnType::rate, .unit = "/s", .nullable = true}}};
}

Section rate_history_result() {
  return {
      .columns = {{.name = "step_seconds", .kind = ColumnType::seconds, .programs = true},
                  {.name = "applied", .line = "applied", .people = true},
                  {.name = "applied_peak", .kind = ColumnType::rate, .unit = "/s", .label = "peak", .line = "applied"},
                  {.name = "arrived", .line = "arrived", .people = true},
                  {.name = "arrived_peak", .kind = ColumnType::rate, .unit = "/s", .label = "peak", .line = "arrived"}},
      .record = true};
}

int show_rate(Call& call, const Snapshots& snapshots, const Rates& rates, std::chrono::seconds over) {
  const Inventory inventory = console::inventory(snapshots);
  const auto target = target_of(call, inventory);
  if (!target) return target.error();
  const RateReport found = rates.rates(covered(*target, inventory), over);
  Section means = rate_means_result();
  const auto add = [&](std::chrono::seconds span, const std::optional<double> RateSeries::* mean) {
    means.rows.push_back({static_cast<double>(span.count()), optional_number(found.applied.*mean),
                          optional_number(found.arrived.*mean)});
  };
  add(1s, &RateSeries::second);
  add(10s, &RateSeries::ten_seconds);
  add(60s, &RateSeries::minute);
  add(300s, &RateSeries::five_minutes);
  Section history = filled(rate_history_result(), {static_cast<double>(found.step.count())});
  for (const RateSeries* series : {&found.applied, &found.arrived}) {
    const auto peak = series->history.empty() ? 0.0 : *std::ranges::max_element(series->history);
    const auto room =
        call.terminal().pty ? static_cast<std::size_t>(std::max(10, call.terminal().columns - 32)) : widest_picture;
    history.rows[0].emplace_back(sparkline(series->history, call.terminal().utf8, std::min(room, widest_picture)));
    history.rows[0].emplace_back(peak);
  }
  call.report.sections = {std::move(means), std::move(history)};
  const auto shown = found.step * static_cast<std::int64_t>(found.applied.history.size());
  call.report.notes = {
      fmt::format("a bar is the mean of {}, together {}; - is not known yet; since this process has "
                  "the partitions",
                  span_text(found.step), span_text(shown))};
  return Code::done;
}

int rate(Call& call, const Snapshots& snapshots, const Rates& rates) {
  const auto over = span_option(call, "over", "1m");
  if (!over) return over.error();
  if (*over < 10s || *over > Rates::longest)
    return call.fail(Code::not_understood, "--over '{}' is not from 10s to {}m", call.option("over"),
                     std::chrono::duration_cast<std::chrono::minutes>(Rates::longest).count());
  return watched(
      call, [&] { return show_rate(call, snapshots, rates, std::chrono::duration_cast<std::chrono::seconds>(*over)); });
}

}  // namespace

std::vector<Command> rate_commands() {
  return {
      {.words = "rate",
       .arguments = "[TARGET]",
       .max_words = 2,
       .takes = ArgumentKind::target,
       .options = {{.name = "over",
                    .value = ArgumentKind::span,
                    .shown = "15m",
                    .help = "the span of the picture, up to 15m; 1m unless given"},
                   watch_option()},
       .group = "look",
       .summary = "Offsets per second that took effect and by which the log has grown: over 1 s, 10 s, 1 m and 5 m, "
                  "and as a picture.",
       .examples = {"rate", "rate shop.orders --over 15m", "rate --watch 2s"},
       .result = {rate_means_result(), rate_history_result()},
       .run = handler<rate>},
  };
}

}  // namespace sluice::console

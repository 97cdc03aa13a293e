// top: the dashboard, drawn again and again in the whole window until it is left.
#include <limits>

#include "console/commands/registry.h"
#include "console/dashboard.h"
#include "console/full_screen.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr auto dropped_again = 100ms;  // until a frame that the reader had no room for is tried again
constexpr std::int64_t most_frames = 1'000'000;
constexpr std::string_view redraw = "\x0c";

int watch(Call& call, Observer& observer, const Snapshots& snapshots, const Rates& rates,
          const config::Pipeline& pipeline, std::chrono::milliseconds interval) {
  Keyboard& keyboard = *call.terminal().keyboard;
  FullScreen screen(call.stream().output());
  Keyboard::Listener keys(keyboard);  // ends first: who sees the screen as it was types for the session again
  DashboardView view{.interval = span_text(interval)};
  std::shared_ptr<const Observation> seen;
  Clock::time_point again{};
  while (!call.stop().stop_requested()) {
    const auto now = Clock::now();
    if (now >= again && (!view.still || !seen)) seen = observer.observe(snapshots, rates);
    if (now >= again) again = now + interval;
    const DashboardPlace place{
        .size = keyboard.size(), .utf8 = call.terminal().utf8, .color = call.terminal().color && call.colors()};
    const bool drawn = screen.show(dashboard(pipeline.name, *seen, view, place), place.size);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(again - Clock::now());
    auto key = keys.next(std::clamp(left, 0ms, drawn ? interval : dropped_again), call.stop());
    for (; key; key = keys.next(0ms, call.stop())) {
      if (*key == redraw) screen.forget();
      press(view, *key, place.size.rows);
      if (view.leave) return Code::done;
    }
  }
  return Code::interrupted;
}

// One frame below the other, for a pipe or a terminal that moves no cursor.
int print(Call& call, Observer& observer, const Snapshots& snapshots, const Rates& rates,
          const config::Pipeline& pipeline, std::chrono::milliseconds interval, std::int64_t frames) {
  DashboardView view{.interval = span_text(interval)};
  const Terminal& terminal = call.terminal();
  const DashboardPlace place{
      .size = {terminal.columns, terminal.rows}, .utf8 = terminal.utf8, .color = terminal.color && call.colors()};
  for (std::int64_t frame = 0; frame < frames; ++frame) {
    if (frame > 0 && !call.stream().wait(interval)) return Code::interrupted;
    std::string text = frame > 0 ? "\n" : "";
    for (const auto& line : dashboard(pipeline.name, *observer.observe(snapshots, rates), view, place))
      text += line + '\n';
    call.stream().output().out(text);
  }
  return Code::done;
}

int top(Call& call, Observer& observer, const Snapshots& snapshots, const Rates& rates,
        const config::Pipeline& pipeline) {
  if (!call.stream().for_people())
    return call.fail(Code::not_understood, "top is for people; for programs there is 'status --watch 2s --json'");
  const auto interval = span_option(call, "every", "1s");
  if (!interval) return interval.error();
  if (*interval < 1s || *interval > 1h)
    return call.fail(Code::not_understood, "--every '{}' is not from 1s to 1h", call.option("every"));
  const auto frames = number_option(call, "frames", std::numeric_limits<std::int64_t>::max(), most_frames);
  if (!frames) return frames.error();
  if (*frames < 1) return call.fail(Code::not_understood, "--frames '0' is not a number from 1 to {}", most_frames);
  const bool whole_screen = call.terminal().cursor && call.terminal().keyboard != nullptr && !call.has("frames");
  return whole_screen ? watch(call, observer, snapshots, rates, pipeline, *interval)
                      : print(call, observer, snapshots, rates, pipeline, *interval, *frames);
}

}  // namespace

std::vector<Command> top_commands() {
  return {
      {.words = "top",
       .options = {{.name = "every",
                    .value = ArgumentKind::span,
                    .shown = "1s",
                    .help = "the time between two looks; 1s unless given, and at least"},
                   {.name = "frames",
                    .value = ArgumentKind::number,
                    .shown = "N",
                    .help = "end after so many, each below the one before, as in a pipe"}},
       .effect = Effect::shows_data,
       .group = "look",
       .summary = "The dashboard: state, rates, lag by partition, lanes, errors, in the whole terminal until q. "
                  "? shows its keys. In a pipe, or where the cursor cannot be moved, a frame at a time until Ctrl-C.",
       .examples = {"top", "top --every 5s", "top --frames 1"},
       .run = handler<top>},
  };
}

}  // namespace sluice::console

#include "console/dashboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/parse.h"
#include "base/printable.h"
#include "base/units.h"
#include "console/selection.h"
#include "console/sparkline.h"
#include "console/totals.h"

namespace sluice::console {
namespace {

using Lines = std::vector<std::string>;

constexpr std::string_view help_lines[] = {
    "q        back to the prompt; Ctrl-C as well",
    "?        this page, and away with it",
    "l n s r  partitions by lag, name, state, rate",
    "/        only those with a text in their name; Enter keeps it, Escape takes it away",
    "up down  through the partitions; page up, page down, home, end",
    "p        what is shown stays, until p again",
    "Ctrl-L   draws the screen anew",
};
constexpr std::string_view orders[] = {"lag", "name", "state", "rate"};
constexpr std::size_t longest_filter = 60;
constexpr int wide = 100;  // columns of a window that has room for more than what matters most

// How a window of so many rows is shared out. The partitions have what is left.
struct Shares {
  int sums = 1, lanes = 0, troubles = 0;  // lines, with their headers
};

Shares shares_of(int rows, std::size_t lanes, std::size_t troubles) {
  Shares shares;
  shares.sums = rows < 8 ? 1 : rows < 12 ? 2 : rows < 16 ? 3 : 5;
  if (rows < 20) return shares;
  const int most = std::max(2, (rows - 10) / 5);
  if (lanes > 0) shares.lanes = 2 + std::min<int>(most, static_cast<int>(std::min<std::size_t>(lanes, 1000)));
  if (troubles > 0) shares.troubles = 2 + std::min<int>(most, static_cast<int>(std::min<std::size_t>(troubles, 1000)));
  return shares;
}

std::string per_second(const std::optional<double>& rate) {
  return rate ? report::cell_text({.name = "rate", .kind = ColumnType::rate}, *rate, false) + "/s" : "-";
}

std::string within(const report::Value& seconds) {
  return std::holds_alternative<std::monostate>(seconds)
             ? "-"
             : "<= " + report::cell_text({.name = "seconds", .kind = ColumnType::seconds}, seconds, false);
}

std::string rate_line(std::string_view name, const RateSeries& series, const DashboardPlace& place) {
  const auto bars = static_cast<std::size_t>(std::clamp(place.size.columns - 42, 5, 60));
  const auto peak = series.history.empty() ? 0.0 : *std::ranges::max_element(series.history);
  return fmt::format("{:<8} {:>9}  {}  peak {}", name, per_second(series.second),
                     sparkline(series.history, place.utf8, bars), per_second(peak));
}

// The sums over everything, in the order in which they are shown; where there is little room, the first ones go.
Lines sums_of(const Observation& seen, const DashboardPlace& place) {
  const Snapshot& now = seen.now;
  const Totals total = totals_of(now.partitions);
  std::int64_t batches = 0, rows = 0;
  for (const auto& lane : now.lanes) batches += lane.batches, rows += lane.rows;
  const double rate = rate_of(now);
  std::string lag = fmt::format("lag      {}", counted(total.lag, "record"));
  const auto span = [](double seconds) {
    return report::cell_text({.name = "seconds", .kind = ColumnType::seconds}, seconds, false);
  };
  if (total.lag > 0 && total.lag_seconds) lag += fmt::format("   behind {}", span(*total.lag_seconds));
  if (total.lag > 0 && rate > 0) lag += fmt::format("   caught up in {}", span(static_cast<double>(total.lag) / rate));
  if (total.worst != nullptr) lag += "   worst " + partition_text(total.worst->at);
  return {
      fmt::format("commits  last minute: p50 {}  p99 {}   {} of {} rows each",
                  within(commit_quantile(now.recent_commits, 0.5)), within(commit_quantile(now.recent_commits, 0.99)),
                  batches == 1 ? "1 batch" : grouped(batches) + " batches", batches > 0 ? rows / batches : 0),
      fmt::format(
          "trouble  {} of {} stopped   {} paused   {}   {} in 1h", total.broken, total.partitions, total.paused,
          now.dead_letters_open < 0 ? "dead letters not known" : counted(now.dead_letters_open, "open dead letter"),
          counted(seen.errors.last_hour, "error")),
      rate_line("arrived", seen.rates.arrived, place),
      rate_line("applied", seen.rates.applied, place),
      std::move(lag),
  };
}

Lines table(Section section, const DashboardPlace& place, WallClock::time_point now) {
  Report report;
  report.sections = {std::move(section)};
  const auto text = report::as_text(
      report, {.color = place.color, .columns = place.size.columns - 1, .utf8 = place.utf8, .now = now}, {});
  Lines lines;
  for (std::string_view left = text; !left.empty();) {
    const auto end = std::min(left.find('\n'), left.size());
    lines.emplace_back(left.substr(0, end));
    left.remove_prefix(std::min(left.size(), end + 1));
  }
  return lines;
}

double rate_at(const Observation& seen, const TopicPartition& at) {
  const auto found = seen.applied.find(at);
  return found == seen.applied.end() ? -1 : found->second;
}

std::vector<const PartitionSnapshot*> ordered(const Observation& seen, const DashboardView& view) {
  std::vector<const PartitionSnapshot*> found;
  for (const auto& one : seen.now.partitions)
    if (view.filter.empty() || partition_text(one.at).find(view.filter) != std::string::npos) found.push_back(&one);
  const auto rank = [&](const PartitionSnapshot* one) -> double {
    switch (view.order) {
      case DashboardOrder::lag:
        return -static_cast<double>(lag_of(*one));
      case DashboardOrder::state:
        return -static_cast<double>(info(one->state).severity);
      case DashboardOrder::rate:
        return -rate_at(seen, one->at);
      case DashboardOrder::name:
        return 0;
    }
    return 0;
  };
  std::ranges::sort(found, [&](const auto* one, const auto* other) {
    return std::pair(rank(one), one->at) < std::pair(rank(other), other->at);
  });
  return found;
}

// As many as fit, from `first` on; the last line says how many there are beyond.
Lines partition_lines(const Observation& seen, DashboardView& view, const DashboardPlace& place, int room) {
  const auto chosen = ordered(seen, view);
  auto fit = static_cast<std::size_t>(std::max(1, room - 1));
  if (chosen.size() > fit && fit > 1) --fit;
  view.first = std::min(view.first, chosen.size() > fit ? chosen.size() - fit : 0);
  Section section{.columns = {{.name = "partition"},
                              {.name = "state"},
                              {.name = "lag", .kind = ColumnType::number},
                              {.name = "rate", .kind = ColumnType::rate, .unit = "/s"},
                              {.name = "lane", .kind = ColumnType::id},
                              {.name = "pointer", .kind = ColumnType::id},
                              {.name = "reason"}}};
  const bool is_wide = place.size.columns >= wide;
  const Column behind{.name = "lag_seconds", .kind = ColumnType::seconds, .label = "behind"};
  if (is_wide) section.columns.insert(section.columns.begin() + 3, behind);
  for (std::size_t at = view.first; at < std::min(chosen.size(), view.first + fit); ++at) {
    const auto& one = *chosen[at];
    const double rate = rate_at(seen, one.at);
    auto& row = section.rows.emplace_back(std::vector<report::Value>{
        partition_text(one.at), status_of(one.state), known_or_nothing(lag_of(one)),
        rate < 0 ? report::Value() : report::Value(rate), std::int64_t{one.lane}, one.next, optional_text(one.reason)});
    if (is_wide) row.insert(row.begin() + 3, optional_number(one.lag_seconds));
  }
  if (section.rows.empty())
    return {view.filter.empty() ? "no partitions yet" : fmt::format("no partition with '{}' in its name", view.filter)};
  auto lines = table(std::move(section), place, seen.at);
  if (chosen.size() > fit && std::cmp_less(lines.size(), room))
    lines.push_back(cut(fmt::format("{} to {} of {}; up and down show the others", view.first + 1,
                                    std::min(chosen.size(), view.first + fit), chosen.size()),
                        place.size.columns - 1));
  return lines;
}

Lines lane_lines(const Observation& seen, const DashboardPlace& place, std::size_t most) {
  Section section{.columns = {{.name = "lane", .kind = ColumnType::id},
                              {.name = "connected", .kind = ColumnType::yes_no},
                              {.name = "partitions", .kind = ColumnType::number},
                              {.name = "records", .kind = ColumnType::number},
                              {.name = "retries", .kind = ColumnType::number},
                              {.name = "waiting", .kind = ColumnType::seconds, .label = "waits"},
                              {.name = "for"}}};
  for (const auto& lane : seen.now.lanes) {
    if (section.rows.size() == most) break;
    section.rows.push_back(
        {std::int64_t{lane.lane}, lane.connected,
         static_cast<std::int64_t>(std::ranges::count(seen.now.partitions, lane.lane, &PartitionSnapshot::lane)),
         lane.records, lane.retries, lane.waiting_seconds,
         optional_text(!lane.waits_for.empty() || lane.connected ? lane.waits_for : lane.last_error)});
  }
  return table(std::move(section), place, seen.at);
}

Lines trouble_lines(const Observation& seen, const DashboardPlace& place, std::size_t most) {
  Section section{.columns = {{.name = "at", .kind = ColumnType::time},
                              {.name = "level"},
                              {.name = "who"},
                              {.name = "text", .label = "warnings and errors"}}};
  for (const auto& one : seen.troubles) {
    if (section.rows.size() == most) break;
    section.rows.push_back({one.at,
                            Status{std::string(log::name(one.level)),
                                   one.level == log::Level::error ? Severity::broken : Severity::waiting},
                            one.who, one.text});
  }
  return table(std::move(section), place, seen.at);
}

std::string title(std::string_view pipeline, const Observation& seen, const DashboardView& view, int columns) {
  const auto up = std::chrono::duration_cast<std::chrono::milliseconds>(seen.at - seen.now.started);
  std::string left =
      escape(fmt::format("{}  {}  up {}  {}", pipeline, state_of(seen.now).text, span_text(up), time_text(seen.at)));
  std::string right = fmt::format("every {}  by {}", view.interval, orders[static_cast<std::size_t>(view.order)]);
  if (view.still) right = "still  " + right;
  if (view.typing || !view.filter.empty()) right += escape(fmt::format("  /{}{}", view.filter, view.typing ? "_" : ""));
  right += "  ? help  q quit";
  const int gap = columns - 1 - width(left) - width(right);
  // Where it is narrow, what is typed matters more than the time.
  if (gap < 2 && (view.typing || view.still)) return right;
  return gap < 2 ? left + "  " + right : left + std::string(static_cast<std::size_t>(gap), ' ') + right;
}

}  // namespace

std::vector<std::string> dashboard(std::string_view pipeline, const Observation& seen, DashboardView& view,
                                   const DashboardPlace& place) {
  const int rows = place.size.rows;
  Lines lines{title(pipeline, seen, view, place.size.columns)};
  std::size_t fitted = 0;  // lines of tables, which fit already and may hold colours
  const auto add = [&](Lines more) { std::ranges::move(more, std::back_inserter(lines)); };
  const auto fit = [&] {
    for (; fitted < lines.size(); ++fitted) {
      auto shown = cut(escape(lines[fitted]), place.size.columns - 1);
      lines[fitted] = place.utf8 ? std::move(shown) : cut(ascii(shown), place.size.columns - 1);
    }
  };
  if (view.help) {
    for (const auto text : help_lines) lines.emplace_back(text);
    fit();
    lines.resize(std::min(lines.size(), static_cast<std::size_t>(rows)));
    return lines;
  }
  const Shares shares = shares_of(rows, seen.now.lanes.size(), seen.troubles.size());
  auto sums = sums_of(seen, place);
  sums.erase(sums.begin(), sums.end() - shares.sums);
  std::ranges::reverse(sums);
  add(std::move(sums));
  if (rows >= 16) lines.emplace_back();
  fit();
  add(partition_lines(seen, view, place, rows - static_cast<int>(lines.size()) - shares.lanes - shares.troubles));
  if (lines.size() == fitted + 1) fit();  // a sentence instead of a table
  if (shares.lanes > 0) {
    lines.emplace_back();
    add(lane_lines(seen, place, static_cast<std::size_t>(shares.lanes - 2)));
  }
  if (shares.troubles > 0) {
    lines.emplace_back();
    add(trouble_lines(seen, place, static_cast<std::size_t>(shares.troubles - 2)));
  }
  lines.resize(std::min(lines.size(), static_cast<std::size_t>(rows)));
  return lines;
}

namespace {

bool type_filter(DashboardView& view, const std::string& key) {
  if (key == "enter" || key == "escape") {
    if (key == "escape") view.filter.clear();
    view.typing = false;
  } else if (key == "erase") {
    // A character, not a byte.
    while (!view.filter.empty() && (static_cast<unsigned char>(view.filter.back()) & 0xc0) == 0x80)
      view.filter.pop_back();
    if (!view.filter.empty()) view.filter.pop_back();
  } else if (key.size() <= 4 && escape(key) == key && view.filter.size() + key.size() <= longest_filter &&
             key != "up" && key != "down" && key != "home" && key != "end") {
    view.filter += key;
  } else {
    return false;
  }
  view.first = 0;
  return true;
}

}  // namespace

bool press(DashboardView& view, const std::string& key, int rows) {
  if (view.typing) return type_filter(view, key);
  const auto page = static_cast<std::size_t>(std::max(1, rows / 2));
  const auto letter = [&](std::string_view one) { return key == one || (key.size() == 1 && lowered(key) == one); };
  if (letter("q")) return view.leave = true;
  if (key == "?" || letter("h")) return view.help = !view.help, true;
  if (key == "escape" && (view.help || !view.filter.empty())) return view.help = false, view.filter.clear(), true;
  if (letter("p")) return view.still = !view.still, true;
  if (key == "/") return view.help = false, view.typing = true;
  if (key == "up") return view.first -= std::min<std::size_t>(1, view.first), true;
  if (key == "down") return ++view.first, true;
  if (key == "page up") return view.first -= std::min(page, view.first), true;
  if (key == "page down") return view.first += page, true;
  if (key == "home") return view.first = 0, true;
  if (key == "end") return view.first = 1'000'000'000, true;
  for (std::size_t at = 0; at < std::size(orders); ++at) {
    if (!letter(orders[at].substr(0, 1))) continue;
    view.order = static_cast<DashboardOrder>(at);
    view.first = 0;
    return true;
  }
  return false;
}

}  // namespace sluice::console

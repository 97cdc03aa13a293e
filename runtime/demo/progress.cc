#include "runtime/demo/progress.h"

#include <fmt/format.h>

#include <charconv>

namespace sluice::runtime::demo {
namespace {

constexpr std::string_view undefined_table = "42P01";
constexpr std::string_view undefined_schema = "3F000";

std::int64_t number(const std::optional<std::string>& text) {
  std::int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::string grouped(std::int64_t value) {
  std::string text = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

std::string seconds(std::chrono::milliseconds time) {
  return std::to_string(time.count() / 1000) + " s";
}

std::string rate(double per_second) {
  return grouped(static_cast<std::int64_t>(per_second + 0.5)) + "/s";
}

}  // namespace

std::int64_t Progress::sum(std::int64_t Counts::* count) const {
  std::int64_t total = 0;
  for (const auto& pointer : pointers) total += pointer.counts.*count;
  return total;
}

std::int64_t Progress::done() const {
  std::int64_t total = 0;
  for (const auto& pointer : pointers) total += pointer.next - pointer.start;
  return total;
}

Result<std::vector<PointerRow>> read_pointers(sink::SqlClient& query, const std::map<TopicPartition, Offset>& ends) {
  const auto rows = query.run(
      "select topic, partition, start_offset, next_offset, applied, folded, skipped, dead, gaps, state"
      " from sluice.pointer order by topic, partition");
  std::vector<PointerRow> pointers;
  if (!rows) {
    if (rows.error().sqlstate == undefined_table || rows.error().sqlstate == undefined_schema) return pointers;
    return std::unexpected(rows.error());
  }
  for (const auto& row : *rows) {
    PointerRow& pointer = pointers.emplace_back();
    pointer.at = {row[0].value_or(""), static_cast<std::int32_t>(number(row[1]))};
    pointer.start = number(row[2]);
    pointer.next = number(row[3]);
    pointer.counts.applied = number(row[4]);
    pointer.counts.folded = number(row[5]);
    pointer.counts.skipped = number(row[6]);
    pointer.counts.dead = number(row[7]);
    pointer.counts.gaps = number(row[8]);
    pointer.state = row[9].value_or("");
    const auto end = ends.find(pointer.at);
    // The log may have been read further than the acknowledgement has come back.
    pointer.end = std::max(pointer.next, end == ends.end() ? 0 : end->second);
  }
  return pointers;
}

std::string render_screen(const Progress& progress) {
  constexpr const char* bold = "\x1b[1m";
  constexpr const char* dim = "\x1b[2m";
  constexpr const char* plain = "\x1b[0m";
  std::string out;
  const auto line = [&out]<class... Args>(fmt::format_string<Args...> text, Args&&... args) {
    out += fmt::format(text, std::forward<Args>(args)...) + "\x1b[K\n";
  };
  line("{}Sluice demo{}   {}{}   {}   {}Ctrl-C ends it{}", bold, plain, seconds(progress.elapsed),
       progress.run_for.count() > 0 ? " of " + seconds(progress.run_for) : "", progress.phase, dim, plain);
  // Two lines that a shell takes as one: a terminal of 80 columns cuts nothing off.
  const auto half = progress.login.find(" -o UserKnownHostsFile");
  if (half != std::string::npos) {
    line("");
    line("  {}log in, for example from another terminal:{}", dim, plain);
    line("  {} \\", progress.login.substr(0, half));
    line("     {}", progress.login.substr(half));
  }
  line("");
  line("  produced {:>12}   {:>10}", grouped(progress.produced), rate(progress.produced_per_second));
  line("  in effect{:>12}   {:>10}   lag {}", grouped(progress.done()), rate(progress.done_per_second),
       grouped(progress.lag()));
  line("    applied{:>12}", grouped(progress.sum(&Counts::applied)));
  line("    folded {:>12}   {}superseded within their batch{}", grouped(progress.sum(&Counts::folded)), dim, plain);
  line("    skipped{:>12}   {}without effect{}", grouped(progress.sum(&Counts::skipped)), dim, plain);
  line("    dead   {:>12}   {}dead letters; poison produced: {}{}", grouped(progress.sum(&Counts::dead)), dim,
       grouped(progress.poison), plain);
  line("");
  line("  {}{:<20} {:>12} {:>8}   state{}", dim, "partition", "next offset", "lag", plain);
  for (const auto& pointer : progress.pointers) {
    line("  {:<20} {:>12} {:>8}   {}", fmt::format("{}/{}", pointer.at.topic, pointer.at.partition),
         grouped(pointer.next), grouped(pointer.lag()), pointer.state);
  }
  if (progress.pointers.empty()) line("  {}the group is forming, which takes three seconds{}", dim, plain);
  line("");
  line("  {}{:<20} {:>12}{}", dim, "table", "rows", plain);
  for (const auto& [name, rows] : progress.tables) line("  {:<20} {:>12}", name, grouped(rows));
  line("");
  for (const auto& hint : progress.hints) line("  {}{}{}", dim, hint, plain);
  return out;
}

std::string render_line(const Progress& progress) {
  return fmt::format("{:>4}  {}  produced {} ({})  in effect {} ({})  applied {}  folded {}  dead {}  lag {}",
                     seconds(progress.elapsed), progress.phase, progress.produced, rate(progress.produced_per_second),
                     progress.done(), rate(progress.done_per_second), progress.sum(&Counts::applied),
                     progress.sum(&Counts::folded), progress.sum(&Counts::dead), progress.lag());
}

}  // namespace sluice::runtime::demo

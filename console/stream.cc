#include "console/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "admin/report/declared.h"
#include "base/log.h"
#include "console/command.h"
#include "console/keyboard.h"
#include "console/pager.h"

namespace sluice::console {
namespace {

constexpr std::string_view clear = "\x1b[H\x1b[2J";
constexpr std::string_view home = "\x1b[H", erase_line = "\x1b[K", erase_below = "\x1b[J";

// The text over what is there: each line erases what it does not cover. A screen holds `rows` lines; one stays free for
// the cursor.
std::string over_the_screen(std::string_view text, int rows) {
  std::string screen(home);
  for (int row = 1; row < rows && !text.empty(); ++row) {
    const auto end = std::min(text.find('\n'), text.size() - 1);
    screen += text.substr(0, end);
    (screen += erase_line) += '\n';
    text.remove_prefix(end + 1);
  }
  return screen += erase_below;
}

// As it is now: it may have changed since the command began.
WindowSize window_of(const Terminal& terminal) {
  WindowSize size{terminal.columns, terminal.rows};
  if (terminal.keyboard == nullptr) return size;
  const WindowSize now = terminal.keyboard->size();
  if (terminal.settings == nullptr || !terminal.settings->columns) size.columns = now.columns;
  size.rows = now.rows;
  return size;
}

bool has_content(const report::Report& report) {
  return !(report.sections.empty() && report.notes.empty() && report.line.empty() && report.text.empty());
}

}  // namespace

std::string Stream::shown(const report::Report& report) const {
  if (form_.json) return report::as_json(report, command_.words, WallClock::now());
  if (form_.csv) return report::as_csv(report);
  const report::Rendering rendering{.color = terminal_.color && form_.color,
                                    .columns = terminal_.pty ? window_of(terminal_).columns : 0,
                                    .utf8 = terminal_.utf8,
                                    .now = terminal_.pty ? std::optional(WallClock::now()) : std::nullopt};
  return report::as_text(report, rendering, form_.filters);
}

void Stream::compare(const report::Report& report, bool whole) {
  const auto wrong = complained_ ? std::string() : report::undeclared(report, command_.result, whole);
  if (wrong.empty()) return;
  complained_ = true;
  log::error("console", "the result of '{}' is not as declared: {}; report this as a mistake of Sluice", command_.words,
             wrong);
}

void Stream::write(const report::Report& report) {
  if (!has_content(report)) return;
  compare(report, form_.json);
  if (report.pages && terminal_.pager != nullptr && !form_.json && !form_.csv)
    begin_pages(report);
  else
    output_.out(shown(report));
  written_ = true;
}

void Stream::write_line(const report::Report& report) {
  compare(report, true);
  output_.out(report::as_json_line(report));
  written_ = true;
}

void Stream::begin_pages(const report::Report& report) {
  report::Report list = report, total;
  std::swap(list.notes, total.notes);
  Pager& pager = *terminal_.pager;
  // Filters are about the list; they leave nothing of its notes, but would count them.
  pager = {.header = {}, .total = form_.filters.empty() ? shown(total) : "", .lines = {}};
  const auto text = shown(list);
  for (std::string_view left = text; !left.empty();) {
    const auto length = left.find('\n') + 1;
    pager.lines.emplace_back(left.substr(0, length));
    left.remove_prefix(length);
  }
  if (pager.lines.size() > 1) {
    pager.header = std::move(pager.lines.front());
    pager.lines.erase(pager.lines.begin());
  }
  output_.out(next_page());
}

// As many lines as leave room for the header, what stands below, and the prompt.
std::string Stream::next_page() {
  Pager& pager = *terminal_.pager;
  const auto others = 1 + std::ranges::count(pager.total, '\n') + (pager.header.empty() ? 0 : 1);
  const auto room = static_cast<std::size_t>(std::max<std::ptrdiff_t>(1, window_of(terminal_).rows - others - 1));
  const auto left = pager.lines.size() - pager.shown;
  const auto some = left <= room + 1 ? left : room;  // the last page needs no line that says how to go on
  std::string page = pager.header;
  for (std::size_t line = 0; line < some; ++line) page += pager.lines[pager.shown++];
  page += pager.total;
  if (pager.has_more()) page += fmt::format("{} more lines: 'more' shows the next\n", pager.lines.size() - pager.shown);
  return page;
}

bool Stream::more() {
  if (terminal_.pager == nullptr || !terminal_.pager->has_more()) return false;
  output_.out(next_page());
  written_ = true;
  return true;
}

void Stream::redraw(const report::Report& report) {
  const bool text = !form_.json && !form_.csv;
  if (text && terminal_.cursor) {
    compare(report, false);
    if (!written_) output_.out(clear);
    output_.out(over_the_screen(shown(report), window_of(terminal_).rows));
    written_ = true;
    return;
  }
  if (text && written_) output_.out("\n");
  write(report);
}

void Stream::clear_screen() {
  if (terminal_.cursor) output_.out(clear);
}

bool Stream::wait(std::chrono::milliseconds time) const {
  return sleep_for(time, stop_);
}

bool sleep_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace sluice::console

// The editor's line: its history, what completes it, where its words are, and how its row is drawn.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/printable.h"
#include "console/ssh/line_editor.h"

namespace sluice::console {
namespace {

bool is_word(const std::string& cell) {
  const auto c = static_cast<unsigned char>(cell.front());
  return c >= 0x80 || std::isalnum(c) != 0 || c == '_';
}

}  // namespace

void Editor::recall(std::ptrdiff_t by) {
  if (dumb_) return;
  const auto to = static_cast<std::ptrdiff_t>(recalled_) + by;
  if (to < 0 || to > static_cast<std::ptrdiff_t>(history_.size())) return bell();
  if (recalled_ == history_.size()) draft_ = text(0, cells_.size());
  recalled_ = static_cast<std::size_t>(to);
  set(recalled_ == history_.size() ? std::string(draft_) : history_[recalled_]);
}

void Editor::set(std::string_view line) {
  cells_.clear();
  cursor_ = first_ = bytes_ = 0;
  // Through the decoder, so that characters and what combines with them become cells again.
  Step unused;
  for (const char c : line) plain(static_cast<unsigned char>(c), unused);
  dirty_ = true;
}

// Ctrl-R: backwards through the history, for a line with what is typed from now on.
void Editor::search_back() {
  if (dumb_ || history_.empty()) return bell();
  draft_ = text(0, cells_.size());
  searching_ = true;
  wanted_.clear();
  recalled_ = history_.size();
  dirty_ = true;
}

// Shows the newest line with this text among the first `below` ones. If there is none, all stays as it was.
void Editor::search(const std::string& wanted, std::size_t below) {
  for (auto at = std::min(below, history_.size()); at > 0; --at) {
    if (history_[at - 1].find(wanted) == std::string::npos) continue;
    wanted_ = wanted;
    recalled_ = at - 1;
    return show_found(history_[recalled_]);
  }
  bell();
}

// A key while searching. Returns false if the search has ended with it, and it still is to be done: on what was found.
bool Editor::searched(unsigned char c) {
  constexpr unsigned char control_g = 0x07, control_h = 0x08, control_r = 0x12, erase_key = 0x7f;
  if (c == control_r) {
    search(wanted_, recalled_);
  } else if (c == control_h || c == erase_key) {
    // A character, not a byte; what is found stays until something else is typed.
    while (!wanted_.empty() && (static_cast<unsigned char>(wanted_.back()) & 0xc0) == 0x80) wanted_.pop_back();
    if (!wanted_.empty()) wanted_.pop_back();
    dirty_ = true;
  } else if (c == control_g) {
    end_search();
    recalled_ = history_.size();
    set(std::string(draft_));
  } else {
    end_search();
    return false;
  }
  return true;
}

void Editor::show_found(std::string_view line) {
  searching_ = false;
  set(line);
  searching_ = true;
}

void Editor::end_search() {
  searching_ = false;
  dirty_ = true;
}

// ?: shows what may follow, and changes nothing. Returns false where it is a part of the text.
bool Editor::question(Step& step) {
  const auto lines = hints_ ? hints_(text(0, cursor_)) : std::nullopt;
  if (!lines) return false;
  // The line stays above what is shown of it, also where it came in one packet with the key.
  if (dirty_ && !dumb_) step.output += redraw();
  step.output += std::exchange(echo_, {}) + "\r\n";
  for (const auto& line : *lines) (step.output += cut(escape(line), columns_ - 1)) += "\r\n";
  if (dumb_) step.output += prompt_ + text(0, cells_.size());
  dirty_ = true;
  return true;
}

void Editor::tab(Step& step) {
  const auto before = text(0, cursor_);
  const auto blank = before.find_last_of(' ');
  const auto word = blank == before.npos ? std::string_view(before) : std::string_view(before).substr(blank + 1);
  auto words = complete_ ? complete_(before) : std::vector<std::string>{};
  std::erase_if(words, [&](const auto& known) { return !known.starts_with(word) || escape(known) != known; });
  if (words.empty()) return bell();
  std::string_view common = words.front();
  for (const auto& known : words) {
    const auto [differs, unused] = std::mismatch(common.begin(), common.end(), known.begin(), known.end());
    common = common.substr(0, static_cast<std::size_t>(differs - common.begin()));
  }
  // A common part never ends inside a character.
  while (!common.empty() && escape(common) != common) common.remove_suffix(1);
  const auto size_before = bytes_;
  Step unused;
  for (const char c : common.substr(std::min(word.size(), common.size()))) plain(static_cast<unsigned char>(c), unused);
  if (words.size() == 1) insert(" ");
  if (bytes_ != size_before || words.size() == 1) {
    after_tab_ = words.size() > 1;  // the next one lists them
  } else if (std::exchange(after_tab_, true)) {
    list(words, step);
  } else {
    bell();
  }
}

void Editor::list(const std::vector<std::string>& words, Step& step) {
  int widest = 0;
  for (const auto& word : words) widest = std::max(widest, width(word));
  const int across = std::max(1, columns_ / (widest + 2));
  std::string shown = (dirty_ && !dumb_ ? redraw() : "") + std::exchange(echo_, {}) + "\r\n";
  int column = 0;
  for (const auto& word : words) {
    shown += word;
    if (++column == across || &word == &words.back()) {
      shown += "\r\n";
      column = 0;
    } else {
      shown.append(static_cast<std::size_t>(widest + 2 - width(word)), ' ');
    }
  }
  step.output += shown;
  if (dumb_) step.output += prompt_ + text(0, cells_.size());
  dirty_ = true;
}

std::size_t Editor::word_left(bool blanks_only) const {
  const auto inside = [&](const std::string& cell) { return blanks_only ? cell != " " : is_word(cell); };
  auto at = cursor_;
  while (at > 0 && !inside(cells_[at - 1])) --at;
  while (at > 0 && inside(cells_[at - 1])) --at;
  return at;
}

std::size_t Editor::word_right() const {
  auto at = cursor_;
  while (at < cells_.size() && !is_word(cells_[at])) ++at;
  while (at < cells_.size() && is_word(cells_[at])) ++at;
  return at;
}

std::string Editor::text(std::size_t from, std::size_t to) const {
  std::string joined;
  for (auto i = from; i < to; ++i) joined += cells_[i];
  return joined;
}

// The whole row: prompt, as much of the line as fits around the cursor, the cursor.
std::string Editor::redraw() {
  dirty_ = false;
  const std::string prompt = searching_ ? cut(fmt::format("(search '{}') ", wanted_), columns_ / 2) : prompt_;
  const int room = std::max(4, columns_ - width(prompt) - 1);
  // The leftmost cell from which everything up to `to` fits.
  const auto leftmost = [&](std::size_t to) {
    for (int columns = 0; to > 0; --to) {
      columns += width(cells_[to - 1]);
      if (columns > room) break;
    }
    return to;
  };
  first_ = std::max(std::min(first_, cursor_), leftmost(cursor_));
  // After a deletion, or in a wider window, what stands to the left comes back.
  first_ = std::min(first_, leftmost(cells_.size()));
  auto last = first_;
  for (int columns = 0; last < cells_.size(); ++last) {
    columns += width(cells_[last]);
    if (columns > room) break;
  }
  std::string row = fmt::format("\r{}{}\x1b[K", prompt, text(first_, last));
  if (const int back = width(text(cursor_, last)); back > 0) row += fmt::format("\x1b[{}D", back);
  return row;
}

}  // namespace sluice::console

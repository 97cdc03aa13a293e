#include "console/editor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "console/text.h"

namespace sluice::console {
namespace {

constexpr std::size_t longest_sequence = 16;
constexpr std::string_view paste_on = "\x1b[?2004h", paste_off = "\x1b[?2004l";
constexpr unsigned char ctrl(char letter) {
  return static_cast<unsigned char>(letter & 0x1f);
}

bool is_word(const std::string& cell) {
  const auto c = static_cast<unsigned char>(cell.front());
  return c >= 0x80 || std::isalnum(c) != 0 || c == '_';
}

// What stays on the row of a dumb terminal is taken back with blanks.
std::string rub_out(int columns) {
  std::string erased;
  for (int i = 0; i < columns; ++i) erased += "\b \b";
  return erased;
}

}  // namespace

Editor::Editor(std::string prompt, bool dumb, int columns, Complete complete)
    : prompt_(std::move(prompt)), dumb_(dumb), columns_(columns), complete_(std::move(complete)) {}

std::string Editor::start() {
  cells_.clear();
  cursor_ = first_ = bytes_ = 0;
  recalled_ = history_.size();
  draft_.clear();
  pasting_ = after_tab_ = dirty_ = bell_ = false;
  echo_.clear();
  return dumb_ ? prompt_ : std::string(paste_on) + redraw();
}

std::string Editor::resize(int columns) {
  columns_ = columns;
  return dumb_ ? std::string() : redraw();
}

Editor::Step Editor::feed(std::string_view bytes) {
  Step step;
  for (const char c : bytes) {
    ++step.taken;
    byte(static_cast<unsigned char>(c), step);
    if (step.event != Event::none) return step;
  }
  if (dumb_) {
    step.output += std::exchange(echo_, {});
  } else if (std::exchange(dirty_, false)) {
    step.output += redraw();
  }
  if (std::exchange(bell_, false)) step.output += '\a';
  return step;
}

void Editor::byte(unsigned char c, Step& step) {
  switch (state_) {
    case State::plain:
      plain(c, step);
      return;
    case State::escape:
      state_ = c == '[' ? State::csi : c == 'O' ? State::ss3 : c == 0x1b ? State::escape : State::plain;
      parameters_.clear();
      if (state_ == State::plain) {
        if (c < 0x20) {
          plain(c, step);
        } else {
          alt(c);
        }
      }
      return;
    case State::csi:
    case State::ss3:
    case State::csi_too_long:
      if (c < 0x20 || c == 0x7f) {  // never part of a sequence: it was cut off
        state_ = State::plain;
        plain(c, step);
      } else if (c >= 0x40) {
        const bool known = state_ != State::csi_too_long;
        state_ = State::plain;
        if (known) sequence(static_cast<char>(c));
      } else {
        parameters_ += static_cast<char>(c);
        if (parameters_.size() > longest_sequence) {
          state_ = State::csi_too_long;
          parameters_.clear();
        }
      }
      return;
  }
}

void Editor::plain(unsigned char c, Step& step) {
  const bool second_of_pair = std::exchange(after_return_, false) && c == '\n';
  if (second_of_pair) return;
  if (c != '\t') after_tab_ = false;
  if (c < 0x80) flush_broken();
  if (c >= 0x20 && c < 0x7f) {
    character(std::string(1, static_cast<char>(c)));
  } else if (c < 0x80) {
    control(c, step);
  } else if (c >= 0xc0) {
    flush_broken();
    missing_ = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    partial_ = static_cast<char>(c);
  } else if (missing_ == 0) {
    character("\uFFFD");
  } else {
    partial_ += static_cast<char>(c);
    if (--missing_ == 0) character(std::exchange(partial_, {}));
  }
}

void Editor::flush_broken() {
  if (missing_ == 0) return;
  missing_ = 0;
  partial_.clear();
  character("\uFFFD");
}

// One character that is complete: into the line if it may be shown as it is.
void Editor::character(std::string text) {
  if (escape(text) != text) {
    bell();
  } else {
    insert(text);
  }
}

void Editor::insert(std::string_view text) {
  if (bytes_ + text.size() > most_bytes) {
    bell();
    return;
  }
  bytes_ += text.size();
  dirty_ = true;
  if (width(text) == 0 && cursor_ > 0) {
    cells_[cursor_ - 1] += text;
  } else {
    cells_.insert(cells_.begin() + static_cast<std::ptrdiff_t>(cursor_), std::string(text));
    ++cursor_;
  }
  if (dumb_) echo_ += text;  // the cursor is always at the end there
}

void Editor::erase(std::size_t from, std::size_t to, bool keep) {
  if (from >= to) return;
  const auto gone = text(from, to);
  if (keep) kept_ = gone;
  if (dumb_) echo_ += rub_out(width(gone));
  bytes_ -= gone.size();
  cells_.erase(cells_.begin() + static_cast<std::ptrdiff_t>(from),
               cells_.begin() + static_cast<std::ptrdiff_t>(to));
  cursor_ = from;
  dirty_ = true;
}

void Editor::go(std::size_t to) {
  if (dumb_) return;
  cursor_ = std::min(to, cells_.size());
  dirty_ = true;
}

void Editor::control(unsigned char c, Step& step) {
  if (pasting_) {
    if (c == 0x1b) state_ = State::escape;
    if (c == '\r' || c == '\n' || c == '\t') insert(" ");
    after_return_ = c == '\r';
    return;
  }
  switch (c) {
    case 0x1b:
      state_ = State::escape;
      return;
    case '\r':
    case '\n':
      after_return_ = c == '\r';
      enter(step);
      return;
    case '\t':
      tab(step);
      return;
    case 0x7f:
    case ctrl('H'):
      erase(cursor_ - std::min<std::size_t>(cursor_, 1), cursor_, false);
      return;
    case ctrl('A'):
      go(0);
      return;
    case ctrl('E'):
      go(cells_.size());
      return;
    case ctrl('B'):
      go(cursor_ - std::min<std::size_t>(cursor_, 1));
      return;
    case ctrl('F'):
      go(cursor_ + 1);
      return;
    case ctrl('N'):
      recall(1);
      return;
    case ctrl('P'):
      recall(-1);
      return;
    case ctrl('K'):
      erase(cursor_, cells_.size(), true);
      return;
    case ctrl('U'):
      erase(0, cursor_, true);
      return;
    case ctrl('W'):
      erase(word_left(true), cursor_, true);
      return;
    case ctrl('Y'):
      for (const char kept : std::string(kept_)) plain(static_cast<unsigned char>(kept), step);
      return;
    case ctrl('T'):
      if (dumb_ || cells_.size() < 2 || cursor_ == 0) return bell();
      if (cursor_ == cells_.size()) --cursor_;
      std::swap(cells_[cursor_ - 1], cells_[cursor_]);
      return go(cursor_ + 1);
    case ctrl('L'):
      if (!dumb_) step.output += "\x1b[H\x1b[2J";
      dirty_ = true;
      return;
    case ctrl('C'):
      step.event = Event::interrupt;
      step.output += fmt::format("{}^C\r\n{}", std::exchange(echo_, {}), dumb_ ? "" : paste_off);
      return;
    case ctrl('D'):
      if (!cells_.empty()) return erase(cursor_, std::min(cursor_ + 1, cells_.size()), false);
      step.event = Event::end;
      step.output += fmt::format("{}\r\n{}", std::exchange(echo_, {}), dumb_ ? "" : paste_off);
      return;
    default:
      bell();
  }
}

void Editor::alt(unsigned char c) {
  if (pasting_ || dumb_) return;
  switch (c) {
    case 'b':
      return go(word_left(false));
    case 'f':
      return go(word_right());
    case 'd':
      return erase(cursor_, word_right(), true);
    case 0x7f:
      return erase(word_left(false), cursor_, true);
    default:
      return;  // unknown keys do nothing
  }
}

void Editor::sequence(char final) {
  if (final == '~' && parameters_ == "200") pasting_ = true;
  if (final == '~' && parameters_ == "201") pasting_ = false;
  if (pasting_ || dumb_) return;
  const bool with_ctrl = parameters_ == "1;5";
  switch (final) {
    case 'A':
      return recall(-1);
    case 'B':
      return recall(1);
    case 'C':
      return go(with_ctrl ? word_right() : cursor_ + 1);
    case 'D':
      return go(with_ctrl ? word_left(false) : cursor_ - std::min<std::size_t>(cursor_, 1));
    case 'H':
      return go(0);
    case 'F':
      return go(cells_.size());
    case '~':
      if (parameters_ == "1" || parameters_ == "7") return go(0);
      if (parameters_ == "4" || parameters_ == "8") return go(cells_.size());
      if (parameters_ == "3") return erase(cursor_, std::min(cursor_ + 1, cells_.size()), false);
      return;
    default:
      return;  // mouse, focus and function keys do nothing
  }
}

void Editor::enter(Step& step) {
  step.event = Event::line;
  step.line = text(0, cells_.size());
  go(cells_.size());
  step.output += dumb_ ? std::exchange(echo_, {}) + "\r\n" : fmt::format("{}\r\n{}", redraw(), paste_off);
  if (step.line.find_first_not_of(' ') == step.line.npos) return;
  if (!history_.empty() && history_.back() == step.line) return;
  history_.push_back(step.line);
  if (history_.size() > most_lines) history_.erase(history_.begin());
}

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

void Editor::tab(Step& step) {
  const auto before = text(0, cursor_);
  const auto blank = before.find_last_of(' ');
  const auto word =
      blank == before.npos ? std::string_view(before) : std::string_view(before).substr(blank + 1);
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
  for (const char c : common.substr(std::min(word.size(), common.size())))
    plain(static_cast<unsigned char>(c), unused);
  if (words.size() == 1) insert(" ");
  if (bytes_ != size_before || words.size() == 1) {
    after_tab_ = false;
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
  std::string shown = std::exchange(echo_, {}) + "\r\n";
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
  const int room = std::max(4, columns_ - width(prompt_) - 1);
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
  std::string row = fmt::format("\r{}{}\x1b[K", prompt_, text(first_, last));
  if (const int back = width(text(cursor_, last)); back > 0) row += fmt::format("\x1b[{}D", back);
  return row;
}

}  // namespace sluice::console

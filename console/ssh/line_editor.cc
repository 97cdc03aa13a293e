#include "console/ssh/line_editor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/printable.h"

namespace sluice::console {
namespace {

constexpr std::size_t longest_sequence = 16, longest_string = 256;
// Behind ESC: what a terminal answers, such as its colours or its name, up to BEL or ESC \ (ECMA-48, 5.6).
constexpr std::string_view string_begins = "]P^_X";
constexpr std::string_view paste_on = "\x1b[?2004h", paste_off = "\x1b[?2004l";
constexpr unsigned char ctrl(char letter) {
  return static_cast<unsigned char>(letter & 0x1f);
}

// What stays on the row of a dumb terminal is taken back with blanks.
std::string rub_out(int columns) {
  std::string erased;
  for (int i = 0; i < columns; ++i) erased += "\b \b";
  return erased;
}

}  // namespace

Editor::Editor(std::string prompt, bool dumb, int columns, Complete complete, Hints hints)
    : prompt_(std::move(prompt)),
      dumb_(dumb),
      columns_(columns),
      complete_(std::move(complete)),
      hints_(std::move(hints)) {}

std::string Editor::start() {
  cells_.clear();
  cursor_ = first_ = bytes_ = 0;
  recalled_ = history_.size();
  draft_.clear();
  pasting_ = after_tab_ = dirty_ = bell_ = searching_ = false;
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
    last_key_ = 0;
    byte(static_cast<unsigned char>(c), step);
    if (step.event != Event::none) return step;
  }
  return finished(std::move(step));
}

Editor::Step Editor::quiet() {
  Step step;
  pasting_ = false;
  control(std::exchange(last_key_, 0), step);
  return step.event == Event::none ? finished(std::move(step)) : step;
}

// Draws what has changed.
Editor::Step Editor::finished(Step step) {
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
      // Only a key asks. What is recalled, yanked or completed goes through plain() as well, and its ? is a character.
      if (c == '?' && !pasting_ && !searching_) {
        after_return_ = after_tab_ = false;
        flush_broken();
        if (question(step)) return;
      }
      plain(c, step);
      return;
    case State::escape:
      state_ = c == '['                                                         ? State::csi
               : c == 'O'                                                       ? State::ss3
               : c == 0x1b                                                      ? State::escape
               : string_begins.find(static_cast<char>(c)) != string_begins.npos ? State::string
                                                                                : State::plain;
      parameters_.clear();
      string_bytes_ = 0;
      if (state_ == State::plain) {
        if (c < 0x20) {
          plain(c, step);
        } else {
          alt(c);
        }
      }
      return;
    case State::string:
      if (c >= 0x20 && ++string_bytes_ <= longest_string) return;
      state_ = c == 0x1b ? State::escape : State::plain;  // ESC \ ends it
      if (c != 0x1b && c != 0x07) plain(c, step);
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
  } else if (searching_) {
    search(wanted_ + text, recalled_ + 1);
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
  cells_.erase(cells_.begin() + static_cast<std::ptrdiff_t>(from), cells_.begin() + static_cast<std::ptrdiff_t>(to));
  cursor_ = from;
  dirty_ = true;
}

void Editor::go(std::size_t to) {
  if (dumb_) return;
  cursor_ = std::min(to, cells_.size());
  dirty_ = true;
}

// Inside a paste line ends are blanks, and only the sequence that ends it means anything, or a key that ends all.
void Editor::pasted(unsigned char c) {
  if (c == 0x1b) state_ = State::escape;
  if (c == '\r' || c == '\n' || c == '\t') insert(" ");
  after_return_ = c == '\r';
  if (c == ctrl('C') || c == ctrl('D')) last_key_ = c;
}

// The keys that move within the line, or change it.
bool Editor::edited(unsigned char c, Step& step) {
  const std::size_t before = cursor_ - std::min<std::size_t>(cursor_, 1);
  switch (c) {
    case 0x7f:
    case ctrl('H'):
      erase(before, cursor_, false);
      return true;
    case ctrl('A'):
      go(0);
      return true;
    case ctrl('E'):
      go(cells_.size());
      return true;
    case ctrl('B'):
      go(before);
      return true;
    case ctrl('F'):
      go(cursor_ + 1);
      return true;
    case ctrl('K'):
      erase(cursor_, cells_.size(), true);
      return true;
    case ctrl('U'):
      erase(0, cursor_, true);
      return true;
    case ctrl('W'):
      erase(word_left(true), cursor_, true);
      return true;
    case ctrl('Y'):
      for (const char kept : std::string(kept_)) plain(static_cast<unsigned char>(kept), step);
      return true;
    case ctrl('T'):
      exchange();
      return true;
    default:
      return false;
  }
}

void Editor::exchange() {
  if (dumb_ || cells_.size() < 2 || cursor_ == 0) return bell();
  if (cursor_ == cells_.size()) --cursor_;
  std::swap(cells_[cursor_ - 1], cells_[cursor_]);
  go(cursor_ + 1);
}

void Editor::control(unsigned char c, Step& step) {
  if (pasting_) return pasted(c);
  if (searching_ && searched(c)) return;
  if (edited(c, step)) return;
  switch (c) {
    case 0x1b:
      state_ = State::escape;
      return;
    case '\r':
    case '\n':
      after_return_ = c == '\r';
      return enter(step);
    case '\t':
      return tab(step);
    case ctrl('N'):
      return recall(1);
    case ctrl('P'):
      return recall(-1);
    case ctrl('R'):
      return search_back();
    case ctrl('L'):
      if (!dumb_) step.output += "\x1b[H\x1b[2J";
      dirty_ = true;
      return;
    case ctrl('C'):
      step.event = Event::interrupt;
      if (dirty_ && !dumb_) step.output += redraw();
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

}  // namespace sluice::console

// The line editor of a shell session: bytes of a terminal in, lines and a redrawn row out.
//
// Pure: no descriptor, no clock, no thread; a session owns one. It draws on one row and scrolls sideways, so that it is
// right on every terminal. A paste never runs anything: its line ends become blanks. On a dumb terminal it only echoes
// and erases, and writes no escape code at all. What escape() would change is not taken into the line.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::console {

class Editor {
 public:
  // Returns whole words that may follow the text (Interpreter::complete).
  using Complete = std::function<std::vector<std::string>(std::string_view before_cursor)>;
  // Returns lines about what may follow the text, or nothing where a ? is a part of it (Interpreter::hints).
  using Hints = std::function<std::optional<std::vector<std::string>>(std::string_view before_cursor)>;
  enum class Event : unsigned char { none, line, interrupt, end };
  struct Step {
    std::size_t taken = 0;  // bytes used: all of them, or those up to the event
    Event event = Event::none;
    std::string line;    // of Event::line
    std::string output;  // for the terminal, with \r\n
  };
  static constexpr std::size_t most_bytes = 4096, most_lines = 500;

  Editor(std::string prompt, bool dumb, int columns, Complete complete, Hints hints = {});

  std::string start();  // the prompt with an empty line
  Step feed(std::string_view bytes);
  // A paste whose end never came ends with a Ctrl-C or Ctrl-D behind which nothing follows. A pasted one does not: the
  // rest of the paste follows. So who has the clock waits while this is true, and then calls quiet().
  bool waits_for_quiet() const { return pasting_ && last_key_ != 0; }
  Step quiet();
  std::string resize(int columns);
  // The line that was given last is not kept.
  void forget() {
    if (!history_.empty()) history_.pop_back();
  }
  const std::vector<std::string>& history() const { return history_; }  // the newest last

 private:
  enum class State : unsigned char { plain, escape, csi, ss3, csi_too_long, string };

  void byte(unsigned char c, Step& step);
  void plain(unsigned char c, Step& step);
  bool edited(unsigned char c, Step& step);
  void exchange();
  void control(unsigned char c, Step& step);
  void pasted(unsigned char c);
  Step finished(Step step);
  void alt(unsigned char c);
  void sequence(char final);
  void character(std::string text);
  void flush_broken();
  void enter(Step& step);
  void tab(Step& step);
  void list(const std::vector<std::string>& words, Step& step);
  void insert(std::string_view text);
  void erase(std::size_t from, std::size_t to, bool keep);
  void go(std::size_t to);
  void recall(std::ptrdiff_t by);
  bool question(Step& step);
  void search_back();
  void search(const std::string& text, std::size_t below);
  bool searched(unsigned char c);
  void show_found(std::string_view line);
  void end_search();
  void set(std::string_view text);
  void bell() { bell_ = true; }
  std::size_t word_left(bool blanks_only) const;
  std::size_t word_right() const;
  std::string text(std::size_t from, std::size_t to) const;
  std::string redraw();

  std::string prompt_;
  bool dumb_;
  int columns_;
  Complete complete_;
  Hints hints_;

  std::vector<std::string> cells_;  // one character each, with what combines with it
  std::size_t cursor_ = 0, first_ = 0, bytes_ = 0;
  std::string kept_;  // for Ctrl-Y
  std::vector<std::string> history_;
  std::size_t recalled_ = 0;  // history_.size(): the line being written
  std::string draft_;
  bool searching_ = false;  // in the history, with Ctrl-R: the line is the one that was found
  std::string wanted_;      // what it holds

  State state_ = State::plain;
  std::string parameters_;  // of a control sequence
  std::size_t string_bytes_ = 0;
  std::string partial_;  // of a UTF-8 character
  std::size_t missing_ = 0;
  unsigned char last_key_ = 0;  // the last byte of a paste, if it was Ctrl-C or Ctrl-D
  bool pasting_ = false, after_return_ = false, after_tab_ = false;
  bool dirty_ = false, bell_ = false;
  std::string echo_;  // on a dumb terminal
};

}  // namespace sluice::console

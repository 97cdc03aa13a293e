// The line editor: keys in, lines and what a terminal would show out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/printable.h"
#include "console/ssh/line_editor.h"

namespace sluice::console {
namespace {

using testing::ElementsAre;
using Event = Editor::Event;

// Feeds everything, as a session does, and keeps what came of it.
struct Typist {
  explicit Typist(bool dumb = false, int columns = 80, Editor::Complete complete = {})
      : editor("> ", dumb, columns, std::move(complete)), shown(editor.start()) {}

  Typist& type(std::string_view keys) {
    while (!keys.empty()) {
      const auto step = editor.feed(keys);
      keys.remove_prefix(step.taken);
      shown += step.output;
      if (step.event == Event::line) lines.push_back(step.line);
      if (step.event == Event::interrupt) ++interrupts;
      if (step.event == Event::end) ++ends;
      if (step.event != Event::none) shown += editor.start();
    }
    return *this;
  }

  // What the last row shows and where the cursor stands, from the editor's own codes.
  std::pair<std::string, int> row() const {
    const auto last = shown.substr(shown.rfind('\r') + 1);
    const auto end = last.find("\x1b[K");
    int back = 0;
    if (const auto move = last.find("\x1b[", end + 3); move != last.npos) back = std::stoi(last.substr(move + 2));
    return {last.substr(0, end), width(last.substr(0, end)) - back};
  }

  Editor editor;
  std::string shown;
  std::vector<std::string> lines;
  int interrupts = 0, ends = 0;
};

TEST(Editor, every_line_end_is_one_line) {
  EXPECT_THAT(Typist().type("a\rb\r\nc\nd\r").lines, ElementsAre("a", "b", "c", "d"));
}

TEST(Editor, emacs_keys_edit_the_line) {
  EXPECT_THAT(Typist().type("helo\x1b[Dl\r").lines, ElementsAre("hello"));
  EXPECT_THAT(Typist()
                  .type("bc\x01"
                        "a\x05"
                        "d\r")
                  .lines,
              ElementsAre("abcd"));
  EXPECT_THAT(Typist()
                  .type("abc\x02\x02\x0b"
                        "x\r")
                  .lines,
              ElementsAre("ax"));
  EXPECT_THAT(Typist()
                  .type("abc\x02\x15\x05"
                        "x\r")
                  .lines,
              ElementsAre("cx"));
  EXPECT_THAT(Typist().type("pause ord\x17\x08\r").lines, ElementsAre("pause"));
  EXPECT_THAT(Typist().type("one two\x17\x01\x19 \r").lines, ElementsAre("two one "));
  EXPECT_THAT(Typist().type("ab\x14\r").lines, ElementsAre("ba"));
  EXPECT_THAT(Typist().type("abc\x01\x04\x06\x04\r").lines, ElementsAre("b"));
  EXPECT_THAT(Typist()
                  .type("one two\x1b"
                        "bx\x1b"
                        "b\x1b"
                        "d\r")
                  .lines,
              ElementsAre("one "));
}

TEST(Editor, home_end_and_delete_are_known_in_all_their_forms) {
  for (const std::string home : {"\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"}) {
    for (const std::string end : {"\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"}) {
      EXPECT_THAT(Typist().type("xbc" + home + "\x1b[3~a" + end + "d\r").lines, ElementsAre("abcd"));
    }
  }
}

TEST(Editor, history_keeps_the_draft) {
  Typist typist;
  typist.type("one\rtwo\rdraft\x1b[A\x1b[A");
  EXPECT_EQ(typist.row().first, "> one");
  typist.type("\x1b[A");
  EXPECT_EQ(typist.row().first, "> one") << "there is nothing older";
  typist.type("\x1b[B\x1b[B\r");
  EXPECT_THAT(typist.lines, ElementsAre("one", "two", "draft"));
}

TEST(Editor, what_a_terminal_answers_is_not_typed) {
  EXPECT_THAT(Typist()
                  .type("\x1b]11;rgb:0000/0000/0000\x1b\\a\x1b]0;x\x07"
                        "b\x1bP>|name(1)\x1b\\c\x1b_x\x1b\\d\r")
                  .lines,
              ElementsAre("abcd"));
  EXPECT_THAT(Typist().type("\x1b]cut off\rversion\r").lines, ElementsAre("", "version")) << "a line end ends it";
  EXPECT_THAT(Typist()
                  .type("\x1b[200~a\x1b]0;t\x07"
                        "b\x1b]52\x1b[201~c\r")
                  .lines,
              ElementsAre("abc"))
      << "in a paste as well";
  EXPECT_EQ(Typist().type("\x1b]" + std::string(300, 'x') + "\x03").interrupts, 1);
}

TEST(Editor, a_paste_whose_end_never_came_ends_with_a_key_behind_which_nothing_follows) {
  for (const bool dumb : {false, true}) {
    Typist typist(dumb);
    typist.type("\x1b[200~abc\x03 d\x04x\r");
    EXPECT_FALSE(typist.editor.waits_for_quiet()) << "what a paste holds is no key";
    EXPECT_EQ(typist.interrupts + typist.ends, 0);
    typist.type("\x03");
    ASSERT_TRUE(typist.editor.waits_for_quiet());
    const auto step = typist.editor.quiet();
    EXPECT_EQ(step.event, Event::interrupt);
    typist.editor.start();
    typist.type("version\r");
    EXPECT_THAT(typist.lines, ElementsAre("version"));
    typist.type("\x1b[200~\x04");
    ASSERT_TRUE(typist.editor.waits_for_quiet());
    EXPECT_EQ(typist.editor.quiet().event, Event::end) << "Ctrl-D on an empty line leaves";
    typist.editor.start();
    typist.type("\x1b[200~abc\x04");
    EXPECT_EQ(typist.editor.quiet().event, Event::none) << "and else deletes what is under the cursor";
    typist.type("\r");
    EXPECT_THAT(typist.lines, ElementsAre("version", "abc"));
    typist.type("\x1b[200~a\x03\x1b[201~b\r");
    EXPECT_FALSE(typist.editor.waits_for_quiet());
    EXPECT_THAT(typist.lines, ElementsAre("version", "abc", "ab")) << "the paste went on and ended";
  }
}

TEST(Editor, ctrl_r_searches_the_history_as_it_is_typed) {
  Typist typist;
  typist.type("pause one\rstatus\rpause two\rdraft\x12");
  EXPECT_EQ(typist.row().first, "(search '') draft");
  typist.type("pau");
  EXPECT_EQ(typist.row().first, "(search 'pau') pause two");
  typist.type("\x12");
  EXPECT_EQ(typist.row().first, "(search 'pau') pause one");
  typist.type("\x12");
  EXPECT_EQ(typist.row().first, "(search 'pau') pause one") << "there is nothing older";
  typist.type("x");
  EXPECT_EQ(typist.row().first, "(search 'pau') pause one") << "no line has that";
  typist.type("\x7f\x07");
  EXPECT_EQ(typist.row().first, "> draft") << "Ctrl-G gives the draft back";
  typist.type("\x12status\x01x");
  EXPECT_EQ(typist.row().first, "> xstatus") << "another key goes on with what was found";
  typist.type("\x15\x12one\r");
  EXPECT_THAT(typist.lines, ElementsAre("pause one", "status", "pause two", "pause one"));
  typist.type("\x12two\x1b[A");
  EXPECT_EQ(typist.row().first, "> status") << "Up goes on from the line that was found";
  typist.type("\x12中");
  EXPECT_EQ(typist.row().first, "(search '') status");
  typist.type("\x03");
  EXPECT_EQ(typist.interrupts, 1);
}

TEST(Editor, a_question_mark_shows_what_may_follow_and_runs_and_changes_nothing) {
  for (const bool dumb : {false, true}) {
    std::vector<std::string> asked;
    Editor editor("> ", dumb, 40, {}, [&](std::string_view before) -> std::optional<std::vector<std::string>> {
      asked.emplace_back(before);
      if (before.find('"') != before.npos) return std::nullopt;
      return std::vector<std::string>{"dead list", "hostile \x1b[2J", std::string(100, 'x')};
    });
    editor.start();
    auto step = editor.feed("dead ?");
    EXPECT_THAT(asked, ElementsAre("dead "));
    EXPECT_EQ(step.event, Event::none);
    EXPECT_THAT(step.output, testing::HasSubstr("\r\ndead list\r\nhostile \\u{1b}[2J\r\n"));
    EXPECT_THAT(step.output, testing::HasSubstr(std::string(38, 'x') + "…\r\n"));
    EXPECT_THAT(step.output, testing::EndsWith(dumb ? "> dead " : "> dead \x1b[K"));
    step = editor.feed("\"who?\"\r");
    EXPECT_EQ(step.line, "dead \"who?\"") << "in quotes it is a character";
    editor.start();
    step = editor.feed("\x1b[200~a?\x1b[201~\r");
    EXPECT_EQ(step.line, "a?") << "and in a paste";
  }
}

TEST(Editor, a_line_stays_above_what_is_shown_of_it_also_where_both_come_in_one_packet) {
  const auto words = [](std::string_view) { return std::vector<std::string>{"status", "state"}; };
  Editor editor("> ", false, 40, words, [](std::string_view) { return std::vector<std::string>{"a hint"}; });
  editor.start();
  EXPECT_THAT(editor.feed("stat ?").output, testing::HasSubstr("> stat \x1b[K\r\na hint\r\n"));
  editor.feed("\x15");
  EXPECT_THAT(editor.feed("sta\t\t").output, testing::HasSubstr("> stat\x1b[K\r\nstatus  state\r\n"));
  editor.feed("\x15");
  EXPECT_THAT(editor.feed("half\x03").output, testing::HasSubstr("> half\x1b[K^C\r\n"));
}

TEST(Editor, a_question_mark_that_was_not_typed_is_a_character) {
  const auto complete = [](std::string_view) { return std::vector<std::string>{"who?is"}; };
  Editor editor("> ", false, 40, complete, [](std::string_view) { return std::vector<std::string>{"help"}; });
  const auto line_of = [&](std::string_view keys) {
    editor.start();
    return editor.feed(keys).line;
  };
  EXPECT_EQ(line_of("\x1b[200~a?\x1b[201~\r"), "a?");
  EXPECT_EQ(line_of("\x1b[A\r"), "a?") << "brought back by Up";
  EXPECT_EQ(line_of("\x10\r"), "a?") << "by Ctrl-P";
  EXPECT_EQ(line_of("\x12"
                    "a\r"),
            "a?")
      << "by Ctrl-R";
  EXPECT_EQ(line_of("\x1b[A\x15\x19\x19\r"), "a?a?") << "by Ctrl-Y";
  EXPECT_EQ(line_of("w\t\r"), "who?is ") << "by Tab";
  EXPECT_EQ(line_of("b?\r"), "b") << "a key asks";
}

TEST(Editor, ctrl_c_drops_the_line_and_ctrl_d_ends_only_an_empty_one) {
  Typist typist;
  typist.type(
      "half\x03"
      "x\x04\x7f\x04");
  EXPECT_EQ(typist.interrupts, 1);
  EXPECT_EQ(typist.ends, 1);
  EXPECT_TRUE(typist.lines.empty());
  EXPECT_THAT(typist.shown, testing::HasSubstr("^C\r\n"));
}

TEST(Editor, a_paste_never_runs_anything) {
  Typist typist;
  typist.type("\x1b[200~pause all\rdrain\n\x03\x04\x1b[201~");
  EXPECT_TRUE(typist.lines.empty());
  EXPECT_EQ(typist.interrupts + typist.ends, 0);
  typist.type("\r");
  EXPECT_THAT(typist.lines, ElementsAre("pause all drain "));
}

TEST(Editor, wide_and_combining_characters_keep_the_cursor_right) {
  Typist typist;
  typist.type("中文e\u0301👍");
  EXPECT_EQ(typist.row(), std::pair(std::string("> 中文e\u0301👍"), 9));
  typist.type("\x7f\x7f");
  EXPECT_EQ(typist.row(), std::pair(std::string("> 中文"), 6));
  typist.type("\x02");
  EXPECT_EQ(typist.row().second, 4);
}

TEST(Editor, what_a_terminal_would_obey_is_not_taken) {
  EXPECT_THAT(Typist()
                  .type("a\u009b\u202e\u200b"
                        "b\r")
                  .lines,
              ElementsAre("ab"));
  EXPECT_THAT(Typist().type("a\xff\xc3(\xe4\xb8\r").lines, ElementsAre("a\uFFFD\uFFFD(\uFFFD"));
  EXPECT_THAT(Typist().type("a\x1b[<0;1;1M\x1b[I\x1b[12;34Rb\r").lines, ElementsAre("ab"));
}

TEST(Editor, a_long_line_scrolls_sideways_on_one_row) {
  Typist typist(false, 20);
  for (char c = 'a'; c <= 'z'; ++c) typist.type(std::string(1, c));
  EXPECT_EQ(typist.row(), std::pair(std::string("> jklmnopqrstuvwxyz"), 19));
  typist.type("\x01");
  EXPECT_EQ(typist.row(), std::pair(std::string("> abcdefghijklmnopq"), 2));
  typist.shown += typist.editor.resize(40);
  EXPECT_EQ(typist.row().first, "> abcdefghijklmnopqrstuvwxyz");
  typist.type("\r");
  EXPECT_THAT(typist.lines, ElementsAre("abcdefghijklmnopqrstuvwxyz"));
}

TEST(Editor, tab_completes_what_is_certain_and_lists_the_rest_on_the_second) {
  const auto words = [](std::string_view before) {
    return before.find(' ') == before.npos ? std::vector<std::string>{"status", "sessions", "state"}
                                           : std::vector<std::string>{"orders"};
  };
  EXPECT_THAT(Typist(false, 80, words).type("se\tx\r").lines, ElementsAre("sessions x"));
  EXPECT_THAT(Typist(false, 80, words).type("status o\t\r").lines, ElementsAre("status orders "));
  Typist typist(false, 80, words);
  typist.type("st\t");
  EXPECT_EQ(typist.row().first, "> stat");
  typist.type("\t");
  EXPECT_THAT(typist.shown, testing::HasSubstr("status  state\r\n")) << "the second Tab, as in a shell";
  typist.type("\t");
  EXPECT_EQ(typist.row().first, "> stat");
  EXPECT_TRUE(typist.lines.empty());
  EXPECT_EQ(Typist(false, 80, words).type("zz\t").row().first, "> zz");
}

TEST(Editor, a_dumb_terminal_gets_no_escape_code) {
  Typist typist(true);
  typist.type(
      "中x\x7f\x7f"
      "ab\x1b[A\x01\x0c\x15"
      "ok\x03"
      "cd\r\x04");
  EXPECT_EQ(typist.shown.find('\x1b'), std::string::npos);
  EXPECT_THAT(typist.shown, testing::StartsWith("> 中x\b \b\b \b\b \bab\b \b\b \bok^C\r\n> cd\r\n> "));
  EXPECT_THAT(typist.lines, ElementsAre("cd"));
}

TEST(Editor, random_bytes_neither_grow_the_line_beyond_its_limit_nor_show_anything_but_its_own_codes) {
  std::minstd_rand random(7);
  Typist typist(false, 40, [](std::string_view before) { return std::vector<std::string>{std::string(before)}; });
  std::string bytes;
  for (int i = 0; i < 200'000; ++i) bytes += static_cast<char>(random() % 256);
  typist.type(bytes);
  for (const auto& line : typist.lines) {
    EXPECT_LE(line.size(), Editor::most_bytes);
    EXPECT_EQ(escape(line), line);
  }
  EXPECT_FALSE(typist.lines.empty());
}

}  // namespace
}  // namespace sluice::console

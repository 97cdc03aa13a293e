// top: frames that fit any window, keys, and what becomes of the screen, of slow readers and of many who watch.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/printable.h"
#include "console/dashboard.h"
#include "console/full_screen.h"
#include "console/keyboard.h"
#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

// What the lines would be on a terminal without colours.
std::string plain(const std::string& line) {
  std::string shown;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] != '\x1b') {
      shown += line[at];
      continue;
    }
    at = line.find('m', at);
  }
  return shown;
}

class Top : public ConsoleTest {
 protected:
  Observation observed() {
    Observation seen;
    seen.now = admin.now;
    seen.at = WallClock::now();
    seen.rates.applied = {.second = 12'345.6, .history = {1, 5, 12'345.6}};
    seen.applied = {{{"shop.orders", 1}, 7'500.0}, {{"shop.orders", 2}, 10.0}};
    seen.troubles = {{WallClock::now(), log::Level::error, "lane 1", "PostgreSQL went away"}};
    return seen;
  }
  std::string frame(const Observation& seen, DashboardView& view, int columns = 80, int rows = 24, bool utf8 = true) {
    std::string text;
    for (const auto& line : dashboard("shop", seen, view, {.size = {columns, rows}, .utf8 = utf8, .color = true}))
      (text += plain(line)) += '\n';
    return text;
  }
};

TEST_F(Top, a_frame_fits_every_window_from_20_by_5_to_500_by_200) {
  for (int number = 0; number < 300; ++number) {
    admin.now.partitions.push_back(admin.now.partitions[0]);
    admin.now.partitions.back().at = {"中文.топик.with.a.long.name", number};
    admin.now.partitions.back().reason = std::string(300, 'x');
  }
  admin.now.lanes.resize(64);
  const auto seen = observed();
  for (const bool help : {false, true})
    for (const int columns : {20, 21, 40, 79, 80, 110, 200, 500})
      for (const int rows : {5, 6, 8, 10, 12, 16, 20, 24, 34, 60, 200})
        for (const bool utf8 : {false, true}) {
          DashboardView view{.help = help, .interval = "1s"};
          const auto lines = dashboard("shop", seen, view, {.size = {columns, rows}, .utf8 = utf8, .color = true});
          ASSERT_LE(lines.size(), static_cast<std::size_t>(rows)) << columns << "x" << rows;
          for (const auto& line : lines)
            ASSERT_LT(width(plain(line)), columns) << columns << "x" << rows << ": " << line;
          ASSERT_GE(lines.size(), std::min<std::size_t>(5, static_cast<std::size_t>(rows)));
        }
}

TEST_F(Top, it_shows_state_rates_lag_by_partition_lanes_and_errors) {
  admin.now.partitions[1].state = PartitionState::poison;
  admin.now.partitions[1].reason = "a record that nobody can apply";
  admin.now.lanes[0].waits_for = "process 17 of alice";
  admin.now.partitions[0].lag_seconds = 90;
  admin.now.partitions[2].lag_seconds = 7.5;
  DashboardView view{.interval = "1s"};
  const auto text = frame(observed(), view, 120, 30);
  for (const std::string_view part :
       {"shop  stopped in parts", "applied", "12.3k/s", "arrived", "lag      33 records   behind 90s   caught up in",
        "7.5s", "worst shop.orders/2", "shop.orders/1", "poison", "7500", "a record that nobody can apply",
        "process 17 of alice", "PostgreSQL went away", "? help  q quit", "by lag"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  EXPECT_LT(text.find("shop.orders/2 "), text.find("shop.orders/0 ")) << "the largest lag first: " << text;
}

TEST_F(Top, keys_sort_filter_scroll_and_leave) {
  DashboardView view{.interval = "1s"};
  const auto first_of = [&] {
    const auto text = frame(observed(), view);
    const auto table = text.find("partition ");
    const auto line = text.find('\n', table) + 1;
    return text.substr(line, text.find(' ', line) - line);
  };
  EXPECT_EQ(first_of(), "shop.orders/2");
  EXPECT_TRUE(press(view, "r", 24));
  EXPECT_EQ(first_of(), "shop.orders/1");
  EXPECT_TRUE(press(view, "N", 24));
  EXPECT_EQ(first_of(), "shop.items/0");
  admin.now.partitions[0].state = PartitionState::poison;
  EXPECT_TRUE(press(view, "s", 24));
  EXPECT_EQ(first_of(), "shop.orders/0");
  for (const std::string key : {"/", "i", "t", "e", "q", "erase", "enter"}) EXPECT_TRUE(press(view, key, 24)) << key;
  EXPECT_EQ(first_of(), "shop.items/0");
  EXPECT_FALSE(view.leave) << "q was a letter of the filter";
  EXPECT_TRUE(press(view, "escape", 24));
  EXPECT_EQ(view.filter, "");
  EXPECT_TRUE(press(view, "?", 24));
  EXPECT_NE(frame(observed(), view).find("back to the prompt"), std::string::npos);
  EXPECT_TRUE(press(view, "?", 24));
  EXPECT_TRUE(press(view, "end", 24));
  first_of();
  EXPECT_EQ(view.first, 0u) << "all of them fit";
  EXPECT_FALSE(press(view, "x", 24));
  EXPECT_TRUE(press(view, "q", 24));
  EXPECT_TRUE(view.leave);
}

TEST_F(Top, hostile_names_and_reasons_are_spelled_out) {
  admin.now.partitions[0].at.topic = "a\x1b]0;owned\x07\n";
  admin.now.partitions[1].state = PartitionState::poison;
  admin.now.partitions[1].reason =
      "\x9b"
      "31m \xe2\x80\xae";
  auto seen = observed();
  seen.troubles[0].text = "\x1b[2J";
  DashboardView view{.filter = {}, .interval = "1s"};
  for (const std::string key : {"/", "\x1b", "\xe2\x80\xae"}) press(view, key, 24);
  for (const bool utf8 : {true, false}) {
    view.filter.clear();
    for (const auto& line : dashboard("sh\x1b[2Jop", seen, view, {.size = {120, 30}, .utf8 = utf8})) {
      EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
      EXPECT_EQ(escape(line), line);
    }
  }
}

std::vector<std::string> take_keys(std::string& typed) {
  std::vector<std::string> keys;
  while (auto key = take_key(typed)) keys.push_back(std::move(*key));
  return keys;
}

TEST_F(Top, keys_arrive_whole_whatever_the_pieces_are) {
  std::string typed = "q\x1b[A\x1b[5~\x1bOB中\x7f\r\x1b[<35;10;10M\x1b";
  EXPECT_EQ(take_keys(typed),
            (std::vector<std::string>{"q", "up", "page up", "down", "中", "erase", "enter", "escape"}));
  EXPECT_EQ(typed, "");
  typed = "\x1b[";
  EXPECT_TRUE(take_keys(typed).empty());
  typed += "B\xe4\xb8";
  EXPECT_EQ(take_keys(typed), std::vector<std::string>{"down"});
  typed += "\xad";
  EXPECT_EQ(take_keys(typed), std::vector<std::string>{"中"});
  typed = "\x1b[" + std::string(5000, '1');
  take_keys(typed);
  EXPECT_LT(typed.size(), 32u) << "a sequence without end is dropped";
}

TEST_F(Top, what_a_command_leaves_unread_is_for_who_comes_next) {
  const std::stop_token never;
  Keyboard keyboard;
  EXPECT_EQ(keyboard.give("x"), 0u) << "nobody listens yet";
  {
    Keyboard::Listener keys(keyboard);
    const std::string much(5000, 'j');
    EXPECT_EQ(keyboard.give("nq\x1b[Aversion\r"), 13u);
    EXPECT_EQ(keys.next(0ms, never), "n");
    EXPECT_EQ(keys.next(0ms, never), "q");
    const auto room = keyboard.give(much);
    EXPECT_GT(room, 0u);
    EXPECT_LT(room, much.size()) << "what does not fit stays with who gives";
  }
  EXPECT_TRUE(keyboard.take_unread().starts_with("\x1b[Aversion\rjj"));
  EXPECT_EQ(keyboard.take_unread(), "");
}

TEST_F(Top, what_is_typed_behind_a_ctrl_c_is_not_for_the_command_that_it_ends) {
  std::stop_source stop;
  Keyboard keyboard;
  {
    Keyboard::Listener keys(keyboard);
    keyboard.give("n\x1b[");
    EXPECT_EQ(keys.next(0ms, stop.get_token()), "n");
    EXPECT_EQ(keys.next(0ms, stop.get_token()), std::nullopt) << "a key that is not whole yet";
    stop.request_stop();
    keyboard.forget();
    keyboard.give("status\r");
    EXPECT_EQ(keys.next(1h, stop.get_token()), std::nullopt);
  }
  EXPECT_EQ(keyboard.take_unread(), "status\r");
}

// Takes what is written only when it is told to.
struct SlowReader : Output {
  std::atomic<bool> takes{true};
  std::string text;
  void out(std::string_view more) override { text += more; }
  void err(std::string_view more) override { text += more; }
  bool all_taken() const override { return takes; }
};

TEST_F(Top, a_slow_reader_misses_frames_and_the_screen_is_given_back_all_the_same) {
  SlowReader reader;
  {
    FullScreen screen(reader);
    EXPECT_TRUE(reader.text.starts_with("\x1b[?1049h\x1b[?25l"));
    EXPECT_TRUE(screen.show({"one", "two"}, {80, 24}));
    reader.takes = false;
    const auto before = reader.text.size();
    for (int frame = 0; frame < 100; ++frame) EXPECT_FALSE(screen.show({"one", std::to_string(frame)}, {80, 24}));
    EXPECT_EQ(reader.text.size(), before);
    reader.takes = true;
    EXPECT_TRUE(screen.show({"one", "three"}, {80, 24}));
    EXPECT_EQ(reader.text.substr(before), "\x1b[2;1Hthree\x1b[K") << "only what is different";
    EXPECT_TRUE(screen.show({"one"}, {40, 10}));
    EXPECT_NE(reader.text.find("\x1b[H\x1b[2J\x1b[1;1Hone", before), std::string::npos) << "a window of another size";
  }
  EXPECT_TRUE(reader.text.ends_with("\x1b[0m\x1b[?1049l\x1b[?25h"));
}

TEST_F(Top, without_a_terminal_it_prints_a_frame_below_the_other) {
  for (const bool pty : {false, true}) {
    terminal.pty = pty;
    const auto one = run("top --frames 1");
    EXPECT_EQ(one.code, Code::done) << one.err;
    EXPECT_EQ(one.out.find('\x1b'), std::string::npos) << one.out;
    EXPECT_NE(one.out.find("shop.orders/0"), std::string::npos) << one.out;
    const auto two = run("top --frames 2");
    EXPECT_EQ(std::ranges::count(two.out, '\n'), 2 * std::ranges::count(one.out, '\n') + 1);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(run("top", stop.get_token()).code, Code::interrupted);
  }
  Keyboard keyboard;
  terminal = {.pty = true, .cursor = true, .keyboard = &keyboard};
  EXPECT_EQ(run("top --frames 1").out.find("\x1b[?1049h"), std::string::npos);
  EXPECT_EQ(run("top --frames 0").code, Code::not_understood);
  EXPECT_EQ(run("top --json").code, Code::not_understood);
  EXPECT_EQ(run("top | count").code, Code::not_understood);
}

TEST_F(Top, it_runs_until_q_or_ctrl_c_and_the_window_may_change_meanwhile) {
  Keyboard keyboard;
  keyboard.resize({100, 30});
  terminal = {.pty = true, .cursor = true, .keyboard = &keyboard};
  EXPECT_EQ(run("top --every 10ms").code, Code::not_understood);
  std::atomic<bool> over{false};
  std::jthread typist([&] {
    keyboard.resize({40, 10});
    while (!over) keyboard.give("q"), std::this_thread::sleep_for(10ms);
  });
  const auto done = run("top --every 1h");
  over = true;
  EXPECT_EQ(done.code, Code::done);
  EXPECT_TRUE(done.out.ends_with("\x1b[?1049l\x1b[?25h"));
  EXPECT_FALSE(keyboard.give("x")) << "nobody listens any more";
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(run("top --every 1h", stop.get_token()).code, Code::interrupted);
}

// Counts how often the service is asked.
struct CountedSnapshots : Snapshots {
  mutable std::atomic<int> asked{0};
  Snapshot snapshot() const override {
    ++asked;
    return {};
  }
};

TEST_F(Top, sixty_who_watch_ask_the_service_as_often_as_one) {
  CountedSnapshots snapshots;
  Observer observer;
  const auto begin = Clock::now();
  for (int watcher = 0; watcher < 60; ++watcher) observer.observe(snapshots, admin);
  const auto most = 1 + (Clock::now() - begin) / Observer::fresh_for;
  EXPECT_LE(snapshots.asked, most);
  const auto seen = observer.observe(snapshots, admin);
  EXPECT_NE(seen, nullptr);
}

TEST_F(Top, rate_shows_four_spans_and_a_picture) {
  const auto data = run("rate shop.orders --json").data();
  ASSERT_EQ(data["means"].size(), 4u);
  EXPECT_EQ(data["means"][0]["over_seconds"], 1.0);
  EXPECT_EQ(data["means"][0]["applied"], 300.0);
  EXPECT_EQ(data["means"][2]["applied"], nullptr) << "not known yet";
  EXPECT_EQ(data["applied_peak"], 100.0);
  EXPECT_NE(run("rate").out.find("██"), std::string::npos);
  EXPECT_EQ(run("rate --over 16m").code, Code::not_understood);
  EXPECT_EQ(run("rate nosuch").code, Code::no_such_thing);
}

}  // namespace
}  // namespace sluice::console

// Limits of the console: before login by address, after it by key and in total.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "console/ssh/admission.h"
#include "console/ssh/output_queue.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;
const Clock::time_point now{1000s};

std::optional<std::int64_t> greet(Admission& admission, std::int64_t id, const std::string& group,
                                  Clock::time_point at = now) {
  return admission.arrive(id, group, Progress::greeted, at);
}

TEST(Admission, a_stranger_of_the_largest_group_leaves_for_a_newcomer) {
  Admission admission({.unauthenticated = 4});
  for (const auto& [id, group] : {std::pair{1, "a"}, {2, "b"}, {3, "b"}, {4, "b"}}) {
    EXPECT_FALSE(greet(admission, id, group));
  }
  EXPECT_EQ(greet(admission, 5, "c"), 2);
  EXPECT_EQ(admission.unauthenticated(), 4U);
}

TEST(Admission, who_stands_still_leaves_before_who_comes_further) {
  Admission admission({.unauthenticated = 3});
  greet(admission, 1, "a");
  admission.progress(1, Progress::exchanged, now);  // and then nothing
  greet(admission, 2, "a", now + 2s);
  greet(admission, 3, "a", now + 2s);
  EXPECT_EQ(greet(admission, 4, "a", now + 2s), 1);
}

TEST(Admission, of_those_that_come_further_the_one_that_has_come_least_far_leaves) {
  Admission admission({.unauthenticated = 3});
  greet(admission, 1, "a", now);
  admission.progress(1, Progress::proposed, now + 1ms);
  greet(admission, 2, "a", now + 2ms);
  greet(admission, 3, "a", now + 3ms);
  EXPECT_EQ(greet(admission, 4, "a", now + 4ms), 2);
}

TEST(Admission, who_has_asked_for_a_listed_key_stays_however_many_come) {
  Admission admission({.unauthenticated = 4});
  greet(admission, 1, "a");
  admission.progress(1, Progress::listed, now);
  for (int id = 2; id < 500; ++id) EXPECT_NE(greet(admission, id, "a", now + 5s), 1);
  EXPECT_FALSE(admission.log_in(1, "k", false, 4, now + 5s));
}

TEST(Admission, who_asks_for_a_listed_key_and_does_not_sign_has_places_that_are_counted) {
  Admission admission({.unauthenticated = 4, .listed = 3});
  std::int64_t next = 1;
  std::size_t most = 0;
  for (auto at = now; next < 500; at += 20ms) {
    greet(admission, next, "a", at);
    admission.progress(next++, Progress::listed, at);
    most = std::max(most, admission.unauthenticated());
  }
  EXPECT_EQ(most, 3U);
  // Whoever asks later than they do has her time to sign.
  const auto at = now + 100s;
  greet(admission, next, "b", at);
  admission.progress(next, Progress::listed, at);
  EXPECT_NE(greet(admission, next + 1, "a", at), next);
  EXPECT_FALSE(admission.log_in(next, "k", false, 4, at));
}

TEST(Admission, a_place_is_given_back_unless_it_is_kept) {
  Admission admission;
  {
    greet(admission, 1, "a");
    const Place lost(admission, 1);
    greet(admission, 2, "a");
    Place kept(admission, 2);
    kept.keep();
  }
  EXPECT_EQ(admission.unauthenticated(), 1U);
}

TEST(Admission, of_those_that_do_not_sign_the_oldest_of_the_largest_address_leaves) {
  Admission admission({.unauthenticated = 4, .listed = 4});
  for (const auto& [id, group] : {std::pair{1, "b"}, {2, "a"}, {3, "a"}, {4, "a"}}) {
    greet(admission, id, group);
    admission.progress(id, Progress::listed, now + std::chrono::milliseconds(10 - id));
  }
  EXPECT_EQ(greet(admission, 5, "c", now + 20ms), 4);
}

TEST(Admission, however_they_ask_there_are_never_more_without_a_login_than_both_limits) {
  Admission admission({.unauthenticated = 4, .listed = 3});
  for (std::int64_t id = 1; id < 200; ++id) {
    greet(admission, id, "a");
    if (id % 5 == 0)
      for (std::int64_t one = id - 4; one <= id; ++one) admission.progress(one, Progress::listed, now);
    EXPECT_LE(admission.unauthenticated(), 7U);
  }
}

// 400 greetings a second from the operator's own address, while she takes 20 ms for each step.
TEST(Admission, a_flood_from_her_own_address_does_not_evict_an_operator) {
  Admission admission;
  std::int64_t next = 1;
  auto at = now;
  const auto flood = [&](std::chrono::milliseconds time, std::int64_t operators) {
    for (auto end = at + time; at < end; at += 2500us) EXPECT_NE(greet(admission, next++, "a", at), operators);
  };
  for (int login = 0; login < 20; ++login) {
    flood(200ms, 0);
    const auto id = next++;
    EXPECT_NE(greet(admission, id, "a", at), id);
    for (const auto step : {Progress::proposed, Progress::exchanged, Progress::listed}) {
      flood(20ms, id);
      admission.progress(id, step, at);
    }
    flood(500ms, id);
    EXPECT_FALSE(admission.log_in(id, "k", false, 4, at));
    admission.leave(id);
  }
}

TEST(Admission, the_last_sessions_are_kept_for_admins) {
  Admission admission({.sessions = 3, .reserved_for_admin = 1});
  for (int id = 1; id <= 4; ++id) greet(admission, id, "a");
  EXPECT_FALSE(admission.log_in(1, "k1", false, 4, now));
  EXPECT_FALSE(admission.log_in(2, "k2", false, 4, now));
  EXPECT_THAT(admission.log_in(3, "k3", false, 4, now).value(), testing::HasSubstr("too many sessions"));
  EXPECT_FALSE(admission.log_in(3, "k3", true, 4, now));
  EXPECT_THAT(admission.log_in(4, "k3", true, 4, now).value(), testing::HasSubstr("too many sessions"));
  admission.leave(1);
  EXPECT_FALSE(admission.log_in(4, "k3", true, 4, now));
}

TEST(Admission, a_key_has_no_more_sessions_than_its_line_allows) {
  Admission admission;
  greet(admission, 1, "a");
  greet(admission, 2, "b");
  EXPECT_FALSE(admission.log_in(1, "k", false, 1, now));
  EXPECT_THAT(admission.log_in(2, "k", false, 1, now).value(), testing::HasSubstr("this key has 1 of 1"));
}

TEST(Admission, sessions_are_never_evicted_for_strangers) {
  Admission admission({.unauthenticated = 1});
  greet(admission, 1, "a");
  EXPECT_FALSE(admission.log_in(1, "k", false, 4, now));
  EXPECT_FALSE(greet(admission, 2, "a"));
  EXPECT_EQ(greet(admission, 3, "a"), 2);
  EXPECT_EQ(admission.sessions(), 1U);
}

TEST(Admission, a_penalty_doubles_and_ends) {
  Admission admission;
  EXPECT_EQ(admission.penalize("a", now), 5s);
  EXPECT_EQ(admission.penalize("a", now + 1s), std::nullopt) << "connections that fail together are one offence";
  EXPECT_TRUE(admission.refused("a", now + 4s));
  EXPECT_FALSE(admission.refused("b", now + 4s));
  EXPECT_FALSE(admission.refused("a", now + 5s));
  EXPECT_EQ(admission.penalize("a", now + 6s), 10s);
  auto at = now + 16s;
  for (int i = 0; i < 10; ++i) at += admission.penalize("a", at).value();
  EXPECT_EQ(admission.penalize("a", at), 600s);
  EXPECT_EQ(admission.penalize("a", at + 1300s), 5s) << "after as long again without an offence it begins anew";
}

TEST(Admission, an_address_that_somebody_logged_in_from_is_not_punished_for_an_hour) {
  Admission admission;
  greet(admission, 1, "a");
  EXPECT_FALSE(admission.log_in(1, "k", false, 4, now));
  EXPECT_EQ(admission.penalize("a", now), std::nullopt);
  admission.leave(1);
  EXPECT_EQ(admission.penalize("a", now + 3599s), std::nullopt);
  EXPECT_EQ(admission.penalize("a", now + 3601s), 5s);
}

TEST(Admission, key_exchanges_without_a_login_are_counted_by_address) {
  Admission admission({.handshakes = 3, .handshakes_per_second = 2});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(admission.count_handshake("a", now));
  EXPECT_FALSE(admission.count_handshake("a", now));
  EXPECT_TRUE(admission.count_handshake("b", now));
  EXPECT_TRUE(admission.count_handshake("a", now + 500ms));
  EXPECT_FALSE(admission.count_handshake("a", now + 500ms));
}

TEST(Admission, what_it_remembers_of_addresses_is_bounded) {
  Admission admission({.addresses = 2});
  for (int i = 0; i < 5; ++i) admission.penalize(std::to_string(i), now + i * 1ms);
  EXPECT_FALSE(admission.refused("0", now + 1s));
  EXPECT_TRUE(admission.refused("4", now + 1s));
}

TEST(Admission, the_log_tells_how_many_lines_it_left_out) {
  Admission admission({.log_lines_per_second = 2});
  EXPECT_EQ(admission.may_log(now), 0);
  EXPECT_EQ(admission.may_log(now), 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(admission.may_log(now), std::nullopt);
  EXPECT_EQ(admission.may_log(now + 1s), 5);
}

TEST(OutputQueue, keeps_the_order_of_both_streams_and_turns_line_ends_for_a_terminal) {
  OutputQueue plain([] {});
  plain.out("a\n");
  plain.err("b\n");
  plain.out("c");
  EXPECT_EQ(plain.front(100).text, "a\n");
  plain.consume(2);
  EXPECT_TRUE(plain.front(100).err);
  EXPECT_EQ(plain.front(1).text, "b");
  EXPECT_EQ(plain.size(), 3U);

  OutputQueue pty([] {});
  pty.use_pty();
  pty.out("a\r");
  pty.out("\nb\n");
  pty.err("c");
  EXPECT_EQ(pty.front(100).text, "a\r\nb\r\nc");
}

TEST(OutputQueue, a_fast_writer_waits_for_its_reader_and_loses_nothing) {
  OutputQueue queue([] {});
  const std::string text(4 * OutputQueue::soft_limit, 'x');
  std::jthread writer([&] { queue.out(text); });
  std::size_t got = 0;
  for (const auto until = std::chrono::steady_clock::now() + 60s;
       got < text.size() && std::chrono::steady_clock::now() < until;) {
    EXPECT_LE(queue.size(), OutputQueue::soft_limit + 16 * 1024);
    const auto piece = queue.front(8192);
    got += piece.text.size();
    queue.consume(piece.text.size());
    if (piece.text.empty()) std::this_thread::yield();
  }
  EXPECT_EQ(got, text.size());
}

TEST(OutputQueue, the_alternate_screen_is_left_when_the_reader_has_taken_what_leaves_it) {
  OutputQueue queue([] {});
  queue.use_pty();
  queue.out("\x1b[?1049hframe\n");
  const auto enter = queue.front(100).text.size();
  queue.out("\x1b[?1049l\n");
  EXPECT_TRUE(queue.full_screen());
  queue.out("done\n");
  queue.consume(enter);
  EXPECT_TRUE(queue.full_screen()) << "a queue that is closed now loses it";
  queue.consume(4);
  EXPECT_TRUE(queue.full_screen());
  queue.consume(6);
  EXPECT_FALSE(queue.full_screen());
  queue.out("\x1b[?1049h");
  queue.out("\x1b[?1049l");
  queue.out("\x1b[?1049h");
  while (queue.size() > 0) queue.consume(queue.front(3).text.size());
  EXPECT_TRUE(queue.full_screen()) << "it was entered again";
}

TEST(OutputQueue, closing_it_frees_a_writer_that_waits) {
  OutputQueue queue([] {});
  const std::string text(4 * OutputQueue::soft_limit, 'x');
  std::jthread writer([&] { queue.out(text); });
  while (queue.size() < OutputQueue::soft_limit) std::this_thread::yield();
  queue.close();
  writer.join();
  EXPECT_EQ(queue.size(), 0U);
}

}  // namespace
}  // namespace sluice::console

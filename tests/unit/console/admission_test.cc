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

TEST(Admission, the_oldest_stranger_of_the_largest_group_leaves_for_a_newcomer) {
  Admission admission({.unauthenticated = 4, .unauthenticated_per_group = 3});
  for (const auto& [id, group] : {std::pair{1, "a"}, {2, "b"}, {3, "b"}, {4, "b"}}) {
    EXPECT_FALSE(admission.arrive(id, group, now).evict);
  }
  EXPECT_EQ(admission.arrive(5, "c", now).evict, 2);
  EXPECT_EQ(admission.unauthenticated(), 4U);
}

TEST(Admission, an_address_at_its_limit_evicts_its_own_oldest_stranger) {
  Admission admission({.unauthenticated = 32, .unauthenticated_per_group = 2});
  admission.arrive(1, "a", now);
  admission.arrive(2, "b", now);
  admission.arrive(3, "b", now);
  EXPECT_EQ(admission.arrive(4, "b", now).evict, 2);
  EXPECT_EQ(admission.unauthenticated(), 3U);
}

TEST(Admission, the_last_sessions_are_kept_for_admins) {
  Admission admission({.sessions = 3, .reserved_for_admin = 1});
  for (int id = 1; id <= 4; ++id) admission.arrive(id, "a", now);
  EXPECT_FALSE(admission.log_in(1, "k1", false, 4));
  EXPECT_FALSE(admission.log_in(2, "k2", false, 4));
  EXPECT_THAT(admission.log_in(3, "k3", false, 4).value(), testing::HasSubstr("too many sessions"));
  EXPECT_FALSE(admission.log_in(3, "k3", true, 4));
  EXPECT_THAT(admission.log_in(4, "k3", true, 4).value(), testing::HasSubstr("too many sessions"));
  admission.leave(1);
  EXPECT_FALSE(admission.log_in(4, "k3", true, 4));
}

TEST(Admission, a_key_has_no_more_sessions_than_its_line_allows) {
  Admission admission;
  admission.arrive(1, "a", now);
  admission.arrive(2, "b", now);
  EXPECT_FALSE(admission.log_in(1, "k", false, 1));
  EXPECT_THAT(admission.log_in(2, "k", false, 1).value(), testing::HasSubstr("this key has 1 of 1"));
}

TEST(Admission, sessions_are_never_evicted_for_strangers) {
  Admission admission({.unauthenticated = 1, .unauthenticated_per_group = 1});
  admission.arrive(1, "a", now);
  EXPECT_FALSE(admission.log_in(1, "k", false, 4));
  EXPECT_FALSE(admission.arrive(2, "a", now).evict);
  EXPECT_EQ(admission.arrive(3, "a", now).evict, 2);
  EXPECT_EQ(admission.sessions(), 1U);
}

TEST(Admission, a_penalty_doubles_and_ends) {
  Admission admission;
  EXPECT_EQ(admission.penalize("a", now), 5s);
  EXPECT_EQ(admission.penalize("a", now + 1s), 5s) << "connections that fail together are one offence";
  EXPECT_FALSE(admission.arrive(1, "a", now + 4s).welcome);
  EXPECT_TRUE(admission.arrive(2, "b", now + 4s).welcome);
  EXPECT_TRUE(admission.arrive(3, "a", now + 5s).welcome);
  EXPECT_EQ(admission.penalize("a", now + 6s), 10s);
  auto at = now + 16s;
  for (int i = 0; i < 10; ++i) at += admission.penalize("a", at);
  EXPECT_EQ(admission.penalize("a", at), 600s);
  EXPECT_EQ(admission.penalize("a", at + 1300s), 5s) << "after as long again without an offence it begins anew";
}

TEST(Admission, an_address_with_a_session_in_good_standing_is_not_punished) {
  Admission admission;
  admission.arrive(1, "a", now);
  EXPECT_FALSE(admission.log_in(1, "k", false, 4));
  EXPECT_EQ(admission.penalize("a", now), 0s);
  EXPECT_TRUE(admission.arrive(2, "a", now).welcome);
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

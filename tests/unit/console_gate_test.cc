// Limits of the console: before login by address, after it by key and in total.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "console/ssh/admission.h"
#include "console/ssh/output_queue.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;
const Gate::Clock::time_point now{1000s};

TEST(Gate, TheOldestStrangerOfTheLargestGroupLeavesForANewcomer) {
  Gate gate({.strangers = 4, .strangers_per_group = 3});
  for (const auto& [id, group] : {std::pair{1, "a"}, {2, "b"}, {3, "b"}, {4, "b"}}) {
    EXPECT_FALSE(gate.arrive(id, group, now).evict);
  }
  EXPECT_EQ(gate.arrive(5, "c", now).evict, 2);
  EXPECT_EQ(gate.strangers(), 4U);
}

TEST(Gate, AnAddressAtItsLimitEvictsItsOwnOldestStranger) {
  Gate gate({.strangers = 32, .strangers_per_group = 2});
  gate.arrive(1, "a", now);
  gate.arrive(2, "b", now);
  gate.arrive(3, "b", now);
  EXPECT_EQ(gate.arrive(4, "b", now).evict, 2);
  EXPECT_EQ(gate.strangers(), 3U);
}

TEST(Gate, TheLastSessionsAreKeptForAdmins) {
  Gate gate({.sessions = 3, .reserved_for_admin = 1});
  for (int id = 1; id <= 4; ++id) gate.arrive(id, "a", now);
  EXPECT_FALSE(gate.log_in(1, "k1", false, 4));
  EXPECT_FALSE(gate.log_in(2, "k2", false, 4));
  EXPECT_THAT(gate.log_in(3, "k3", false, 4).value(), testing::HasSubstr("too many sessions"));
  EXPECT_FALSE(gate.log_in(3, "k3", true, 4));
  EXPECT_THAT(gate.log_in(4, "k3", true, 4).value(), testing::HasSubstr("too many sessions"));
  gate.leave(1);
  EXPECT_FALSE(gate.log_in(4, "k3", true, 4));
}

TEST(Gate, AKeyHasNoMoreSessionsThanItsLineAllows) {
  Gate gate;
  gate.arrive(1, "a", now);
  gate.arrive(2, "b", now);
  EXPECT_FALSE(gate.log_in(1, "k", false, 1));
  EXPECT_THAT(gate.log_in(2, "k", false, 1).value(), testing::HasSubstr("this key has 1 of 1"));
}

TEST(Gate, SessionsAreNeverEvictedForStrangers) {
  Gate gate({.strangers = 1, .strangers_per_group = 1});
  gate.arrive(1, "a", now);
  EXPECT_FALSE(gate.log_in(1, "k", false, 4));
  EXPECT_FALSE(gate.arrive(2, "a", now).evict);
  EXPECT_EQ(gate.arrive(3, "a", now).evict, 2);
  EXPECT_EQ(gate.sessions(), 1U);
}

TEST(Gate, APenaltyDoublesAndEnds) {
  Gate gate;
  EXPECT_EQ(gate.offend("a", now), 5s);
  EXPECT_EQ(gate.offend("a", now + 1s), 5s) << "connections that fail together are one offence";
  EXPECT_FALSE(gate.arrive(1, "a", now + 4s).welcome);
  EXPECT_TRUE(gate.arrive(2, "b", now + 4s).welcome);
  EXPECT_TRUE(gate.arrive(3, "a", now + 5s).welcome);
  EXPECT_EQ(gate.offend("a", now + 6s), 10s);
  auto at = now + 16s;
  for (int i = 0; i < 10; ++i) at += gate.offend("a", at);
  EXPECT_EQ(gate.offend("a", at), 600s);
  EXPECT_EQ(gate.offend("a", at + 1300s), 5s) << "after as long again without an offence it begins anew";
}

TEST(Gate, AnAddressWithASessionInGoodStandingIsNotPunished) {
  Gate gate;
  gate.arrive(1, "a", now);
  EXPECT_FALSE(gate.log_in(1, "k", false, 4));
  EXPECT_EQ(gate.offend("a", now), 0s);
  EXPECT_TRUE(gate.arrive(2, "a", now).welcome);
}

TEST(Gate, TheLogTellsHowManyLinesItLeftOut) {
  Gate gate({.log_lines_per_second = 2});
  EXPECT_EQ(gate.may_log(now), 0);
  EXPECT_EQ(gate.may_log(now), 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gate.may_log(now), std::nullopt);
  EXPECT_EQ(gate.may_log(now + 1s), 5);
}

TEST(OutputQueue, KeepsTheOrderOfBothStreamsAndTurnsLineEndsForATerminal) {
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

TEST(OutputQueue, AFastWriterWaitsForItsReaderAndLosesNothing) {
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

TEST(OutputQueue, ClosingItFreesAWriterThatWaits) {
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

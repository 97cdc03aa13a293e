#include "base/ready_signal.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace sluice {
namespace {

bool readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, 0) == 1;
}

TEST(ReadySignal, tells_each_token_once_in_the_order_of_arrival) {
  ReadySignal signal;
  EXPECT_FALSE(readable(signal.fd()));
  for (const std::uint32_t token : {7u, 2u, 7u, 2u, 9u}) signal.notify(token);
  EXPECT_TRUE(readable(signal.fd()));
  EXPECT_EQ(signal.take(), (std::vector<std::uint32_t>{7, 2, 9}));
  EXPECT_FALSE(readable(signal.fd()));
  EXPECT_TRUE(signal.take().empty());
}

TEST(ReadySignal, a_token_that_was_taken_rings_again) {
  ReadySignal signal;
  signal.notify(3);
  signal.take();
  signal.notify(3);
  EXPECT_TRUE(readable(signal.fd()));
  EXPECT_EQ(signal.take(), std::vector<std::uint32_t>{3});
}

TEST(ReadySignal, a_ring_without_a_token_wakes_and_leaves_nothing_to_take) {
  ReadySignal signal;
  signal.ring();
  EXPECT_TRUE(readable(signal.fd()));
  EXPECT_TRUE(signal.take().empty());
  EXPECT_FALSE(readable(signal.fd()));
}

TEST(ReadySignal, no_notice_of_many_threads_is_lost) {
  ReadySignal signal;
  constexpr std::uint32_t threads = 4;
  constexpr int rounds = 20'000;
  std::atomic<int> sent[threads] = {};
  std::vector<std::thread> notifiers;
  for (std::uint32_t token = 0; token < threads; ++token) {
    notifiers.emplace_back([&, token] {
      for (int i = 0; i < rounds; ++i) {
        ++sent[token];
        signal.notify(token);
      }
    });
  }
  // Whoever takes a token sees everything that was sent before it was notified.
  int seen[threads] = {};
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  const auto complete = [&] { return std::ranges::all_of(seen, [](int n) { return n == rounds; }); };
  while (!complete() && std::chrono::steady_clock::now() < until) {
    pollfd one{signal.fd(), POLLIN, 0};
    ASSERT_EQ(poll(&one, 1, 60'000), 1) << "a notice was lost";
    for (const auto token : signal.take()) seen[token] = sent[token];
  }
  for (auto& notifier : notifiers) notifier.join();
  EXPECT_TRUE(complete());
}

}  // namespace
}  // namespace sluice

#include "base/thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "base/log.h"

namespace sluice {
namespace {

TEST(Thread, runs_its_body_and_is_joined_by_its_destructor) {
  std::atomic<int> ran{0};
  {
    auto thread = Thread::start("unit", [&] { ++ran; }, Thread::small_stack);
    ASSERT_TRUE(thread) << thread.error().message;
    EXPECT_TRUE(thread->joinable());
    Thread moved = std::move(*thread);
    EXPECT_FALSE(thread->joinable());
    EXPECT_TRUE(moved.joinable());
  }
  EXPECT_EQ(ran, 1);
}

TEST(Thread, an_exception_of_its_body_is_logged_and_told_and_ends_nothing_else) {
  std::atomic<int> told{0};
  auto thread =
      Thread::start("unit", [] { throw std::runtime_error("a mistake"); }, Thread::small_stack, [&] { ++told; });
  ASSERT_TRUE(thread);
  thread->join();
  EXPECT_EQ(told, 1);
  auto other = Thread::start("unit", [] { throw 7; }, Thread::small_stack, [&] { ++told; });
  ASSERT_TRUE(other);
  other->join();
  EXPECT_EQ(told, 2);
  ASSERT_FALSE(log::recent().empty());
}

// The system refuses a stack that is larger than the address space, just as it refuses one thread too many.
TEST(Thread, one_that_the_system_refuses_is_an_error_that_says_what_to_raise) {
  const auto thread = Thread::start("unit", [] {}, std::size_t{1} << 50);
  ASSERT_FALSE(thread);
  EXPECT_NE(thread.error().message.find("no thread for unit"), std::string::npos) << thread.error().message;
  EXPECT_NE(thread.error().message.find("TasksMax"), std::string::npos) << thread.error().message;
}

}  // namespace
}  // namespace sluice

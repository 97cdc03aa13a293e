// What the log keeps for the console.
#include "base/log.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::log {
namespace {

std::ptrdiff_t kept(std::string_view who) {
  const auto entries = recent();
  return std::ranges::count(entries, who, &Entry::who);
}

TEST(Log, a_flood_of_warnings_neither_washes_out_errors_nor_other_speakers) {
  error("unit sink", "a disk is full");
  warning("unit lane", "a retry");
  const auto before = error_counts();
  for (int i = 0; i < 1000; ++i) warning("unit stranger", "no login {}", i);
  EXPECT_EQ(kept("unit sink"), 1);
  EXPECT_EQ(kept("unit lane"), 1);
  EXPECT_LE(kept("unit stranger"), static_cast<std::ptrdiff_t>(recent_at_most));
  EXPECT_EQ(error_counts().total, before.total);
  EXPECT_EQ(recent().back().text, "no login 999");
}

TEST(Log, errors_are_counted_beyond_those_that_are_kept) {
  const auto before = error_counts();
  for (int i = 0; i < 500; ++i) error("unit loud", "{}", i);
  EXPECT_EQ(error_counts().total, before.total + 500);
  EXPECT_EQ(error_counts().last_hour, before.last_hour + 500);
  EXPECT_LE(recent().size(), 2 * recent_at_most);
  EXPECT_TRUE(std::ranges::is_sorted(recent(), {}, &Entry::at));
}

}  // namespace
}  // namespace sluice::log

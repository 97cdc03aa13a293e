// What the trail keeps of those who never logged in.
#include "runtime/control/audit_trail.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"

namespace sluice::runtime {
namespace {

AuditRow row(const std::string& role, const std::string& command) {
  AuditRow made;
  made.who.role = role;
  made.who.address = "203.0.113.7:4711";
  made.command = command;
  return made;
}

// There is no server, so rows wait; each is told when the process ends.
class AuditTrailTest : public testing::Test {
 protected:
  static config::Postgres nobody() {
    config::Postgres settings;
    settings.url = Secret("postgresql://app@127.0.0.1:1/shop");
    return settings;
  }
  // Warnings that hold the text, as viewers see them.
  static std::int64_t warned(const std::string& text) {
    const auto lines = log::recent();
    return std::ranges::count_if(lines, [&](const log::Entry& one) { return one.text.contains(text); });
  }
  std::int64_t lost() const { return warned("a row of the trail is only in the log") - before_; }

  const std::int64_t before_ = warned("a row of the trail is only in the log");
  sink::AdminTables tables{nobody(), {"shop", "me", "here"}};
  AuditTrail trail{tables};
};

TEST_F(AuditTrailTest, strangers_have_thirty_rows_a_minute_and_one_that_counts_the_others) {
  for (int i = 0; i < 500; ++i) trail.note(row("", "login"));
  trail.give_up();
  EXPECT_EQ(lost(), 31);
}

TEST_F(AuditTrailTest, operators_always_have_their_row) {
  for (int i = 0; i < 500; ++i) trail.note(row("", "login"));
  for (int i = 0; i < 5; ++i) trail.note(row("operator", "dead show"));
  trail.write_notes();
  EXPECT_EQ(lost(), 0) << "they wait";
  trail.give_up();
  EXPECT_EQ(lost(), 36);
}

TEST_F(AuditTrailTest, what_is_lost_is_told_to_viewers_without_the_row) {
  trail.note(row("operator", "dead show"));
  trail.give_up();
  EXPECT_EQ(lost(), 1);
  EXPECT_EQ(warned("dead show"), 0);
  EXPECT_EQ(warned("203.0.113.7"), 0);
}

}  // namespace
}  // namespace sluice::runtime

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

TEST(AuditTrail, strangers_fill_neither_the_table_nor_the_log_and_operators_always_have_their_row) {
  config::Postgres nobody;
  nobody.url = Secret("postgresql://app@127.0.0.1:1/shop");
  sink::AdminTables tables(nobody, {"shop", "me", "here"});
  AuditTrail trail(tables);
  for (int i = 0; i < 500; ++i) trail.note(row("", "login"));
  for (int i = 0; i < 5; ++i) trail.note(row("operator", "dead show"));
  trail.write_notes();  // there is no server, so they wait
  trail.give_up();      // and each is told when the process ends
  const auto lines = log::recent();
  const auto with = [&](const std::string& text) {
    return std::ranges::count_if(lines, [&](const log::Entry& one) { return one.text.contains(text); });
  };
  EXPECT_EQ(with(R"("command":"login")"), 30);
  EXPECT_EQ(with(R"("role":"operator")"), 5);
}

}  // namespace
}  // namespace sluice::runtime

// record: what was written is shown as text, to operators only, and goes to the audit trail.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

using ConsoleRecord = ConsoleTest;

TEST_F(ConsoleRecord, a_record_is_shown_with_its_bytes_spelled_out) {
  const auto shown = run("record shop.orders/1 4711");
  EXPECT_EQ(shown.code, Code::done) << shown.err;
  EXPECT_EQ(shown.out.find('\x1b'), std::string::npos);
  EXPECT_NE(shown.out.find("\\u{1b}[2J\\xff"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("h=v, empty=, none"), std::string::npos) << shown.out;
  const auto data = run("record shop.orders/1 4711 --json").data();
  EXPECT_EQ(data["offset"], 4711);
  EXPECT_EQ(data["value_bytes"], 5);
  EXPECT_EQ(data["tombstone"], false);
  admin.has_record = false;
  EXPECT_EQ(run("record shop.orders/1 4711 --json").data()["tombstone"], true);
}

TEST_F(ConsoleRecord, a_viewer_never_sees_it_and_who_does_is_in_the_audit_trail) {
  EXPECT_EQ(run("record shop.orders/1 4711").code, Code::done);
  ASSERT_EQ(admin.notes.size(), 1u);
  EXPECT_EQ(admin.notes[0].command, "record");
  EXPECT_EQ(admin.notes[0].target, "shop.orders/1 4711");
  login.caller.role = "viewer";
  const auto refused = run("record shop.orders/1 4711");
  EXPECT_EQ(refused.code, Code::not_allowed);
  EXPECT_EQ(refused.out, "");
}

TEST_F(ConsoleRecord, what_is_not_there_is_refused) {
  EXPECT_EQ(run("record shop.orders 1").code, Code::not_understood);
  EXPECT_EQ(run("record shop.orders/1 -1").code, Code::not_understood);
  EXPECT_EQ(run("record shop.orders/9 1").code, Code::no_such_thing);
  admin.kafka = false;
  EXPECT_EQ(run("record shop.orders/1 1").err, "error: Kafka does not answer\n");
}

}  // namespace
}  // namespace sluice::console

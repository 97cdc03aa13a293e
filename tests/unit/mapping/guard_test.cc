// Versions and marks within a batch: what folds, what stays apart, and the order of versions.
#include "mapping/version_order.h"
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

Message row_event(const std::string& row) {
  return {R"({"id":1})", row};
}

Message gone(const std::string& row) {
  return {R"({"id":1})", fmt::format(R"({{"op":"d","before":{},"after":null}})", row)};
}

std::shared_ptr<Table> versioned(bool soft) {
  auto made = table({{"id", "int4"}, {"a", "text"}, {"b", "text"}, {"v", "int8"}, {"gone", "bool"}});
  made->guard = 3;
  if (soft) made->marker = 4;
  return made;
}

std::string folded(bool soft, const std::vector<Message>& messages) {
  Fixture fixture(versioned(soft));
  fixture.route.version = config::VersionPath::parse("v");
  if (soft) fixture.route.on_delete = {config::OnDelete::soft, "gone"};
  const Changes changes = fixture.map(messages);
  return outcomes(changes) + "\n" + text_of(changes);
}

TEST(MappingGuard, the_newest_version_of_a_batch_wins_not_the_last_offset) {
  EXPECT_EQ(folded(true, {row_event(R"({"id":1,"a":"x","b":"y","v":5})"),
                          row_event(R"({"id":1,"a":"old","b":"old","v":4})")}),
            "as\nwrite id=1 a=x b=y v=5 gone=false\n");
  EXPECT_EQ(folded(true, {row_event(R"({"id":1,"a":"x","v":5})"), row_event(R"({"id":1,"a":"z","b":"y","v":6})")}),
            "fa\nwrite id=1 a=z b=y v=6 gone=false\n");
  EXPECT_EQ(folded(false, {row_event(R"({"id":1,"a":"x","v":5})"), gone(R"({"id":1,"v":4})")}),
            "as\nwrite id=1 a=x v=5\n");
  EXPECT_EQ(folded(false, {row_event(R"({"id":1,"a":"x","v":5})"), {R"({"id":1})", {}}}), "fa\nremove id=1\n")
      << "a tombstone has no version";
}

TEST(MappingGuard, what_depends_on_the_table_stays_apart) {
  EXPECT_EQ(folded(true, {row_event(R"({"id":1,"a":"x","b":"y","v":5})"), row_event(R"({"id":1,"a":"z","v":6})")}),
            "aa\nwrite id=1 a=x b=y v=5 gone=false\nstep\nwrite id=1 a=z v=6 gone=false\n");
  EXPECT_EQ(folded(true, {row_event(R"({"id":1,"a":"x","v":5})"), row_event(R"({"id":1,"b":"z","v":5})")}),
            "fa\nwrite id=1 a=x b=z v=5 gone=false\n")
      << "equal versions both apply, or neither";
  EXPECT_EQ(folded(false, {gone(R"({"id":1,"v":5})"), row_event(R"({"id":1,"a":"x","v":4})")}),
            "aa\nremove id=1 v=5\nstep\nwrite id=1 a=x v=4\n");
}

TEST(MappingGuard, a_write_without_a_version_is_refused) {
  EXPECT_EQ(folded(true, {row_event(R"({"id":1,"a":"x"})")}), "d\n");
  EXPECT_EQ(folded(true, {row_event(R"({"id":1,"a":"x","v":null})")}), "d\n");
}

TEST(MappingGuard, a_delete_whose_version_is_null_has_none) {
  EXPECT_EQ(folded(true, {gone(R"({"id":1,"v":null})")}), "a\nmark id=1 gone=true\n");
  EXPECT_EQ(folded(false, {gone(R"({"id":1,"v":null})")}), "a\nremove id=1\n");
  EXPECT_EQ(folded(true, {gone(R"({"id":1,"v":3})"), gone(R"({"id":1,"v":null})")}),
            "aa\nmark id=1 v=3 gone=true\nstep\nmark id=1 gone=true\n");
}

TEST(MappingGuard, a_record_whose_new_row_is_older_is_skipped_although_it_moves_the_old_one) {
  const auto moves = [](int from, int to, int version) {
    return Message{
        {}, fmt::format(R"({{"op":"u","before":{{"id":{}}},"after":{{"id":{},"a":"m","v":{}}}}})", from, to, version)};
  };
  EXPECT_EQ(folded(true, {row_event(R"({"id":1,"a":"x","v":9})"), moves(2, 1, 5)}),
            "as\nwrite id=1 a=x v=9 gone=false\nmark id=2 v=5 gone=true\n");
  const Message again{{}, R"({"id":2,"a":"y","v":6})"};
  EXPECT_EQ(folded(true, {row_event(R"({"id":1,"a":"x","v":9})"), moves(2, 1, 5), again}),
            "asa\nwrite id=1 a=x v=9 gone=false\nwrite id=2 a=y v=6 gone=false\n")
      << "what becomes of the old row changes nothing of that";
  EXPECT_EQ(folded(true, {{{}, R"({"id":2,"a":"x","v":9})"}, moves(2, 1, 5)}),
            "aa\nwrite id=2 a=x v=9 gone=false\nwrite id=1 a=m v=5 gone=false\n")
      << "the new row decides, not the old one";
}

TEST(MappingGuard, versions_compare_as_postgresql_compares_them) {
  const auto bytes = [](std::initializer_list<int> values) {
    std::string made;
    for (const int value : values) made.push_back(static_cast<char>(value));
    return made;
  };
  const std::string minus = bytes({255, 255, 255, 254}), two = bytes({0, 0, 0, 2});
  EXPECT_LT(compare_versions(column("v", "int4"), minus, two), 0);
  EXPECT_EQ(compare_versions(column("v", "int4"), two, two), 0);
  EXPECT_GT(compare_versions(column("v", "text"), "b", "a\xff"), 0);
  const auto numeric = [&](int groups, int weight, int sign, std::initializer_list<int> digits) {
    return bytes({0, groups, weight >> 8, weight, sign, 0, 0, 0}) + bytes(digits);
  };
  const std::string ascending[] = {
      numeric(0, 0, 0xF0, {}),     numeric(1, 1, 0x40, {0, 2}),    numeric(1, 0, 0x40, {0, 2}),
      numeric(1, 0, 0x40, {0, 1}), numeric(0, 0, 0, {}),           numeric(1, -1, 0, {0, 9}),
      numeric(1, 0, 0, {0, 1}),    numeric(2, 0, 0, {0, 1, 0, 1}), numeric(1, 0, 0, {0, 2}),
      numeric(1, 1, 0, {0, 1}),    numeric(0, 0, 0xD0, {}),        numeric(0, 0, 0xC0, {})};
  for (std::size_t one = 0; one < std::size(ascending); ++one) {
    for (std::size_t other = 0; other < std::size(ascending); ++other) {
      const int compared = compare_versions(column("v", "numeric"), ascending[one], ascending[other]);
      EXPECT_EQ(compared < 0, one < other) << one << " " << other;
      EXPECT_EQ(compared == 0, one == other) << one << " " << other;
    }
  }
}

}  // namespace
}  // namespace sluice::mapping::test

// Copies of a registry's schemas in sluice.schema.
#include "sink/schema_copies.h"
#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

using SchemaCopiesTest = SinkTest;
using Access = SchemaCopies::Access;

// Pages of PostgreSQL compress what repeats itself.
std::string random_letters(std::size_t size) {
  std::string out;
  for (std::uint32_t state = 1; out.size() < size; state = state * 1'664'525 + 1'013'904'223)
    out += static_cast<char>('A' + (state >> 24) % 58);
  return out;
}

TEST_F(SchemaCopiesTest, a_copy_is_what_was_said_last_with_no_reference_of_an_earlier_schema) {
  SchemaCopies copies(settings, Access::write);
  ASSERT_TRUE(copies.save("r", "7", {SchemaKind::json, "old", {{"a/\"b\\", "A"}, {"c", "C"}}}));
  ASSERT_TRUE(copies.save("r", "70", {SchemaKind::avro, "other", {{"c", "C"}}}));
  EXPECT_EQ((*copies.load("r", "7"))->references.size(), 2u);
  ASSERT_TRUE(copies.save("r", "7", {SchemaKind::avro, "new", {{"a/\"b\\", "B"}}}));
  const auto found = copies.load("r", "7");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->body, "new");
  EXPECT_EQ((*found)->kind, SchemaKind::avro);
  ASSERT_EQ((*found)->references.size(), 1u);
  EXPECT_EQ((*found)->references[0].name, "a/\"b\\");
  EXPECT_EQ((*found)->references[0].body, "B");
  EXPECT_EQ((*copies.load("r", "70"))->references.size(), 1u);
}

TEST_F(SchemaCopiesTest, what_may_only_read_stores_nothing) {
  EXPECT_TRUE(SchemaCopies(settings, Access::read).save("r", "7", {SchemaKind::avro, "new", {}}));
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".schema"), "0");
}

TEST_F(SchemaCopiesTest, contents_that_postgresql_refuses_are_told_from_its_trouble) {
  SchemaCopies copies(settings, Access::write);
  const auto refused = copies.save("r", "7", {SchemaKind::avro, "new", {{random_letters(9000), "A"}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().next, ErrorClass::reject) << refused.error().message;
  sql("DROP TABLE " + schema + ".schema");
  EXPECT_NE(copies.save("r", "7", {SchemaKind::avro, "new", {}}).error().next, ErrorClass::reject);
}

}  // namespace
}  // namespace sluice::sink::test

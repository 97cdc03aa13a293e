#include "sink/statement_cache.h"

#include <gtest/gtest.h>

namespace sluice::sink {
namespace {

Statement& use(StatementCache& cache, const std::string& key) {
  auto& statement = cache.get(key, [&] { return "SELECT " + key; });
  statement.ready = !statement.name.empty();
  return statement;
}

TEST(StatementCache, the_least_recently_used_statement_makes_room) {
  StatementCache cache(2);
  const auto first = use(cache, "1").name;
  cache.end_exchange();
  const auto second = use(cache, "2").name;
  cache.end_exchange();
  EXPECT_EQ(use(cache, "1").name, first);
  cache.end_exchange();
  EXPECT_FALSE(use(cache, "3").name.empty());
  EXPECT_EQ(cache.take_retired(), std::vector<std::string>{second});
  EXPECT_TRUE(cache.take_retired().empty());
  EXPECT_EQ(use(cache, "1").name, first);
  EXPECT_EQ(cache.size(), 2u);
}

TEST(StatementCache, a_statement_under_way_is_not_given_up) {
  StatementCache cache(2);
  const auto* first = &use(cache, "1");
  use(cache, "2");
  const auto& third = use(cache, "3");
  EXPECT_TRUE(third.name.empty()) << "it is not prepared";
  EXPECT_EQ(third.sql, "SELECT 3");
  EXPECT_EQ(&use(cache, "1"), first);
  EXPECT_TRUE(cache.take_retired().empty());
  cache.end_exchange();
  EXPECT_FALSE(use(cache, "3").name.empty());
  EXPECT_EQ(cache.take_retired().size(), 1u);
}

TEST(StatementCache, a_statement_that_the_server_never_prepared_is_not_deallocated) {
  StatementCache cache(1);
  use(cache, "1").ready = false;
  cache.end_exchange();
  use(cache, "2");
  EXPECT_TRUE(cache.take_retired().empty());
}

TEST(StatementCache, what_is_given_up_waits_within_limits) {
  StatementCache cache(3);
  for (int i = 0; i < 100; ++i) {
    use(cache, std::to_string(i));
    cache.end_exchange();
  }
  EXPECT_LE(cache.take_retired().size(), 3u);
}

TEST(StatementCache, all_are_given_up_at_the_end_of_the_exchange) {
  StatementCache cache(4);
  const auto* first = &use(cache, "1");
  use(cache, "2");
  cache.retire_all();
  EXPECT_EQ(&use(cache, "1"), first);
  cache.end_exchange();
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.take_retired().size(), 2u);
}

TEST(StatementCache, names_differ_between_connections) {
  StatementCache one, other;
  const auto name = use(one, "1").name;
  EXPECT_NE(name, use(other, "1").name);
  one.clear();
  EXPECT_NE(name, use(one, "1").name);
}

}  // namespace
}  // namespace sluice::sink

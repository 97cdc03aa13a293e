// Random values of every family of types: what an event says is stored as PostgreSQL itself reads it, and as a key it
// finds its row again.
#include <algorithm>

#include "mapping/mapper.h"
#include "tests/integration/random_values.h"
#include "tests/integration/sink_support.h"
#include "tests/support/rounds.h"

namespace sluice::sink::test {
namespace {

class RandomValues : public SinkTest, public testing::WithParamInterface<Family> {
 protected:
  // `rows` has the values beside what was told of them, `keys` has them as its key.
  void make() {
    const Family& family = GetParam();
    sql(fmt::format(
        "CREATE TYPE {0}.mood AS ENUM ('low', 'Very High', 'it''s'); CREATE DOMAIN {0}.percent AS int CHECK "
        "(VALUE BETWEEN 0 AND 100); CREATE TYPE {0}.place AS (x int, name text); SET search_path = {0}; "
        "CREATE TABLE {0}.rows (id int PRIMARY KEY, told text, v {1})",
        schema, family.type));
    add("rows", "id");
    if (family.is_key) {
      sql(fmt::format("CREATE TABLE {}.keys (v {} PRIMARY KEY)", schema, family.type));
      add("keys", "v");
    }
    mapper = std::make_unique<mapping::Mapper>(pipeline);
    for (const auto& route : pipeline->routes) {
      const auto described = TableCatalogue(elsewhere()).describe(route.table, route);
      ASSERT_TRUE(described) << described.error().message;
      mapper->set_table({&route, route.table}, *described);
    }
  }

  void add(const char* name, const char* key) {
    config::Route& route = pipeline->routes.emplace_back();
    route.topics = {name};
    route.table = fmt::format("{}.{}", schema, name);
    route.key = {key};
    route.key_from = config::KeyFrom::record_value;
    route.values.time_unit = GetParam().unit;
  }

  std::shared_ptr<config::Pipeline> pipeline = std::make_shared<config::Pipeline>();
  std::unique_ptr<mapping::Mapper> mapper;
};

TEST_P(RandomValues, are_stored_as_postgresql_reads_them_and_find_their_rows_again) {
  const int values = rounds_wanted(200);
  constexpr int batch = 500;
  const Family& family = GetParam();
  make();
  if (HasFatalFailure()) return;
  Chance chance(20261127);
  const std::string expected = family.expected ? family.expected : fmt::format("told::{}", family.type);
  for (int first = 0; first < values; first += batch) {
    std::vector<std::string> rows, keys, removals;
    for (int id = first; id < std::min(values, first + batch); ++id) {
      const Told told = family.value(chance);
      rows.push_back(fmt::format(R"({{"id":{},"told":{},"v":{}}})", id, as_json(told.text), told.json));
      keys.push_back(fmt::format(R"({{"v":{}}})", told.json));
      removals.push_back(fmt::format(R"({{"op":"d","before":{{"v":{}}},"after":null}})", told.json));
    }
    write_values(*mapper, "rows", rows);
    if (HasFatalFailure()) return;
    if (!family.is_key) continue;
    write_values(*mapper, "keys", keys);
    if (HasFatalFailure()) return;
    ASSERT_EQ(sql("SELECT count(*) FROM keys"),
              sql(fmt::format("SELECT count(DISTINCT {}) FROM rows WHERE id >= {}", expected, first)));
    write_values(*mapper, "keys", removals);
    if (HasFatalFailure()) return;
    ASSERT_EQ(sql("SELECT v FROM keys LIMIT 5"), "") << "as keys they do not find their rows";
  }
  EXPECT_EQ(sql("SELECT count(*) FROM rows"), std::to_string(values));
  EXPECT_EQ(sql(fmt::format("SELECT id, told, v, {0} FROM rows WHERE v::text IS DISTINCT FROM ({0})::text LIMIT 5",
                            expected)),
            "");
}

std::string name_of(const testing::TestParamInfo<Family>& tested) {
  return tested.param.name;
}

INSTANTIATE_TEST_SUITE_P(Numbers, RandomValues, testing::ValuesIn(numbers()), name_of);
INSTANTIATE_TEST_SUITE_P(Texts, RandomValues, testing::ValuesIn(texts_and_bytes()), name_of);
INSTANTIATE_TEST_SUITE_P(Times, RandomValues, testing::ValuesIn(times()), name_of);
INSTANTIATE_TEST_SUITE_P(Arrays, RandomValues, testing::ValuesIn(arrays_ranges_and_networks()), name_of);

}  // namespace
}  // namespace sluice::sink::test

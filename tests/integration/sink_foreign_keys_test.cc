// Tables that foreign keys link: whatever the sequence of events and wherever batches are cut, the tables hold what
// they would if each event had been applied alone; and what the catalogue says of foreign keys.
#include <algorithm>
#include <array>
#include <random>

#include "mapping/mapper.h"
#include "tests/integration/sink_support.h"
#include "tests/support/rounds.h"

namespace sluice::sink::test {
namespace {

struct Shape {
  const char* name;
  const char* customer;  // what follows (id int PRIMARY KEY, code int UNIQUE, note text)
  const char* on_order;  // what its reference to the customer says, and so on
  const char* on_line;
  const char* on_node;
};

constexpr std::array shapes{
    Shape{"plain", "", "", "", ""},
    Shape{"cascades", "", "ON DELETE CASCADE", "ON DELETE CASCADE", "ON DELETE CASCADE"},
    Shape{"nulls", "", "ON DELETE SET NULL", "ON DELETE CASCADE", "ON DELETE SET NULL"},
    Shape{"restricts", "", "ON DELETE RESTRICT", "ON DELETE SET NULL", "ON DELETE RESTRICT"},
    Shape{"deferred", "", "DEFERRABLE INITIALLY DEFERRED", "DEFERRABLE", "DEFERRABLE"},
    Shape{"partitioned", "PARTITION BY HASH (id)", "ON DELETE CASCADE", "", ""},
};

class ForeignKeys : public SinkTest {
 protected:
  static constexpr std::array<const char*, 5> names{"z_customer", "m_order", "a_line", "node", "b_tag"};

  void make(const Shape& shape) {
    for (const char* in : {"batched", "alone"}) {
      const auto place = fmt::format("{}_{}", schema, in);
      const bool parted = *shape.customer != '\0';
      sql(fmt::format(
          "DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}; CREATE TABLE {0}.z_customer (id int PRIMARY "
          "KEY, code int{1}, note text) {2}",
          place, parted ? "" : " UNIQUE", shape.customer));
      if (parted)
        sql(
            fmt::format("CREATE TABLE {0}.part_0 PARTITION OF {0}.z_customer FOR VALUES WITH (MODULUS 2, REMAINDER 0); "
                        "CREATE TABLE {0}.part_1 PARTITION OF {0}.z_customer FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
                        place));
      sql(fmt::format(
          "CREATE TABLE {0}.m_order (id int PRIMARY KEY, up int REFERENCES {0}.z_customer {1}, note text); "
          "CREATE TABLE {0}.a_line (id int PRIMARY KEY, up int REFERENCES {0}.m_order {2}, note text); "
          "CREATE TABLE {0}.node (id int PRIMARY KEY, up int REFERENCES {0}.node {3}, note text); "
          "CREATE TABLE {0}.b_tag (id int PRIMARY KEY, up int REFERENCES {0}.{4}, note text)",
          place, shape.on_order, shape.on_line, shape.on_node, parted ? "z_customer" : "z_customer (code)"));
    }
    batched = mapper_of("batched");
    alone = mapper_of("alone");
  }

  std::unique_ptr<mapping::Mapper> mapper_of(const std::string& in) {
    auto pipeline = std::make_shared<config::Pipeline>();
    for (const char* name : names) {
      config::Route& route = pipeline->routes.emplace_back();
      route.topics = {name};
      route.table = fmt::format("{}_{}.{}", schema, in, name);
      route.key = {"id"};
    }
    auto mapper = std::make_unique<mapping::Mapper>(pipeline);
    for (const auto& route : pipeline->routes) {
      const auto asked = TableCatalogue(elsewhere()).describe(route.table, route);
      EXPECT_TRUE(asked) << asked.error().message;
      if (asked) mapper->set_table({&route, route.table}, *asked);
    }
    return mapper;
  }

  struct Event {
    TopicPartition topic;
    std::string message;
  };

  Changes map(mapping::Mapper& mapper, std::span<const Event> events) {
    mapping::ChangeSet set;
    for (const auto& event : events) {
      Record record;
      record.at = &event.topic;
      record.value = event.message;
      const auto mapped = mapper.map(record, set);
      EXPECT_TRUE(mapped && *mapped != Outcome::dead) << event.message;
    }
    return set.take();
  }

  Result<void> apply_whole(mapping::Mapper& mapper, std::span<const Event> events) {
    return write_mapped(map(mapper, events));
  }

  // As the bisector does where the whole is refused.
  Result<void> try_halves(mapping::Mapper& mapper, std::span<const Event> events) {
    const auto changes = map(mapper, events);
    auto done = writer->try_rows(changes);
    if (done || events.size() == 1) return done;
    const auto middle = events.size() / 2;
    if (done = try_halves(mapper, events.first(middle)); !done) return done;
    return try_halves(mapper, events.subspan(middle));
  }

  Result<void> apply(mapping::Mapper& mapper, std::span<const Event> events) {
    ++batches;
    if (auto done = apply_whole(mapper, events); done || done.error().next != ErrorClass::reject) return done;
    ++refused;
    const auto ranges = next_range(std::ssize(events));
    if (auto done = writer->begin(ranges, {}); !done) return done;
    if (auto done = try_halves(mapper, events); !done) return done;
    if (auto done = writer->finish({}, {}, ranges); !done) return done;
    next_batch.ranges[0].from = ranges[0].to;
    return {};
  }

  std::string rows(const std::string& in) {
    std::string text;
    for (const char* name : names)
      text += fmt::format(
          "{}: {}\n", name,
          sql(fmt::format("SELECT string_agg(t::text, ' ' ORDER BY id) FROM {}_{}.{} t", schema, in, name)));
    return text;
  }

  void empty() {
    for (const char* in : {"batched", "alone"})
      sql(fmt::format("TRUNCATE {0}_{1}.z_customer, {0}_{1}.m_order, {0}_{1}.a_line, {0}_{1}.node, {0}_{1}.b_tag",
                      schema, in));
  }

  void TearDown() override {
    if (database) sql(fmt::format("DROP SCHEMA IF EXISTS {0}_batched, {0}_alone CASCADE", schema));
    SinkTest::TearDown();
  }

  std::unique_ptr<mapping::Mapper> batched, alone;
  int batches = 0, refused = 0;
};

class FamilyGenerator {
 public:
  explicit FamilyGenerator(unsigned seed) : random_(seed) {}
  int below(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }

  // What happens to a row of a table: it is written, whole or in part, gets another key, or goes.
  std::string message(int table) {
    const int id = below(3);
    const auto row = [&](int with) {
      std::string text = fmt::format(R"({{"id":{})", with);
      const std::string up = below(5) == 0 && table != 0 ? "null" : std::to_string(below(3));
      if (below(6) != 0) text += fmt::format(R"(,"{}":{})", table == 0 ? "code" : "up", up);
      if (below(3) != 0) text += fmt::format(R"(,"note":"{}")", below(100));
      return text + "}";
    };
    switch (below(8)) {
      case 0:
      case 1:
      case 2:
        return fmt::format(R"({{"op":"d","before":{{"id":{}}},"after":null}})", id);
      case 3:
        return fmt::format(R"({{"op":"u","before":{{"id":{}}},"after":{}}})", id, row(below(3)));
      default:
        return row(id);
    }
  }

 private:
  std::mt19937 random_;
};

TEST_F(ForeignKeys, random_events_of_linked_tables_leave_in_any_batches_what_they_leave_one_by_one) {
  const int sequences = rounds_wanted(60);
  constexpr unsigned seed = 20261126;
  constexpr int events_of_one = 24;
  FamilyGenerator generator(seed);
  int applied = 0;
  for (int n = 0; n < sequences; ++n) {
    const auto& shape = shapes[static_cast<std::size_t>(n * std::ssize(shapes) / sequences)];
    if (n == 0 || &shape != &shapes[static_cast<std::size_t>((n - 1) * std::ssize(shapes) / sequences)]) make(shape);
    if (HasFailure()) return;
    empty();
    std::vector<Event> batch;
    std::string all;
    for (int count = 0; count < events_of_one; ++count) {
      const int table = generator.below(5);
      batch.push_back({{names[static_cast<std::size_t>(table)], 0}, generator.message(table)});
      const auto valid = apply_whole(*alone, std::span(batch).last(1));
      if (valid) {
        ++applied;
        all += fmt::format("{} {}\n", names[static_cast<std::size_t>(table)], batch.back().message);
      } else {
        ASSERT_EQ(valid.error().next, ErrorClass::reject) << valid.error().sqlstate << valid.error().message;
        batch.pop_back();  // nobody could apply it
      }
      const bool last = count + 1 == events_of_one;
      if (batch.empty() || (generator.below(8) != 0 && !last)) continue;
      const auto done = apply(*batched, batch);
      all += "--\n";
      ASSERT_TRUE(done) << done.error().sqlstate << " " << done.error().message << "\n" << shape.name << "\n" << all;
      ASSERT_EQ(rows("batched"), rows("alone")) << shape.name << " sequence " << n << " seed " << seed << "\n" << all;
      batch.clear();
    }
  }
  EXPECT_GT(applied, sequences * events_of_one / 3);
  EXPECT_LT(refused, batches / 2) << "most batches need no search";
}

TEST_F(ForeignKeys, the_catalogue_tells_parents_from_children_across_schemas_partitions_and_circles) {
  const auto other = schema + "_other";
  sql(fmt::format(
      "DROP SCHEMA IF EXISTS {1} CASCADE; CREATE SCHEMA {1}; CREATE TABLE {1}.top (id int PRIMARY KEY, code int UNIQUE);"
      "CREATE TABLE {0}.middle (id int PRIMARY KEY, up int REFERENCES {1}.top (code) ON DELETE CASCADE) PARTITION BY "
      "RANGE (id); CREATE TABLE {0}.middle_1 PARTITION OF {0}.middle FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE {0}.leaf (id int PRIMARY KEY, up int REFERENCES {0}.middle ON DELETE SET NULL);"
      "CREATE TABLE {0}.tree (id int PRIMARY KEY, up int REFERENCES {0}.tree);"
      "CREATE TABLE {0}.hen (id int PRIMARY KEY, egg int); CREATE TABLE {0}.egg (id int PRIMARY KEY, hen int REFERENCES "
      "{0}.hen); ALTER TABLE {0}.hen ADD CONSTRAINT of_egg FOREIGN KEY (egg) REFERENCES {0}.egg;"
      "CREATE TABLE {0}.chick (id int PRIMARY KEY, egg int REFERENCES {0}.egg)",
      schema, other));
  const auto told = [&](const std::string& name) {
    config::Route route;
    route.key = {"id"};
    const auto described =
        TableCatalogue(elsewhere()).describe(name.find('.') == name.npos ? schema + "." + name : name, route);
    EXPECT_TRUE(described) << described.error().message;
    return described ? **described : Table{};
  };
  const Table top = told(other + ".top"), middle = told("middle"), part = told("middle_1"), leaf = told("leaf");
  EXPECT_EQ((std::array{top.depth, middle.depth, part.depth, leaf.depth}), (std::array{1, 2, 2, 3}));
  EXPECT_EQ(part.tree, middle.oid);
  EXPECT_EQ(top.delete_changes, (std::vector{std::min(middle.oid, leaf.oid), std::max(middle.oid, leaf.oid)}));
  EXPECT_EQ(part.delete_changes, (std::vector{leaf.oid}));
  EXPECT_TRUE(leaf.delete_changes.empty());
  EXPECT_TRUE(told("tree").refers_to_itself && !told("tree").circular && !leaf.refers_to_itself);
  EXPECT_TRUE(told("hen").circular && told("egg").circular && !told("chick").circular && !middle.circular);
  EXPECT_EQ(told("hen").depth, told("egg").depth);
  EXPECT_GT(told("chick").depth, told("egg").depth);
  EXPECT_FALSE(told("hen").deferrable);
  const auto before = told("egg");
  sql(fmt::format("ALTER TABLE {0}.hen ALTER CONSTRAINT of_egg DEFERRABLE", schema));
  EXPECT_TRUE(told("hen").deferrable && !told("hen").circular && !told("egg").circular);
  EXPECT_NE(told("egg").signature, before.signature) << "what is added while the service runs is noticed";
  sql("DROP SCHEMA " + other + " CASCADE");
}

TEST_F(ForeignKeys, rows_that_refer_to_one_another_in_a_circle_are_written_if_a_constraint_can_be_deferred) {
  sql(fmt::format(
      "CREATE TABLE {0}.hen (id int PRIMARY KEY, egg int NOT NULL); CREATE TABLE {0}.egg (id int PRIMARY KEY, hen int NOT "
      "NULL REFERENCES {0}.hen); ALTER TABLE {0}.hen ADD FOREIGN KEY (egg) REFERENCES {0}.egg DEFERRABLE",
      schema));
  Batch batch;
  batch.row(batch.step(table("egg", {"id"})), ChangeKind::write, {number(std::int32_t{1}), number(std::int32_t{7})});
  batch.row(batch.step(table("hen", {"id"})), ChangeKind::write, {number(std::int32_t{7}), number(std::int32_t{1})});
  expect_written(batch);
  EXPECT_EQ(sql(fmt::format("SELECT egg, hen FROM {0}.hen JOIN {0}.egg ON egg.id = egg", schema)), "1|7");
}

}  // namespace
}  // namespace sluice::sink::test

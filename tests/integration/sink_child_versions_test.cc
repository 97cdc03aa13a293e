// Tables of children of parents with versions: whatever the sequence and wherever batches are cut, they hold what the
// newest events said, as if each event had been applied alone, and no older array takes the place of a newer one.
#include <algorithm>
#include <map>
#include <random>

#include "tests/integration/sink_children_support.h"
#include "tests/support/rounds.h"

namespace sluice::sink::test {
namespace {

struct VersionedItem {
  int sku = 0;
  std::optional<int> n;  // nothing: the element does not carry it
};

struct VersionedEvent {
  enum class Kind { write, moved, gone, tombstone } kind = Kind::write;
  int id = 0, from = 0, version = 0;
  std::optional<int> note;
  std::optional<std::vector<VersionedItem>> items;  // nothing: the event has no such array
  std::optional<std::vector<int>> tags;
};

// One event after the other.
class VersionedModel {
 public:
  void apply(const VersionedEvent& event) {
    using Kind = VersionedEvent::Kind;
    if (event.kind == Kind::tombstone) return remove(event.id);
    if (event.kind == Kind::moved && event.from != event.id && !is_older(event, event.from)) remove(event.from);
    if (is_older(event, event.id)) {
      ++outdated;
      return;
    }
    if (event.kind == Kind::gone) return remove(event.id);
    auto& row = rows[event.id];
    row.version = event.version;
    if (event.note) row.note = event.note;
    if (event.tags) row.tags = *event.tags;
    if (!event.items) return;
    row.items.resize(std::min(row.items.size(), event.items->size()));
    for (std::size_t line = 0; line < event.items->size(); ++line) {
      if (line == row.items.size()) row.items.push_back({0, 7});  // the column's default
      row.items[line].sku = (*event.items)[line].sku;
      if ((*event.items)[line].n) row.items[line].n = (*event.items)[line].n;
    }
  }

  // A row from before the route had versions.
  void forget_version(int id) {
    if (const auto found = rows.find(id); found != rows.end()) found->second.version.reset();
  }

  std::string text() const {
    const auto number = [](const std::optional<int>& value) { return value ? std::to_string(*value) : "\\N"; };
    std::string parents, items, tags;
    for (const auto& [id, row] : rows) {
      parents += fmt::format("{}|{}|{}\n", id, number(row.note), number(row.version));
      for (std::size_t line = 0; line < row.items.size(); ++line)
        items += fmt::format("{}|{}|{}|{}\n", id, line + 1, row.items[line].sku, number(row.items[line].n));
      for (std::size_t line = 0; line < row.tags.size(); ++line)
        tags += fmt::format("{}|{}|{}\n", id, line + 1, row.tags[line]);
    }
    return parents + "items\n" + items + "tags\n" + tags;
  }

  int outdated = 0;

 private:
  struct Row {
    std::optional<int> note, version;
    std::vector<VersionedItem> items;
    std::vector<int> tags;
  };

  bool is_older(const VersionedEvent& event, int id) const {
    const auto found = rows.find(id);
    return found != rows.end() && found->second.version && event.version < *found->second.version;
  }
  void remove(int id) { rows.erase(id); }

  std::map<int, Row> rows;
};

// Nothing: a tombstone.
std::optional<std::string> value_of(const VersionedEvent& event) {
  using Kind = VersionedEvent::Kind;
  if (event.kind == Kind::tombstone) return std::nullopt;
  if (event.kind == Kind::gone)
    return fmt::format(R"({{"op":"d","before":{{"id":{},"v":{}}},"after":null}})", event.id, event.version);
  std::string row = fmt::format(R"({{"id":{},"v":{})", event.id, event.version);
  if (event.note) row += fmt::format(R"(,"note":{})", *event.note);
  std::string elements;
  if (event.items) {
    for (const auto& item : *event.items) {
      if (!elements.empty()) elements += ',';
      elements += fmt::format(R"({{"sku":{})", item.sku) + (item.n ? fmt::format(R"(,"n":{}}})", *item.n) : "}");
    }
    row += fmt::format(R"(,"items":[{}])", elements);
  }
  if (event.tags) row += fmt::format(R"(,"tags":[{}])", fmt::join(*event.tags, ","));
  row += '}';
  if (event.kind == Kind::write) return row;
  return fmt::format(R"({{"op":"u","before":{{"id":{}}},"after":{}}})", event.from, row);
}

class ChildVersions : public ChildTables {
 protected:
  void make(const std::string& on_delete = "") {
    sql(fmt::format(
        "CREATE TABLE {0}.orders (id int PRIMARY KEY, note int, v bigint); "
        "CREATE TABLE {0}.items (order_id bigint REFERENCES {0}.orders {1}, line int, sku int, n int DEFAULT 7, "
        "PRIMARY KEY (order_id, line)); "
        "CREATE TABLE {0}.tags (order_id text, line int, tag int, PRIMARY KEY (order_id, line))",
        schema, on_delete));
    begin_route().version = config::VersionPath::parse("v");
    add_child("items");
    add_child("tags").fills["tag"] = "@element";
    make_mapper();
  }

  static Message message_of(const VersionedEvent& event) {
    return {value_of(event), fmt::format(R"({{"id":{}}})", event.id)};
  }

  std::string tables() {
    const auto lines = [](const std::string& rows) { return rows.empty() ? rows : rows + "\n"; };
    return lines(sql(fmt::format("SELECT id, note, v FROM {}.orders ORDER BY id", schema))) + "items\n" +
           lines(sql(fmt::format("SELECT order_id, line, sku, n FROM {}.items ORDER BY order_id, line", schema))) +
           "tags\n" + lines(sql(fmt::format("SELECT * FROM {}.tags ORDER BY order_id::int, line", schema)));
  }
};

class VersionedGenerator {
 public:
  static constexpr int keys = 3;  // of a sequence

  explicit VersionedGenerator(unsigned seed) : random_(seed) {}
  int below(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }

  // With keys from `first` on.
  VersionedEvent event(int first) {
    const int what = below(12);
    VersionedEvent made{what == 0   ? VersionedEvent::Kind::tombstone
                        : what == 1 ? VersionedEvent::Kind::gone
                        : what <= 3 ? VersionedEvent::Kind::moved
                                    : VersionedEvent::Kind::write,
                        first + below(keys),
                        first + below(keys),
                        below(6),
                        below(2) ? std::optional(below(9)) : std::nullopt,
                        {},
                        {}};
    const bool all = made.kind == VersionedEvent::Kind::moved;  // its arrays went with the old key's
    if (below(3) > 0 || all) {
      auto& items = made.items.emplace();
      const bool whole = below(2) == 0;
      for (int lines = below(4); lines > 0; --lines)
        items.push_back({below(100), whole || below(2) ? std::optional(below(100)) : std::nullopt});
    }
    if (below(2) || all) {
      auto& tags = made.tags.emplace();
      for (int lines = below(3); lines > 0; --lines) tags.push_back(below(100));
    }
    return made;
  }

 private:
  std::mt19937 random_;
};

class RandomChildrenWithVersions : public ChildVersions, public testing::WithParamInterface<const char*> {
 protected:
  // Of some rows, as if they were from before the route had versions.
  void forget_versions(VersionedModel& model, VersionedGenerator& generator, int width) {
    std::string ids;
    for (int of = 0; of < width; ++of) {
      const int key = generator.below(12);
      if (key >= VersionedGenerator::keys) continue;
      model.forget_version(of * VersionedGenerator::keys + key);
      ids += fmt::format("{}{}", ids.empty() ? "" : ",", of * VersionedGenerator::keys + key);
    }
    if (!ids.empty()) sql(fmt::format("UPDATE {}.orders SET v = NULL WHERE id IN ({})", schema, ids));
  }
};

TEST_P(RandomChildrenWithVersions, leave_the_rows_as_if_applied_one_by_one_in_any_batches) {
  const int sequences = rounds_wanted(200);
  constexpr int events = 14;
  make(GetParam());
  VersionedGenerator generator(20261127);
  int outdated = 0;
  const std::string skipped = fmt::format("SELECT coalesce(sum(skipped), 0) FROM {}.pointer", schema);
  const auto below = [&](int end) { return generator.below(end); };
  for (int n = 0, width = 1; n < sequences; n += width, width = Sequences::next_width(width)) {
    sql(fmt::format("DELETE FROM {0}.tags; DELETE FROM {0}.items; DELETE FROM {0}.orders", schema));
    VersionedModel model;
    const int longest = below(4) == 0 ? 1 : 1 + below(events);
    const int before = std::stoi(sql(skipped));
    Sequences random(width, events);
    std::string all;
    for (auto next = random.next_batch(below, longest); !next.empty(); next = random.next_batch(below, longest)) {
      std::vector<Message> batch;
      for (const int of : next) {
        const VersionedEvent event = generator.event(of * VersionedGenerator::keys);
        model.apply(event);
        batch.push_back(message_of(event));
        all += batch.back().value.value_or("a tombstone of " + *batch.back().key) + "\n";
      }
      write_batch(batch);
      all += "--\n";
      if (HasFatalFailure()) {
        FAIL() << all;
      }
      ASSERT_EQ(tables(), model.text()) << "sequence " << n << "\n" << all;
      forget_versions(model, generator, width);
    }
    outdated += model.outdated;
    if (longest == 1) {
      EXPECT_EQ(std::stoi(sql(skipped)) - before, model.outdated) << all;
    }
  }
  EXPECT_GT(outdated, sequences);
  EXPECT_EQ(unbalanced(), "0");
}

INSTANTIATE_TEST_SUITE_P(ForeignKeys, RandomChildrenWithVersions, testing::Values("", "ON DELETE CASCADE"));

TEST_F(ChildVersions, children_stay_as_they_are_where_another_writer_makes_their_parent_newer_meanwhile) {
  make();
  write_batch({{R"({"id":1,"v":4,"items":[{"sku":1},{"sku":2}],"tags":[3]})", R"({"id":1})"}});
  if (HasFatalFailure()) return;
  sql("BEGIN");
  sql(fmt::format("UPDATE {}.orders SET v = 6 WHERE id = 1", schema));
  Changes changes = map({{R"({"id":1,"v":5,"items":[{"sku":9}],"tags":[]})", R"({"id":1})"}});
  const auto ranges = next_range(1);
  writer->submit(changes, {}, ranges);
  EXPECT_FALSE(writer->poll());
  EXPECT_EQ(eventually("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted", "t"), "t") << "it waits for the row";
  sql("COMMIT");
  const auto done = wait(*writer);
  ASSERT_TRUE(done) << done.error().sqlstate << " " << done.error().message;
  EXPECT_EQ(tables(), "1|\\N|6\nitems\n1|1|1|7\n1|2|2|7\ntags\n1|1|3\n");
}

TEST_F(ChildVersions, many_rows_of_children_are_compared_with_their_parents_too) {
  make();
  std::string items, newer;
  for (int line = 0; line < 4000; ++line) {
    items += fmt::format(R"({}{{"sku":{},"n":1}})", line ? "," : "", line);
    newer += fmt::format(R"({}{{"sku":{},"n":2}})", line ? "," : "", line);
  }
  const auto sums = [&] { return sql(fmt::format("SELECT count(*), sum(n) FROM {}.items", schema)); };
  write_batch({{fmt::format(R"({{"id":1,"v":2,"items":[{}]}})", items), R"({"id":1})"}});
  EXPECT_EQ(sums(), "4000|4000");
  write_batch({{fmt::format(R"({{"id":1,"v":1,"items":[{}]}})", newer), R"({"id":1})"}});
  EXPECT_EQ(sums(), "4000|4000") << "an older event";
  write_batch({{fmt::format(R"({{"id":1,"v":3,"items":[{}]}})", newer), R"({"id":1})"}});
  EXPECT_EQ(sums(), "4000|8000");
}

TEST_F(ChildVersions, columns_that_an_insert_lacks_are_updated_only_under_a_parent_that_is_not_newer) {
  make();
  sql(fmt::format("ALTER TABLE {0}.items ALTER n DROP DEFAULT, ALTER n SET NOT NULL", schema));
  const auto& child = pipeline->routes[0].children[0];
  describe(child);
  const auto rows = [&] { return sql(fmt::format("SELECT line, sku, n FROM {}.items", schema)); };
  write_batch({{R"({"id":1,"v":5,"items":[{"sku":1,"n":1}]})", R"({"id":1})"}});
  write_batch({{R"({"id":1,"v":4,"items":[{"sku":2}]})", R"({"id":1})"}});
  EXPECT_EQ(rows(), "1|1|1");
  write_batch({{R"({"id":1,"v":6,"items":[{"sku":3}]})", R"({"id":1})"}});
  EXPECT_EQ(rows(), "1|3|1");
}

}  // namespace
}  // namespace sluice::sink::test

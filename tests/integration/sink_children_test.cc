// Tables of children: whatever the sequence and wherever batches are cut, they hold what the last array of each parent
// said, as if each event had been applied alone, under a foreign key that nobody defers.
#include <map>
#include <random>

#include "sink/literals.h"
#include "sink/write_plan.h"
#include "tests/integration/sink_children_support.h"
#include "tests/support/rounds.h"

namespace sluice::sink::test {
namespace {

struct Item {
  int sku = 0;
  std::optional<int> n;  // nothing: the element does not carry it
};

struct ChildEvent {
  enum class Kind { write, moved, gone, truncate } kind = Kind::write;
  int id = 0, from = 0;
  std::optional<int> note;
  enum class Array { absent, none, empty, some };
  Array array = Array::absent;
  std::vector<Item> items = {};
};

// One event after the other.
class ChildModel {
 public:
  void apply(const ChildEvent& event) {
    using Kind = ChildEvent::Kind;
    if (event.kind == Kind::truncate) notes.clear(), items.clear();
    if (event.kind == Kind::moved && event.from != event.id) remove(event.from);
    if (event.kind == Kind::gone) remove(event.id);
    if (event.kind != Kind::write && event.kind != Kind::moved) return;
    auto& note = notes[event.id];
    if (event.note) note = event.note;
    if (event.array == ChildEvent::Array::absent) return;
    auto& lines = items[event.id];
    lines.resize(std::min(lines.size(), event.items.size()));
    for (std::size_t line = 0; line < event.items.size(); ++line) {
      if (line == lines.size()) lines.push_back({0, 7});  // the column's default
      lines[line].sku = event.items[line].sku;
      if (event.items[line].n) lines[line].n = event.items[line].n;
    }
  }

  std::string parents() const {
    std::string text;
    for (const auto& [id, note] : notes)
      text += fmt::format("{}{}|{}", text.empty() ? "" : "\n", id, note ? std::to_string(*note) : "\\N");
    return text;
  }
  std::string children() const {
    std::string text;
    for (const auto& [id, lines] : items)
      for (std::size_t line = 0; line < lines.size(); ++line)
        text += fmt::format("{}{}|{}|{}|{}", text.empty() ? "" : "\n", id, line + 1, lines[line].sku, *lines[line].n);
    return text;
  }

 private:
  void remove(int id) {
    notes.erase(id);
    items.erase(id);
  }

  std::map<int, std::optional<int>> notes;
  std::map<int, std::vector<Item>> items;
};

std::string child_message(const ChildEvent& event) {
  using Kind = ChildEvent::Kind;
  if (event.kind == Kind::truncate) return R"({"op":"t","before":null,"after":null})";
  if (event.kind == Kind::gone) return fmt::format(R"({{"op":"d","before":{{"id":{}}},"after":null}})", event.id);
  std::string row = fmt::format(R"({{"id":{})", event.id);
  if (event.note) row += fmt::format(R"(,"note":{})", *event.note);
  if (event.array == ChildEvent::Array::none) row += R"(,"items":null)";
  if (event.array == ChildEvent::Array::empty || event.array == ChildEvent::Array::some) {
    row += R"(,"items":[)";
    for (const auto& item : event.items) {
      if (!row.ends_with('[')) row += ',';
      row += fmt::format(R"({{"sku":{})", item.sku) + (item.n ? fmt::format(R"(,"n":{}}})", *item.n) : "}");
    }
    row += ']';
  }
  row += '}';
  if (event.kind == Kind::write) return row;
  return fmt::format(R"({{"op":"u","before":{{"id":{}}},"after":{}}})", event.from, row);
}

class Children : public ChildTables {
 protected:
  void make(const std::string& on_delete = "") {
    sql(fmt::format(
        "CREATE TABLE {0}.orders (id int PRIMARY KEY, note int); "
        "CREATE TABLE {0}.items (order_id bigint REFERENCES {0}.orders {1}, line int, sku int, n int DEFAULT 7, "
        "PRIMARY KEY (order_id, line))",
        schema, on_delete));
    begin_route().on_truncate = config::OnTruncate::apply;
    add_child("items");
    make_mapper();
  }

  std::string parents() { return sql(fmt::format("SELECT id, note FROM {}.orders ORDER BY id", schema)); }
  std::string children() {
    return sql(fmt::format("SELECT order_id, line, sku, n FROM {}.items ORDER BY order_id, line", schema));
  }
};

class ChildGenerator {
 public:
  static constexpr int keys = 4;  // of a sequence

  explicit ChildGenerator(unsigned seed) : random_(seed) {}
  int below(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }

  // With keys from `first` on. A truncate empties the tables for all `width` sequences.
  ChildEvent event(int first, int width) {
    const int what = below(15);
    ChildEvent made{below(16 * width) == 0 ? ChildEvent::Kind::truncate
                    : what <= 1            ? ChildEvent::Kind::gone
                    : what <= 3            ? ChildEvent::Kind::moved
                                           : ChildEvent::Kind::write,
                    first + below(keys), first + below(keys), below(2) ? std::optional(below(9)) : std::nullopt};
    made.array = static_cast<ChildEvent::Array>(std::min(below(7), 3));
    if (made.kind == ChildEvent::Kind::moved && made.array == ChildEvent::Array::absent)
      made.array = ChildEvent::Array::none;
    if (made.array != ChildEvent::Array::some) return made;
    for (int lines = 1 + below(4); lines > 0; --lines)
      made.items.push_back({below(100), below(3) ? std::optional(below(100)) : std::nullopt});
    return made;
  }

 private:
  std::mt19937 random_;
};

class RandomChildren : public Children, public testing::WithParamInterface<const char*> {};

TEST_P(RandomChildren, leave_the_rows_as_if_applied_one_by_one_in_any_batches) {
  const int sequences = rounds_wanted(150);
  constexpr int events = 16;
  make(GetParam());
  ChildGenerator generator(20261126);
  std::size_t children_seen = 0;
  const auto below = [&](int end) { return generator.below(end); };
  for (int n = 0, width = 1; n < sequences; n += width, width = Sequences::next_width(width)) {
    sql(fmt::format("DELETE FROM {0}.items; DELETE FROM {0}.orders", schema));
    ChildModel model;
    const int longest = 1 + below(events);
    Sequences random(width, events);
    std::string all;
    for (auto next = random.next_batch(below, longest); !next.empty(); next = random.next_batch(below, longest)) {
      std::vector<Message> batch;
      for (const int of : next) {
        const ChildEvent event = generator.event(of * ChildGenerator::keys, width);
        model.apply(event);
        batch.push_back({child_message(event)});
        all += *batch.back().value + "\n";
      }
      write_batch(batch);
      all += "--\n";
      if (HasFatalFailure()) {
        FAIL() << all;
      }
      ASSERT_EQ(parents(), model.parents()) << "sequence " << n << "\n" << all;
      ASSERT_EQ(children(), model.children()) << "sequence " << n << "\n" << all;
      children_seen += model.children().size();
    }
  }
  EXPECT_GT(children_seen, static_cast<std::size_t>(sequences));
  EXPECT_EQ(unbalanced(), "0");
}

INSTANTIATE_TEST_SUITE_P(ForeignKeys, RandomChildren, testing::Values("", "ON DELETE CASCADE"));

TEST_F(Children, a_batch_with_more_rows_than_arrays_take_goes_through_a_stage) {
  make();
  std::vector<Message> messages;
  for (int id = 0; id < 1000; ++id) {
    std::string items;
    for (int line = 0; line < 4; ++line) items += fmt::format(R"({}{{"sku":{},"n":1}})", line ? "," : "", line);
    messages.push_back({fmt::format(R"({{"id":{},"items":[{}]}})", id, items)});
  }
  write_batch(messages);
  if (HasFatalFailure()) return;
  EXPECT_EQ(sql(fmt::format("SELECT count(*), sum(sku) FROM {}.items", schema)), "4000|6000");
  for (auto& [value, key] : messages) value->replace(value->find(R"(,{"sku":1)"), std::string::npos, "]}");
  write_batch(messages);
  EXPECT_EQ(sql(fmt::format("SELECT count(*), sum(sku) FROM {}.items", schema)), "1000|0");
}

TEST_F(Children, rows_of_a_parent_whose_key_is_null_are_replaced_where_null_is_a_value) {
  if (server() < 15) GTEST_SKIP() << "PostgreSQL has UNIQUE NULLS NOT DISTINCT from version 15 on";
  make();
  sql(fmt::format(
      "DROP TABLE {0}.items, {0}.orders; CREATE TABLE {0}.orders (id int UNIQUE NULLS NOT DISTINCT, note int); "
      "CREATE TABLE {0}.items (order_id int, line int, sku int, UNIQUE NULLS NOT DISTINCT (order_id, line))",
      schema));
  describe(pipeline->routes[0]);
  describe(pipeline->routes[0].children[0]);
  const auto rows = [&] { return sql(fmt::format("SELECT line, sku FROM {}.items ORDER BY line", schema)); };
  write_batch({{R"({"id":null,"items":[{"sku":5},{"sku":6}]})"}});
  if (HasFatalFailure()) return;
  EXPECT_EQ(rows(), "1|5\n2|6");
  write_batch({{R"({"id":null,"items":[{"sku":7}]})"}});
  if (HasFatalFailure()) return;
  EXPECT_EQ(rows(), "1|7");
  write_batch({{R"({"op":"d","before":{"id":null},"after":null})"}});
  EXPECT_EQ(rows(), "");
}

TEST_F(Children, elements_that_a_collation_calls_equal_leave_the_same_rows_however_batches_are_cut) {
  make();
  sql(fmt::format(
      "CREATE COLLATION {0}.loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false); "
      "DROP TABLE {0}.items; CREATE TABLE {0}.items (order_id bigint REFERENCES {0}.orders, sku text COLLATE {0}.loose, "
      "n int DEFAULT 7, PRIMARY KEY (order_id, sku))",
      schema));
  auto& child = pipeline->routes[0].children[0];
  child.key = {"order_id", "sku"};
  child.fills = {{"order_id", "$.id"}};
  describe(pipeline->routes[0]);  // the foreign key is another one
  describe(child);
  const std::vector<Message> messages = {{R"({"id":1,"items":[{"sku":"a","n":5},{"sku":"b"}]})"},
                                         {R"({"id":1,"items":[{"sku":"A"}]})"}};
  const auto rows = [&] { return sql(fmt::format("SELECT order_id, n FROM {}.items", schema)); };
  for (const auto& message : messages) write_batch({message});
  EXPECT_EQ(rows(), "1|5");
  const Message gone{R"({"op":"d","before":{"id":1},"after":null})"};
  write_batch({gone});
  write_batch(messages);
  if (HasFatalFailure()) return;
  EXPECT_EQ(rows(), "1|5");
  write_batch({messages[0], gone, messages[1], messages[0], gone});
  EXPECT_EQ(rows() + parents(), "");
}

TEST_F(Children, values_of_arrays_are_replaced_with_their_array_however_batches_are_cut) {
  make();
  sql(fmt::format(
      "DROP TABLE {0}.items; CREATE TABLE {0}.items (order_id bigint REFERENCES {0}.orders, sku text, line int, "
      "doc jsonb, PRIMARY KEY (order_id, sku))",
      schema));
  auto& child = pipeline->routes[0].children[0];
  child.key = {"order_id", "sku"};
  child.fills = {{"order_id", "$.id"}, {"line", "@index"}, {"sku", "@element"}, {"doc", "@element"}};
  describe(pipeline->routes[0]);  // the foreign key is another one
  describe(child);
  const auto rows = [&] {
    return sql(fmt::format("SELECT order_id, line, sku, doc FROM {}.items ORDER BY order_id, line", schema));
  };
  const std::vector<Message> messages = {
      {R"({"id":1,"items":["a","b","c"]})"}, {R"({"id":2,"items":[{"n":1}]})"}, {R"({"id":1,"items":["c","a"]})"}};
  for (const auto& message : messages) write_batch({message});
  const std::string expected = "1|1|c|\"c\"\n1|2|a|\"a\"\n2|1|{\"n\":1}|{\"n\": 1}";
  EXPECT_EQ(rows(), expected) << "b is gone";
  write_batch({{R"({"op":"d","before":{"id":1},"after":null})"}, {R"({"id":2,"items":[]})"}});
  EXPECT_EQ(rows(), "");
  write_batch(messages);
  EXPECT_EQ(rows(), expected);
}

TEST_F(Children, explain_shows_whose_rows_are_replaced_and_with_which) {
  make();
  const auto rows = literals(settings, map({{R"({"id":1,"items":[{"sku":5}]})"}}));
  ASSERT_TRUE(rows) << rows.error().message;
  std::string text;
  for (const auto& row : *rows) {
    text += fmt::format("{} {}:", row.table->name, static_cast<int>(row.action));
    for (const auto& [name, value] : row.columns) text += fmt::format(" {}={}", name, value);
    text += '\n';
  }
  EXPECT_EQ(text, fmt::format("{0}.items {1}: order_id='1'\n{0}.orders {2}: id='1'\n"
                              "{0}.items {2}: order_id='1' line='1' sku='5'\n",
                              schema, static_cast<int>(Action::remove_orphans), static_cast<int>(Action::upsert)));
}

TEST_F(Children, the_tables_of_the_configuration_are_refused_without_the_columns_that_it_fills) {
  make();
  auto& child = pipeline->routes[0].children[0];
  child.fills["number"] = "@index";
  const auto described = TableCatalogue(elsewhere()).describe(child.table, child);
  ASSERT_FALSE(described);
  EXPECT_NE(described.error().message.find("no column number that could be written, for @index"), std::string::npos)
      << described.error().message;
}

}  // namespace
}  // namespace sluice::sink::test

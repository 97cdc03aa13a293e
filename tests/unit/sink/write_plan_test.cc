// Which of a batch's statements take the lock among Sluice's writers, and where it stands.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validators.h"
#include "sink/statement_text.h"
#include "sink/write_plan.h"

namespace sluice::sink {
namespace {

std::shared_ptr<const Table> table(const std::string& name, bool shared) {
  auto made = std::make_shared<Table>();
  made->name = made->sql_name = name;
  made->shared = shared;
  made->columns.resize(2);
  made->columns[0].name = "id";
  for (auto& column : made->columns) column.cast = "text";
  made->columns[1].name = "note";
  made->key = {0};
  return made;
}

class Pieces : public testing::Test {
 protected:
  // One row per kind: a whole one, one that lacks `note`, a delete.
  void rows(const std::shared_ptr<const Table>& of, std::string_view kinds, bool truncate = false) {
    auto& step = changes_.tables.emplace_back(TableChanges{of, WriteMode::upsert, {}}).steps.emplace_back();
    step.truncate = truncate;
    for (const char kind : kinds) {
      RowChange row;
      row.order = ++changes_.rows;
      row.kind = kind == 'd' ? ChangeKind::remove : ChangeKind::write;
      row.cells = static_cast<std::uint32_t>(changes_.cells.size());
      changes_.cells.push_back({0, 0});
      changes_.cells.push_back({0, kind == 'w' ? 0 : Cell::absent});
      step.rows.push_back(row);
    }
  }

  std::vector<Action> actions() const {
    std::vector<Action> out;
    for (const auto& write : plan(changes_, true)) out.push_back(write.action);
    return out;
  }

  Changes changes_;
};

using enum Action;

TEST_F(Pieces, a_table_that_one_topic_feeds_is_not_locked) {
  rows(table("orders", false), "wpd");
  EXPECT_EQ(actions(), (std::vector{remove, upsert, upsert}));
}

TEST_F(Pieces, one_insert_in_the_order_of_keys_shares_a_shared_table) {
  rows(table("orders", true), "ww");
  EXPECT_EQ(actions(), (std::vector{share, upsert}));
}

TEST_F(Pieces, more_than_one_statement_has_a_shared_table_to_itself) {
  rows(table("orders", true), "wd");
  EXPECT_EQ(actions(), (std::vector{exclusive, remove, upsert}));
}

TEST_F(Pieces, a_delete_alone_has_a_shared_table_to_itself_since_its_order_is_the_planners) {
  rows(table("orders", true), "dd");
  EXPECT_EQ(actions(), (std::vector{exclusive, remove}));
}

TEST_F(Pieces, a_table_that_two_routes_write_in_one_batch_is_locked_once) {
  rows(table("orders", true), "w");
  rows(table("items", true), "w");
  rows(table("orders", true), "w");
  EXPECT_EQ(actions(), (std::vector{share, upsert, exclusive, upsert, upsert}));
}

TEST_F(Pieces, truncating_a_table_takes_its_lock_before_any_row) {
  rows(table("orders", false), "w", true);
  EXPECT_EQ(actions(), (std::vector{exclusive, truncate, upsert}));
}

TEST_F(Pieces, what_is_not_known_beforehand_locks_every_shared_table_in_the_order_of_names) {
  rows(table("orders", true), "w");
  rows(table("plain", false), "w");
  rows(table("items", true), "w");
  const auto writes = locks(changes_);
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_EQ(writes[0].table->name + " " + writes[1].table->name, "items orders");
  EXPECT_TRUE(writes[0].action == exclusive && writes[1].action == exclusive);
}

std::shared_ptr<Table> linked(const std::string& name, int depth) {
  auto made = std::make_shared<Table>(*table(name, false));
  made->depth = depth;
  made->tree = static_cast<std::uint32_t>(name[0]);
  return made;
}

std::string text_of(const Changes& changes) {
  std::string text;
  for (const auto& write : plan(changes, true)) {
    const char* sign = write.action == remove           ? "-"
                       : write.action == upsert         ? "+"
                       : write.action == share          ? "s"
                       : write.action == truncate       ? "0"
                       : write.action == insert         ? "+"
                       : write.action == remove_orphans ? "o"
                       : write.action == defer          ? "later "
                                                        : "x";
    text += sign + write.table->name + " ";
  }
  return text;
}

TEST_F(Pieces, parents_are_written_before_their_children_and_lose_rows_after_them) {
  rows(linked("children", 2), "wd");
  rows(linked("parents", 1), "wd");
  EXPECT_EQ(text_of(changes_), "-children +parents +children -parents ");
}

TEST_F(Pieces, what_is_removed_from_a_parent_with_another_unique_index_makes_room_first) {
  rows(linked("children", 2), "wd");
  const auto parents = linked("parents", 1);
  parents->other_unique = true;
  rows(parents, "wd");
  EXPECT_EQ(text_of(changes_), "-children -parents +parents +children ");
}

TEST_F(Pieces, a_delete_that_changes_children_comes_after_those_of_its_round_and_before_those_of_the_next) {
  const auto children = linked("children", 2), parents = linked("parents", 1);
  parents->other_unique = true;
  parents->delete_changes = {children->tree};
  rows(children, "w");
  rows(parents, "d");
  rows(children, "w");
  changes_.tables.back().steps.back().round = 1;
  EXPECT_EQ(text_of(changes_), "+children -parents +children ");
}

TEST_F(Pieces, a_table_that_refers_to_itself_loses_rows_after_what_is_written) {
  const auto tree = linked("tree", 1);
  tree->refers_to_itself = true;
  rows(tree, "wd");
  EXPECT_EQ(text_of(changes_), "+tree -tree ");
}

TEST_F(Pieces, steps_of_a_linked_table_keep_their_order) {
  rows(linked("children", 2), "w");
  rows(linked("parents", 1), "wd");
  rows(linked("parents", 1), "wd");
  EXPECT_EQ(text_of(changes_), "-parents +parents +parents +children -parents ");
}

TEST_F(Pieces, tables_of_one_depth_keep_the_order_of_names_and_a_truncation_comes_where_its_table_is_written) {
  rows(linked("a", 3), "wd");
  rows(linked("b", 3), "wd");
  EXPECT_EQ(text_of(changes_), "-a +a -b +b ");
  rows(linked("c", 1), "w", true);
  EXPECT_EQ(text_of(changes_), "xc -b -a 0c +c +a +b ");
}

TEST_F(Pieces, linked_tables_that_are_shared_are_locked_first_in_the_order_of_names) {
  for (const auto& [name, depth] : {std::pair("a", 2), std::pair("b", 1)}) {
    const auto made = linked(name, depth);
    made->shared = true;
    rows(made, "w");
  }
  EXPECT_EQ(text_of(changes_), "sa sb +b +a ");
}

TEST_F(Pieces, what_can_be_deferred_is_before_anything_else) {
  const auto made = linked("a", 1);
  made->deferrable = made->shared = true;
  rows(made, "w");
  EXPECT_EQ(text_of(changes_), "later a sa +a ");
}

// Of items with a key of two columns, the first of which is the order's: all rows of one order, `kept` of them.
void children(Changes& changes, const std::shared_ptr<const Table>& of, const std::shared_ptr<const Table>& parent,
              std::string_view kinds, bool truncate = false) {
  if (changes.tables.empty() || changes.tables.back().table != of)
    changes.tables.push_back(TableChanges{of, WriteMode::upsert, {}, parent});
  auto& step = changes.tables.back().steps.emplace_back();
  step.truncate = truncate;
  const auto add = [&](std::vector<RowChange>& rows, ChangeKind kind, std::int32_t length) {
    RowChange row;
    row.order = ++changes.rows;
    row.kind = kind;
    row.cells = static_cast<std::uint32_t>(changes.cells.size());
    changes.cells.push_back({0, 0});
    changes.cells.push_back({0, length});
    rows.push_back(row);
  };
  add(step.parents, ChangeKind::remove, Cell::absent);
  for (const char kind : kinds)
    add(step.rows, kind == 'w' ? ChangeKind::write : kind == 'r' ? ChangeKind::replace : ChangeKind::remove, 0);
}

std::shared_ptr<const Table> items(bool shared = false) {
  auto made = std::make_shared<Table>(*table("items", shared));
  made->key = {0, 1};
  return made;
}

TEST_F(Pieces, children_are_removed_before_their_parents_are_changed_and_written_behind_that) {
  const auto parent = table("orders", false), child = items();
  rows(parent, "wd");
  children(changes_, child, parent, "wwrd");
  const auto writes = plan(changes_, true);
  std::string text;
  for (const auto& write : writes) text += fmt::format("{} {}, ", write.table->name, static_cast<int>(write.action));
  EXPECT_EQ(text, fmt::format("items {}, orders {}, orders {}, items {}, items {}, ", static_cast<int>(remove_orphans),
                              static_cast<int>(remove), static_cast<int>(upsert), static_cast<int>(upsert),
                              static_cast<int>(insert)));
  EXPECT_EQ(writes[0].columns, (std::vector<std::uint16_t>{0}));
  EXPECT_EQ(writes[0].rows.size(), 1u);
  EXPECT_EQ(writes[0].kept.size(), 2u) << "neither what is removed nor what is written as a new row";
  EXPECT_EQ(statement(writes[0]),
            "DELETE FROM items AS target USING (SELECT pg_catalog.unnest($1::text[]) AS s0) AS source WHERE "
            "target.\"id\" OPERATOR(pg_catalog.=) source.s0 AND NOT EXISTS (SELECT FROM (SELECT "
            "pg_catalog.unnest($2::text[]) AS s0, pg_catalog.unnest($3::text[]) AS s1) AS kept WHERE target.\"id\" "
            "OPERATOR(pg_catalog.=) kept.s0 AND target.\"note\" OPERATOR(pg_catalog.=) kept.s1)");
}

TEST_F(Pieces, children_of_parents_with_versions_are_written_under_the_lock_of_a_parent_that_is_not_newer) {
  auto parent = std::make_shared<Table>(*table("orders", false));
  parent->guard = 1;
  const auto child = items();
  rows(parent, "w");
  children(changes_, child, parent, "w");
  const auto writes = plan(changes_, true);
  ASSERT_EQ(actions(), (std::vector{lock_parents, remove_orphans, upsert, upsert}));
  EXPECT_EQ(statement(writes[0]),
            "SELECT pg_catalog.count(*) FROM (SELECT FROM orders AS parent, (SELECT pg_catalog.unnest($1::text[]) AS "
            "p0, pg_catalog.unnest($2::text[]) AS p1) AS source WHERE parent.\"id\" OPERATOR(pg_catalog.=) source.p0 "
            "FOR NO KEY UPDATE OF parent) AS locked");
  const std::string newer =
      "NOT EXISTS (SELECT FROM orders AS parent WHERE parent.\"id\" OPERATOR(pg_catalog.=) source.p0 AND "
      "parent.\"note\" OPERATOR(pg_catalog.>) source.p1)";
  EXPECT_TRUE(statement(writes[1]).ends_with(" AND " + newer)) << statement(writes[1]);
  EXPECT_EQ(
      statement(writes[3]),
      "INSERT INTO items AS target (\"id\", \"note\") SELECT source.s0, source.s1 FROM (SELECT "
      "pg_catalog.unnest($1::text[]) AS s0, pg_catalog.unnest($2::text[]) AS s1, pg_catalog.unnest($3::text[]) AS "
      "p0, pg_catalog.unnest($4::text[]) AS p1) AS source WHERE " +
          newer + " ON CONFLICT (\"id\", \"note\") DO NOTHING");
}

TEST_F(Pieces, a_parent_and_its_children_are_truncated_together_between_their_steps) {
  const auto parent = table("orders", false), child = items();
  rows(parent, "w");
  changes_.tables.back().steps.push_back(
      {.truncate = true, .round = 1, .rows = changes_.tables.back().steps.front().rows, .parents = {}});
  children(changes_, child, parent, "w");
  children(changes_, child, parent, "w", true);
  changes_.tables.back().steps.back().round = 1;
  const auto writes = plan(changes_, true);
  std::vector<Action> found;
  for (const auto& write : writes) found.push_back(write.action);
  EXPECT_EQ(found, (std::vector{exclusive, exclusive, remove_orphans, upsert, upsert, truncate, remove_orphans, upsert,
                                upsert}));
  EXPECT_EQ(statement(writes[5]), "TRUNCATE orders, items");
}

TEST_F(Pieces, children_with_a_foreign_key_lose_rows_first_and_their_parents_last) {
  const auto parent = linked("orders", 1), child = std::make_shared<Table>(*linked("items", 2));
  child->key = {0, 1};
  parent->delete_changes = {child->tree};
  rows(parent, "wd");
  children(changes_, child, parent, "wr");
  EXPECT_EQ(text_of(changes_), "oitems +orders +items +items -orders ");
  changes_ = {};
  parent->other_unique = true;
  rows(parent, "wd");
  children(changes_, child, parent, "w");
  EXPECT_EQ(text_of(changes_), "oitems -orders +orders +items ") << "what the children lost needs no parent any more";
}

TEST_F(Pieces, a_shared_table_of_children_is_locked_before_anything_is_written) {
  const auto parent = table("orders", true), child = items(true);
  rows(parent, "w");
  children(changes_, child, parent, "w");
  EXPECT_EQ(actions(), (std::vector{exclusive, share, remove_orphans, upsert, upsert}));
}

bool shares(std::vector<std::string> topics, std::string table, std::string other = "other") {
  std::vector<config::Route> routes(2);
  routes[0].topics = std::move(topics);
  routes[0].table = std::move(table);
  routes[1].topics = {"another"};
  routes[1].table = std::move(other);
  config::mark_shared_tables(routes);
  return routes[0].shares_table;
}

TEST(SharedTables, are_those_that_more_than_one_topic_may_feed) {
  EXPECT_FALSE(shares({"orders"}, "orders"));
  EXPECT_TRUE(shares({"orders", "returns"}, "orders"));
  EXPECT_TRUE(shares({"^orders.*"}, "orders"));
  EXPECT_TRUE(shares({"orders"}, "orders", "orders"));
  EXPECT_TRUE(shares({R"(^db\.shard\d+\.(\w+)$)"}, "{1}"));
  EXPECT_TRUE(shares({"orders", "returns"}, "public.{source.table}"));
  EXPECT_FALSE(shares({"orders"}, "public.{source.table}", "other.{source.table}"));
  EXPECT_TRUE(shares({"orders"}, "public.{source.table}", "public.orders"));
  EXPECT_TRUE(shares({"orders"}, "public.{source.table}", "orders"));
  EXPECT_FALSE(shares({"^(.*)"}, "public.a_{topic}", "public.other"));
}

}  // namespace
}  // namespace sluice::sink

// Which of a batch's statements take the lock among Sluice's writers, and where it stands.
#include <gtest/gtest.h>

#include "config/validators.h"
#include "sink/write_plan.h"

namespace sluice::sink {
namespace {

std::shared_ptr<const Table> table(const std::string& name, bool shared) {
  auto made = std::make_shared<Table>();
  made->name = made->sql_name = name;
  made->shared = shared;
  made->columns.resize(2);
  made->columns[0].name = "id";
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
    for (const auto& piece : cut(changes_, true)) out.push_back(piece.action);
    return out;
  }

  Changes changes_;
};

using enum Action;

TEST_F(Pieces, ATableThatOneTopicFeedsIsNotLocked) {
  rows(table("orders", false), "wpd");
  EXPECT_EQ(actions(), (std::vector{remove, upsert, upsert}));
}

TEST_F(Pieces, OneInsertInTheOrderOfKeysSharesASharedTable) {
  rows(table("orders", true), "ww");
  EXPECT_EQ(actions(), (std::vector{share, upsert}));
}

TEST_F(Pieces, MoreThanOneStatementHasASharedTableToItself) {
  rows(table("orders", true), "wd");
  EXPECT_EQ(actions(), (std::vector{exclusive, remove, upsert}));
}

TEST_F(Pieces, ADeleteAloneHasASharedTableToItselfSinceItsOrderIsThePlanners) {
  rows(table("orders", true), "dd");
  EXPECT_EQ(actions(), (std::vector{exclusive, remove}));
}

TEST_F(Pieces, ATableThatTwoRoutesWriteInOneBatchIsLockedOnce) {
  rows(table("orders", true), "w");
  rows(table("items", true), "w");
  rows(table("orders", true), "w");
  EXPECT_EQ(actions(), (std::vector{share, upsert, exclusive, upsert, upsert}));
}

TEST_F(Pieces, TruncatingATableTakesItsLockBeforeAnyRow) {
  rows(table("orders", false), "w", true);
  EXPECT_EQ(actions(), (std::vector{exclusive, truncate, upsert}));
}

TEST_F(Pieces, WhatIsNotKnownBeforehandLocksEverySharedTableInTheOrderOfNames) {
  rows(table("orders", true), "w");
  rows(table("plain", false), "w");
  rows(table("items", true), "w");
  const auto pieces = locks(changes_);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].table->name + " " + pieces[1].table->name, "items orders");
  EXPECT_TRUE(pieces[0].action == exclusive && pieces[1].action == exclusive);
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

TEST(SharedTables, AreThoseThatMoreThanOneTopicMayFeed) {
  EXPECT_FALSE(shares({"orders"}, "orders"));
  EXPECT_TRUE(shares({"orders", "returns"}, "orders"));
  EXPECT_TRUE(shares({"^orders.*"}, "orders"));
  EXPECT_TRUE(shares({"orders"}, "orders", "orders"));
  EXPECT_FALSE(shares({"^(.*)"}, "{1}"));
}

}  // namespace
}  // namespace sluice::sink

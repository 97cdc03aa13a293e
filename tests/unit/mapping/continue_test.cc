// One event, several tables: routes that continue.
#include "tests/unit/mapping/several_support.h"

namespace sluice::mapping::test {
namespace {

// orders(id, total) and buyers(buyer, last), both of the topic's events.
struct TwoTables : Several {
  TwoTables() {
    config::Route& orders = add_route("orders", {{"id", "int4"}, {"total", "int4"}});
    orders.continues = true;
    orders.unknown_fields = config::UnknownFields::ignore;
    config::Route& buyers = add_route("buyers", {{"buyer", "text"}, {"total", "int2"}});
    buyers.unknown_fields = config::UnknownFields::ignore;
    buyers.key_from = config::KeyFrom::record_value;
  }
  config::Route& orders() { return pipeline->routes[0]; }
  config::Route& buyers() { return pipeline->routes[1]; }
};

Message order(int id, const std::string& buyer, int total) {
  return {{}, fmt::format(R"({{"id":{},"buyer":"{}","total":{}}})", id, buyer, total)};
}

Expression expression(const std::string& text) {
  return Expression::parse(text).value();
}

TEST(MappingContinue, one_event_is_written_to_the_table_of_each_route_up_to_the_first_that_does_not_continue) {
  TwoTables two;
  two.add_route("never", {{"id", "int4"}});
  EXPECT_EQ(two.changes({order(1, "ann", 5)}), "a\norders: write id=1 total=5\nbuyers: write buyer=ann total=5\n");
}

TEST(MappingContinue, a_record_is_folded_once_later_ones_have_superseded_all_of_its_rows) {
  EXPECT_EQ(TwoTables().changes({order(1, "ann", 5), order(1, "bob", 6)}),
            "aa\norders: write id=1 total=6\nbuyers: write buyer=ann total=5\nbuyers: write buyer=bob total=6\n");
  EXPECT_EQ(TwoTables().changes({order(1, "ann", 5), order(1, "bob", 6), order(2, "ann", 7)}),
            "faa\norders: write id=1 total=6\norders: write id=2 total=7\nbuyers: write buyer=ann total=7\n"
            "buyers: write buyer=bob total=6\n");
}

TEST(MappingContinue, a_record_is_skipped_only_if_all_of_its_routes_skip_it) {
  TwoTables two;
  two.orders().filter = expression("total > 5");
  two.buyers().filter = expression("total > 10");
  EXPECT_EQ(two.changes({order(1, "ann", 5), order(2, "bob", 6), order(3, "cid", 11)}),
            "saa\norders: write id=2 total=6\norders: write id=3 total=11\nbuyers: write buyer=cid total=11\n");
}

TEST(MappingContinue, a_record_that_one_route_refuses_is_one_dead_letter_and_changes_no_table) {
  TwoTables two;
  const Changes made = two.map({order(1, "ann", 5), order(1, "ann", 70000), order(2, "bob", 6)});
  EXPECT_EQ(outcomes(made), "ada") << "the second is no int2, and the first is not superseded by it";
  ASSERT_EQ(made.dead.size(), 1);
  EXPECT_EQ(made.dead.front().table, "buyers");
  EXPECT_EQ(made.dead.front().sqlstate, "22003");
  EXPECT_EQ(made.rows, 4);
}

TEST(MappingContinue, the_first_route_refuses_as_the_last_does) {
  TwoTables two;
  EXPECT_EQ(two.changes({{{}, R"({"id":"x","buyer":"ann","total":1})"}}), "d\n");
}

TEST(MappingContinue, all_tables_that_could_contradict_a_refusal_are_named) {
  TwoTables two;
  two.add(order(1, "ann", 70000));
  EXPECT_EQ(two.mapper().doubtful().size(), 3) << "fields without a column in both, a value refused by one";
}

TEST(MappingContinue, values_that_policies_changed_are_noted_once_and_not_of_refused_records) {
  TwoTables two;
  two.orders().values.out_of_range = two.buyers().values.out_of_range = RangePolicy::clamp;
  const Changes made = two.map({order(1, "ann", 70000), {{}, R"({"id":1,"total":70000})"}});
  EXPECT_EQ(outcomes(made), "ad") << "the second has no key for buyers";
  ASSERT_EQ(made.policy_uses.size(), 1);
  EXPECT_EQ(made.policy_uses.front().record, 0);
  EXPECT_EQ(made.policy_uses.front().table->name, "buyers");
}

TEST(MappingContinue, a_newer_version_in_one_table_does_not_make_a_record_skipped_that_another_table_takes) {
  Several two;
  config::Route& first = two.add_route("first", {{"id", "int4"}, {"v", "int4"}});
  first.continues = true;
  first.version = config::VersionPath::parse("v");
  two.table_of("first")->guard = 1;
  two.add_route("second", {{"id", "int4"}, {"v", "int4"}});
  const auto versions = [&](int v) { return Message{{}, fmt::format(R"({{"id":1,"v":{}}})", v)}; };
  const Changes made = two.map({versions(5), versions(4)});
  EXPECT_EQ(outcomes(made), "aa") << "the first is the newest in one table, the second the last in the other";
  for (const auto& table : made.tables) {
    for (const auto& row : table.steps.front().rows)
      EXPECT_EQ(row.decides, table.table->guard == Table::none) << "only where PostgreSQL is asked";
  }
}

TEST(MappingContinue, routes_that_events_send_to_one_table_take_effect_in_the_order_of_the_records) {
  Several both;
  for (const char* name : {"first", "second"}) {
    config::Route& route = both.add_route(name, {{"id", "int4"}, {"a", "text"}});
    route.table = "target";
    route.continues = route.interleaves = true;
  }
  both.add_table("target", {{"id", "int4"}, {"a", "text"}}, {0});
  both.pipeline->routes[0].filter = expression("a <> 'second'");
  both.pipeline->routes[1].filter = expression("a = 'second'");
  const auto row = [](const char* a) { return Message{{}, fmt::format(R"({{"id":1,"a":"{}"}})", a)}; };
  const Changes made = both.map({row("x"), row("second"), row("y"), row("z")});
  EXPECT_EQ(outcomes(made), "aafa");
  Rows rows;
  take_effect(made, rows);
  EXPECT_EQ(rows["1"]["a"], "z");
}

TEST(MappingContinue, a_batch_has_the_same_effect_however_it_is_cut) {
  std::uint32_t seed = 7;
  const auto next = [&](std::uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<Message> messages;
    for (int n = 0; n < 12; ++n) {
      Message one = order(static_cast<int>(next(3)), std::string(1, static_cast<char>('a' + next(3))),
                          next(6) == 0 ? 70000 : static_cast<int>(next(100)));
      if (next(4) == 0) one.value->insert(1, R"("gone":true,)");
      messages.push_back(std::move(one));
    }
    const auto run = [&](bool one_by_one) {
      TwoTables two;
      two.orders().delete_when = expression("gone = true");
      std::map<std::string, Rows> tables;
      const auto take = [&] {
        const Changes made = two.take();
        for (const TableChanges& one : made.tables) take_effect(made, one, tables[one.table->name]);
      };
      for (const Message& message : messages) {
        two.add(message);
        if (one_by_one || next(4) == 0) take();
      }
      take();
      return tables;
    };
    auto expected = run(true), found = run(false);
    ASSERT_EQ(expected["orders"], found["orders"]) << "round " << round;
    ASSERT_EQ(expected["buyers"], found["buyers"]) << "round " << round;
  }
}

}  // namespace
}  // namespace sluice::mapping::test

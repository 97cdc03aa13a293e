// Arrays as rows of tables of children.
#include "config/children.h"
#include "tests/support/rounds.h"
#include "tests/unit/mapping/several_support.h"

namespace sluice::mapping::test {
namespace {

// orders(id, note) with order_items(order_id, line, sku, n).
struct Orders : Several {
  Orders() {
    config::Route& route = add_route("orders", {{"id", "int4"}, {"note", "text"}});
    add_child("items", "order_items", {"order_id", "line"},
              {{"order_id", "int4"}, {"line", "int4"}, {"sku", "text"}, {"n", "int4"}}, {0, 1});
    route.children[0].fills = {{"order_id", "$.id"}, {"line", "@index"}};
  }
  config::Route& route() { return pipeline->routes[0]; }
  config::Route& child() { return route().children[0]; }

  config::Route& add_child(const std::string& path, const std::string& name, std::vector<std::string> key,
                           std::vector<std::pair<std::string, std::string>> columns,
                           std::vector<std::uint16_t> key_columns) {
    add_table(name, std::move(columns), std::move(key_columns));
    config::Route& added = route().children.emplace_back();
    added.path = path;
    added.table = name;
    added.key = std::move(key);
    return added;
  }
  void complete() {
    for (auto& child : route().children) config::complete_child(child, route());
  }
  std::string changes(const std::vector<Message>& messages) {
    complete();
    return Several::changes(messages);
  }
  std::string reason(const std::string& value) {
    complete();
    const Changes made = map({{{}, value}});
    if (made.dead.size() != 1 || made.rows > 0) return "none: " + outcomes(made);
    return fmt::format("{} {}: {}", made.dead.front().sqlstate, made.dead.front().table, made.dead.front().whole());
  }
};

Message row(const std::string& value) {
  return {{}, value};
}
Message tombstone(int id) {
  return {fmt::format(R"({{"id":{}}})", id), {}};
}
Message change(char op, const std::string& before, const std::string& after) {
  return {{}, fmt::format(R"({{"op":"{}","before":{},"after":{}}})", op, before, after)};
}

constexpr const char* two_items = R"({"id":1,"items":[{"sku":"a","n":2},{"sku":"b"}]})";

TEST(MappingChildren, each_element_of_the_array_becomes_a_row_with_the_parents_key_and_its_number) {
  EXPECT_EQ(Orders().changes({row(two_items)}),
            "a\norders: write id=1\norder_items: all of order_id=1\n"
            "order_items: write order_id=1 line=1 sku=a n=2\norder_items: write order_id=1 line=2 sku=b\n");
}

TEST(MappingChildren, an_absent_array_leaves_the_children_alone_and_an_empty_or_null_one_removes_them) {
  EXPECT_EQ(Orders().changes({row(R"({"id":1,"note":"x"})")}), "a\norders: write id=1 note=x\n");
  const std::string removed = "a\norders: write id=1\norder_items: all of order_id=1\n";
  EXPECT_EQ(Orders().changes({row(R"({"id":1,"items":[]})")}), removed);
  EXPECT_EQ(Orders().changes({row(R"({"id":1,"items":null})")}), removed);
}

TEST(MappingChildren, a_parent_that_is_deleted_takes_its_children_along_however_it_is_deleted) {
  const std::string removed = "a\norders: remove id=1\norder_items: all of order_id=1\n";
  EXPECT_EQ(Orders().changes({tombstone(1)}), removed);
  EXPECT_EQ(Orders().changes({change('d', R"({"id":1})", "null")}), removed);
  Orders flattened;
  flattened.route().delete_when = Expression::parse("gone = true").value();
  EXPECT_EQ(flattened.changes({row(R"({"id":1,"gone":true,"items":[{"sku":"a"}]})")}), removed);
  Orders conditional;
  conditional.route().where = Expression::parse("note = 'x'").value();
  conditional.table_of("orders")->condition.columns = {1};
  EXPECT_EQ(conditional.changes({row(R"({"id":1,"note":"y","items":[{"sku":"a"}]})")}),
            "a\norders: remove id=1 note=y\norder_items: all of order_id=1\n")
      << "it leaves the table";
}

// With foreign keys: a delete of an order changes order_items, one of an item changes a table of another route.
struct LinkedOrders : Orders {
  LinkedOrders() {
    add_route("returns", {{"rid", "int4"}, {"v", "text"}}).topics = {"returns"};
    std::uint32_t tree = 0;
    for (const char* name : {"orders", "order_items", "returns"}) table_of(name)->tree = ++tree;
    table_of("orders")->delete_changes = {2};
    table_of("orders")->delete_acts = true;
  }
  std::size_t rounds(const std::vector<Message>& messages) {
    complete();
    const Changes made = map(messages);
    std::size_t rounds = 0;
    for (const auto& one : made.tables)
      for (const auto& step : one.steps) rounds = std::max<std::size_t>(rounds, step.round + 1);
    return rounds;
  }
};

TEST(MappingChildren, deletes_that_cascade_to_children_need_no_round_since_they_take_the_children_along) {
  EXPECT_EQ(LinkedOrders().rounds({tombstone(1), row(two_items), tombstone(2), row(two_items), tombstone(1)}), 1u);
  LinkedOrders other;
  other.table_of("orders")->delete_changes = {3};
  other.table_of("returns")->delete_changes = {2};
  EXPECT_EQ(other.rounds({row(two_items), tombstone(1), row(two_items)}), 1u) << "no row of returns is written";
}

TEST(MappingChildren, a_truncate_of_a_parent_and_its_children_begins_a_round) {
  LinkedOrders orders;
  orders.route().on_truncate = config::OnTruncate::apply;
  orders.complete();
  const Changes made = orders.map({row(two_items), row(R"({"op":"t","before":null,"after":null})"), row(two_items)});
  for (const auto& one : made.tables) {
    ASSERT_EQ(one.steps.size(), 2u) << one.table->name;
    EXPECT_TRUE(!one.steps[0].truncate && one.steps[1].truncate && one.steps[1].round > one.steps[0].round);
  }
}

TEST(MappingChildren, paths_lead_into_the_event_as_it_came_where_nested_objects_are_taken_apart) {
  for (const char* separator : {"_", "."}) {
    Orders flat;
    flat.route().flatten = separator;
    flat.add_table("orders", {{"id", "int4"}, {std::string("buyer") + separator + "name", "text"}}, {0});
    flat.child().path = "buyer.cart.items";
    flat.child().fills["n"] = "$.buyer.rank";
    flat.route().unknown_fields = config::UnknownFields::reject;
    const std::string name = std::string("buyer") + separator + "name";
    flat.route().columns.exclude = {std::string("buyer") + separator + "rank"};
    EXPECT_EQ(flat.changes({row(R"({"id":1,"buyer":{"name":"x","rank":4,"cart":{"items":[{"sku":"a"}]}}})")}),
              "a\norders: write id=1 " + name +
                  "=x\norder_items: all of order_id=1\norder_items: write order_id=1 line=1 sku=a n=4\n");
    EXPECT_EQ(flat.changes({change('d', R"({"id":1})", "null")}),
              "a\norders: remove id=1\norder_items: all of order_id=1\n");
  }
}

TEST(MappingChildren, an_object_of_the_path_that_is_null_needs_no_column_where_nested_objects_are_taken_apart) {
  Orders flat;
  flat.route().flatten = "_";
  flat.child().path = "buyer.cart.items";
  const std::string removed = "a\norders: write id=1\norder_items: all of order_id=1\n";
  EXPECT_EQ(flat.changes({row(R"({"id":1,"buyer":{"cart":{"items":null}}})")}), removed);
  EXPECT_EQ(flat.changes({row(R"({"id":1,"buyer":{"cart":null}})")}), removed);
  EXPECT_EQ(flat.changes({row(R"({"id":1,"buyer":null})")}), removed);
  EXPECT_THAT(flat.reason(R"({"id":1,"buyer":{"car":null}})"), testing::StartsWith("42703"));
}

TEST(MappingChildren, a_parent_that_is_only_marked_as_deleted_keeps_its_children) {
  Orders soft;
  soft.add_table("orders", {{"id", "int4"}, {"gone", "bool"}}, {0})->marker = 1;
  soft.route().on_delete = {config::OnDelete::soft, "gone"};
  EXPECT_EQ(soft.changes({tombstone(1)}), "a\norders: mark id=1 gone=true\n");
}

TEST(MappingChildren, an_ignored_delete_leaves_the_children_alone) {
  Orders ignoring;
  ignoring.route().on_delete = config::OnDelete::ignore;
  EXPECT_EQ(ignoring.changes({tombstone(1)}), "s\n");
}

TEST(MappingChildren, a_changed_key_removes_the_children_of_the_old_one) {
  EXPECT_EQ(Orders().changes({change('u', R"({"id":1})", R"({"id":2,"items":[{"sku":"a"}]})")}),
            "a\norders: remove id=1\norders: write id=2\norder_items: all of order_id=1\n"
            "order_items: all of order_id=2\norder_items: write order_id=2 line=1 sku=a\n");
}

TEST(MappingChildren, a_changed_key_without_its_unchanged_array_is_refused) {
  Orders orders;
  orders.complete();
  const Changes made = orders.map({change('u', R"({"id":1})", R"({"id":2,"items":"__debezium_unavailable_value"})")});
  ASSERT_EQ(outcomes(made), "d");
  EXPECT_EQ(made.dead.front().sqlstate, "22004");
  EXPECT_EQ(Orders().changes({change('u', R"({"id":1})", R"({"id":1,"items":"__debezium_unavailable_value"})")}),
            "a\norders: write id=1\n");
}

TEST(MappingChildren, a_changed_key_without_an_array_in_the_event_is_refused) {
  EXPECT_THAT(Orders().reason(R"({"op":"u","before":{"id":1},"after":{"id":2,"note":"x"}})"),
              testing::StartsWith("22004 orders: value.after.items: found no array, expected it"));
  Orders orders;
  orders.complete();
  const Changes made = orders.map({{{}, R"({"op":"c","before":null,"after":{"id":2}})", {{"__debezium.oldkey", "1"}}}});
  EXPECT_EQ(outcomes(made), "d") << "the create of a row whose key has changed";
  EXPECT_EQ(Orders().changes({change('u', R"({"id":1})", R"({"id":1,"note":"x"})")}), "a\norders: write id=1 note=x\n");
}

// What is asked for when the record is mapped: `table: a int4, b to text` with the key of a table that is made, or the
// outcome.
struct EvolvingOrders : Orders {
  EvolvingOrders() {
    route().evolve = config::Evolve::tables;
    complete();
  }
  std::string wants(const std::string& value, bool exists = true) {
    const TopicPartition at{"events", 0};
    Record record;
    record.at = &at;
    record.value = value;
    ChangeSet set;
    for (int questions = 0; questions < 8; ++questions) {
      const auto done = mapper().map(record, set);
      if (done) return outcomes(set.changes()) + (set.changes().dead.empty() ? "" : set.changes().dead.front().reason);
      const auto& wanted = std::get<Wanted>(done.error());
      if (const auto* asked = std::get_if<TableWanted>(&wanted)) {
        if (exists || asked->table != "order_items")
          mapper().set_table(*asked, table_of(asked->table));
        else
          mapper().set_missing(*asked);
        continue;
      }
      const auto& [of, evolution, place, offset] = std::get<EvolutionWanted>(wanted);
      std::string text = of.table + ":";
      for (const auto& one : evolution.added) text += fmt::format(" {} {},", one.column, one.type);
      for (const auto& one : evolution.widened) text += fmt::format(" {} to {},", one.column, one.type);
      for (const auto& column : evolution.relaxed) text += fmt::format(" {} null,", column);
      if (evolution.creates) text += fmt::format(" key {}", fmt::join(evolution.key, " "));
      return text;
    }
    return "asks again";
  }
};

TEST(MappingChildren, new_fields_of_all_elements_are_columns_that_the_childrens_table_lacks) {
  EXPECT_EQ(EvolvingOrders().wants(R"({"id":1,"items":[{"a":1},{"b":"x","a":2.5},{"c":null},{"n":4}]})"),
            "order_items: a numeric, b text,");
  EXPECT_EQ(EvolvingOrders().wants(R"({"id":1,"new":true,"items":[{"a":1}]})"), "orders: new boolean,")
      << "the parent's first";
  EXPECT_THAT(EvolvingOrders().wants(R"({"id":1,"items":[{"a":1},{"n":"x"}]})"), testing::StartsWith("d"))
      << "a record at fault alters nothing";
  EXPECT_THAT(EvolvingOrders().wants(R"({"id":1,"new":true,"items":[{"n":"x"}]})"), testing::StartsWith("d"))
      << "nor the parent's table";
}

TEST(MappingChildren, where_types_are_inferred_columns_that_are_filled_are_widened_by_their_values_too) {
  const auto wants = [](bool infers) {
    EvolvingOrders orders;
    orders.add_table("order_items", {{"order_id", "int4"}, {"line", "int4"}, {"sku", "text"}, {"n", "int4"}}, {0, 1});
    orders.child().fills["n"] = "$.rank";
    orders.complete();
    orders.route().columns.exclude = {"rank"};
    if (infers) orders.mapper().infer_types();
    return orders.wants(R"({"id":1,"rank":3000000000,"items":[{"sku":"a"}]})");
  };
  EXPECT_EQ(wants(true), "order_items: n to bigint,");
  EXPECT_THAT(wants(false), testing::StartsWith("d"));
}

TEST(MappingChildren, a_table_of_children_that_is_missing_is_made_by_the_first_element) {
  const auto wants = [](const std::string& value) { return EvolvingOrders().wants(value, false); };
  EXPECT_EQ(wants(R"({"id":1,"items":[{"sku":"a","n":1,"x":null},{"sku":"b","n":1.5}]})"),
            "order_items: order_id int4, line integer, sku text, n numeric, key order_id line");
  EXPECT_EQ(wants(R"({"id":1,"items":[]})"), "a");
  EXPECT_EQ(wants(R"({"id":1})"), "a");
  EXPECT_EQ(wants(R"({"op":"d","before":{"id":1},"after":null})"), "a") << "the parent's row";
  EXPECT_THAT(wants(R"({"id":1,"items":[7]})"),
              testing::StartsWith("dvalue.items[1]: found a value, expected an object"));
  EXPECT_THAT(wants(R"({"id":"x","items":[{"sku":"a"}]})"), testing::StartsWith("d")) << "the parent's row is at fault";
}

TEST(MappingChildren, a_table_of_children_is_made_with_what_the_configuration_fills) {
  EvolvingOrders values;
  values.child().key = {"order_id", "tag"};
  values.child().fills = {{"order_id", "$.id"}, {"tag", "@element"}, {"place", "@index"}, {"whose", "$.buyer.name"}};
  values.route().unknown_fields = config::UnknownFields::ignore;
  values.add_table("orders", {{"id", "int4"}, {"buyer", "jsonb"}}, {0});
  EXPECT_EQ(values.wants(R"({"id":1,"buyer":{"name":"x"},"items":["a","b"]})", false),
            "order_items: order_id int4, tag text, place integer, whose text, key order_id tag");
  EvolvingOrders keyed;
  keyed.child().key = {"order_id", "sku"};
  keyed.child().fills = {{"order_id", "$.id"}};
  EXPECT_THAT(keyed.wants(R"({"id":1,"items":[{"n":1}]})", false),
              testing::StartsWith("dvalue.items: found no value of sku, expected the key's"));
}

TEST(MappingChildren, a_table_of_children_is_made_with_the_collation_of_the_parents_key) {
  const auto wants = [](const char* own, const char* loose) {
    EvolvingOrders orders;
    orders.add_table("orders", {{"id", "text"}}, {0});
    orders.table_of("orders")->columns[0].collation = own;
    orders.table_of("orders")->columns[0].loose_collation = loose;
    return orders.wants(R"({"id":"x","items":[{"sku":"a"}]})", false);
  };
  const std::string rest = ", line integer, sku text, key order_id line";
  EXPECT_EQ(wants("", ""), "order_items: order_id text" + rest);
  EXPECT_EQ(wants("pg_catalog.\"C\"", ""), "order_items: order_id text COLLATE pg_catalog.\"C\"" + rest);
  EXPECT_EQ(wants("public.loose", "public.loose"), "order_items: order_id text COLLATE public.loose" + rest);
  EXPECT_EQ(wants("", "public.loose"), "order_items: order_id text COLLATE public.loose" + rest) << "its index has it";
}

TEST(MappingChildren, the_schema_of_an_arrays_elements_decides_the_types_of_their_columns) {
  const std::string schema =
      R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int32"},{"field":"items","type":"array","items":{"type":"struct","fields":[)"
      R"({"field":"sku","type":"string","optional":true},{"field":"n","type":"int64","optional":true},)"
      R"({"field":"at","type":"int64","name":"io.debezium.time.MicroTimestamp","optional":true}]}}]},"payload":)";
  EXPECT_EQ(EvolvingOrders().wants(schema + R"({"id":1,"items":[{"sku":"a","n":1,"at":null}]}})"),
            "order_items: at timestamp without time zone,");
  EXPECT_EQ(EvolvingOrders().wants(schema + R"({"id":1,"items":[{"n":5000000000},{"n":6000000000}]}})"),
            "order_items: n to bigint,");
  EvolvingOrders strict;
  strict.table_of("order_items")->columns[2].not_null = true;
  EXPECT_EQ(strict.wants(schema + R"({"id":1,"items":[{"sku":null,"n":1},{"sku":null,"n":1}]}})"),
            "order_items: sku null,");
}

// Tables that the event's source names.
struct BySource : Orders {
  BySource() {
    route().table = "{source.table}";
    child().table = "{source.table}_items";
    add_table("orders_items", {{"order_id", "int4"}, {"line", "int4"}, {"sku", "text"}, {"n", "int4"}}, {0, 1});
  }
};

TEST(MappingChildren, what_evolves_is_the_parents_table_where_the_source_names_the_childrens_too) {
  BySource orders;
  orders.route().evolve = config::Evolve::columns;
  orders.complete();
  const std::string event = R"({{"op":"c","source":{{"table":"orders"}},"before":null,"after":{{"id":1{}}}}})";
  orders.add(row(fmt::format(fmt::runtime(event), "")));
  const std::string wider = fmt::format(fmt::runtime(event), R"(,"colour":"red")");
  const TopicPartition at{"events", 0};
  Record record;
  record.at = &at;
  record.value = wider;
  ChangeSet set;
  const auto done = orders.mapper().map(record, set);
  ASSERT_FALSE(done);
  EXPECT_EQ(std::get<EvolutionWanted>(std::get<Wanted>(done.error())).of.table, "orders");
}

TEST(MappingChildren, a_tombstone_follows_its_delete_where_only_the_childrens_table_is_named_by_the_source) {
  BySource orders;
  orders.route().table = "orders";
  EXPECT_EQ(orders.changes({tombstone(1)}), "s\n");
}

TEST(MappingChildren, a_truncate_empties_the_tables_of_children_in_its_place) {
  Orders orders;
  orders.route().on_truncate = config::OnTruncate::apply;
  EXPECT_EQ(orders.changes({row(two_items), row(R"({"op":"t","before":null,"after":null})"),
                            row(R"({"id":1,"items":[{"sku":"z"}]})")}),
            "aaa\norders: write id=1\norders: step\norders: truncate\norders: write id=1\n"
            "order_items: all of order_id=1\norder_items: write order_id=1 line=1 sku=a n=2\n"
            "order_items: write order_id=1 line=2 sku=b\norder_items: step\norder_items: truncate\n"
            "order_items: all of order_id=1\norder_items: write order_id=1 line=1 sku=z\n");
}

TEST(MappingChildren, the_last_array_of_a_parent_wins_and_its_records_are_folded) {
  EXPECT_EQ(Orders().changes({row(two_items), row(R"({"id":1,"items":[{"sku":"z"}]})")}),
            "fa\norders: write id=1\norder_items: all of order_id=1\n"
            "order_items: write order_id=1 line=1 sku=z n=2\norder_items: remove order_id=1 line=2 sku=b\n");
  EXPECT_EQ(Orders().changes({row(two_items), row(R"({"id":1,"note":"x"})")}).substr(0, 3), "aa\n")
      << "the children are still the first one's";
}

TEST(MappingChildren, an_element_that_comes_back_within_a_batch_is_a_new_row) {
  EXPECT_EQ(Orders().changes({row(R"({"id":1,"items":[]})"), row(R"({"id":1,"items":[{"sku":"a"}]})")}),
            "fa\norders: write id=1\norder_items: all of order_id=1\norder_items: replace order_id=1 line=1 sku=a\n");
  EXPECT_EQ(Orders().changes({row(two_items), tombstone(1), row(R"({"id":1,"items":[{"n":7}]})")}),
            "ffa\norders: replace id=1\norder_items: all of order_id=1\n"
            "order_items: replace order_id=1 line=1 n=7\norder_items: remove order_id=1 line=2 sku=b\n");
}

TEST(MappingChildren, an_element_that_does_not_fit_makes_the_record_one_dead_letter_that_says_where) {
  EXPECT_THAT(Orders().reason(R"({"id":1,"items":7})"),
              testing::AllOf(testing::StartsWith("22023 order_items: value.items: found "),
                             testing::HasSubstr("expected an array")));
  EXPECT_THAT(Orders().reason(R"({"id":1,"items":[{"sku":"a"},5]})"),
              testing::AllOf(testing::StartsWith("22023 order_items: value.items[2]: found "),
                             testing::HasSubstr("expected an object")));
  EXPECT_THAT(Orders().reason(R"({"id":1,"items":[null]})"), testing::StartsWith("22023 order_items: value.items[1]"));
  EXPECT_THAT(Orders().reason(R"({"id":1,"items":[{"n":"many"}]})"),
              testing::StartsWith("22P02 order_items: value.items[1].n: found "));
  EXPECT_THAT(Orders().reason(R"({"id":1,"items":[{"colour":"red"}]})"),
              testing::AllOf(testing::HasSubstr("order_items: value.items[1].colour"), testing::HasSubstr("column")));
  EXPECT_THAT(
      Orders().reason(R"({"id":1,"items":[{"line":4}]})"),
      testing::StrEq("42701 order_items: value.items[1].line: found a value of the column line, which columns of the "
                     "route's child fills; give the element's field a column of another name there"));
}

TEST(MappingChildren, two_elements_of_one_key_make_the_record_a_dead_letter) {
  Orders orders;
  orders.add_table("order_items", {{"order_id", "int4"}, {"sku", "text"}, {"n", "int4"}}, {0, 1});
  orders.child().key = {"order_id", "sku"};
  orders.child().fills = {{"order_id", "$.id"}};
  EXPECT_EQ(orders.reason(R"({"id":1,"items":[{"sku":"a"},{"sku":"b"},{"sku":"a"}]})"),
            "23505 order_items: value.items[3]: found the key of [1] again, expected another one for each element");
}

TEST(MappingChildren, an_element_without_its_part_of_the_key_is_refused) {
  Orders orders;
  orders.add_table("order_items", {{"order_id", "int4"}, {"sku", "text"}, {"n", "int4"}}, {0, 1});
  orders.child().key = {"order_id", "sku"};
  orders.child().fills = {{"order_id", "$.id"}};
  EXPECT_EQ(orders.reason(R"({"id":1,"items":[{"n":1}]})"),
            "23502 order_items: value.items[1].sku: found no such field, expected the key's value");
}

TEST(MappingChildren, columns_take_fields_of_the_parent_and_fields_of_the_element_under_other_names) {
  Orders orders;
  orders.add_table("order_items",
                   {{"order_id", "int4"}, {"line", "int4"}, {"no", "int4"}, {"note", "text"}, {"city", "text"}},
                   {0, 1});
  orders.child().fills = {
      {"order_id", "$.id"}, {"line", "@index"}, {"no", "line"}, {"note", "$.note"}, {"city", "$.address.city"}};
  orders.route().unknown_fields = config::UnknownFields::ignore;
  EXPECT_EQ(orders.changes({row(R"({"id":1,"note":"x","address":{"city":"Rome"},"items":[{"line":40},{"line":50}]})"),
                            row(R"({"id":2,"note":null,"items":[{"line":40}]})")}),
            "aa\norders: write id=1 note=x\norders: write id=2 note=NULL\norder_items: all of order_id=1\n"
            "order_items: all of order_id=2\norder_items: write order_id=1 line=1 no=40 note=x city=Rome\n"
            "order_items: write order_id=1 line=2 no=50 note=x city=Rome\n"
            "order_items: write order_id=2 line=1 no=40 note=NULL\n");
}

TEST(MappingChildren, a_key_from_the_record_key_or_of_a_wider_type_reaches_the_children) {
  Orders orders;
  orders.add_table("order_items", {{"order_id", "int8"}, {"line", "int2"}, {"sku", "text"}}, {0, 1});
  orders.complete();
  EXPECT_EQ(orders.changes({{R"({"id":-7})", R"({"items":[{"sku":"a"}]})"}}),
            "a\norders: write id=-7\norder_items: all of order_id=-7\norder_items: write order_id=-7 line=1 sku=a\n");
  Orders texts;
  texts.add_table("order_items", {{"order_id", "uuid"}, {"line", "int2"}, {"sku", "text"}}, {0, 1});
  EXPECT_THAT(texts.reason(R"({"id":1,"items":[{"sku":"a"}]})"), testing::HasSubstr("give both columns one type"));
}

TEST(MappingChildren, a_key_is_not_carried_where_two_parents_could_become_one_or_one_two) {
  const auto carried = [](const std::string& from, const std::string& to, const auto& change) {
    Orders orders;
    orders.add_table("orders", {{"id", from}}, {0});
    orders.add_table("order_items", {{"order_id", to}, {"line", "int4"}, {"sku", "text"}}, {0, 1});
    change(orders);
    return orders.reason(R"({"id":"7","items":[{"sku":"a"}]})").substr(0, 5);
  };
  const auto as_is = [](Orders&) {};
  for (const char* type : {"citext", "bpchar", "text", "int8", "numeric"})
    EXPECT_EQ(carried(type, type, as_is), "none:");
  EXPECT_EQ(carried("int8", "text", as_is), "none:");
  EXPECT_EQ(carried("varchar", "text", as_is), "none:");
  EXPECT_EQ(carried("citext", "text", as_is), "42804");
  EXPECT_EQ(carried("text", "citext", as_is), "42804");
  EXPECT_EQ(carried("bpchar", "text", as_is), "42804");
  EXPECT_EQ(carried("text", "int8", as_is), "42804") << "07 is another text";
  const auto collated = [&](const char* parents, const char* childrens) {
    return carried("text", "text", [&](Orders& of) {
      of.table_of("orders")->columns[0].loose_collation = parents;
      of.table_of("order_items")->columns[0].loose_collation = childrens;
    });
  };
  EXPECT_EQ(collated("public.loose", ""), "42804");
  EXPECT_EQ(collated("", "public.loose"), "42804");
  EXPECT_EQ(collated("public.loose", "public.looser"), "42804") << "other texts are equal";
  EXPECT_EQ(collated("public.loose", "public.loose"), "none:");
}

TEST(MappingChildren, a_key_that_a_policy_would_change_is_not_carried) {
  Orders orders;
  orders.add_table("orders", {{"id", "int8"}}, {0});
  orders.route().values.out_of_range = RangePolicy::clamp;
  EXPECT_THAT(orders.reason(R"({"id":9999999999,"items":[{"sku":"a"}]})"), testing::StartsWith("42804"));
}

TEST(MappingChildren, a_field_of_the_parent_takes_its_room_once_for_all_elements) {
  Orders orders;
  orders.add_table("order_items", {{"order_id", "int4"}, {"line", "int4"}, {"note", "text"}}, {0, 1});
  orders.child().fills["note"] = "$.note";
  orders.complete();
  const Changes made = orders.map(
      {row(fmt::format(R"({{"id":1,"note":"{}","items":[{{}},{{}},{{}},{{}}]}})", std::string(10000, 'x')))});
  ASSERT_EQ(outcomes(made), "a");
  EXPECT_LT(made.arena.size(), 21000u) << "the parent's, and one for the children";
  EXPECT_THAT(orders.reason(R"({"id":1,"note":"x","items":[{},{"note":"y"}]})"),
              testing::StartsWith("22023 order_items: value.items[2].note: found \"y\", expected"));
}

TEST(MappingChildren, an_array_whose_rows_take_too_much_room_is_refused) {
  Orders orders;
  std::vector<std::pair<std::string, std::string>> columns{{"order_id", "int4"}, {"line", "int4"}};
  while (columns.size() < 1600) columns.emplace_back(fmt::format("c{}", columns.size()), "text");
  orders.add_table("order_items", columns, {0, 1});
  std::string items = "{}";
  for (int n = 1; n < 12000; ++n) items += ",{}";
  EXPECT_THAT(
      orders.reason(fmt::format(R"({{"id":1,"items":[{}]}})", items)),
      testing::StartsWith("54000 order_items: value.items: found 12000 elements, whose rows take more than 256"));
}

TEST(MappingChildren, an_array_deeper_in_the_row_and_one_in_a_json_column_of_a_change_event_are_found) {
  Orders nested;
  nested.child().path = "cart.items";
  EXPECT_EQ(nested.changes({row(R"({"id":1,"cart":{"items":[{"sku":"a"}],"x":1}})"), row(R"({"id":2,"cart":{}})"),
                            row(R"({"id":3,"cart":null})")}),
            "aaa\norders: write id=1\norders: write id=2\norders: write id=3\norder_items: all of order_id=1\n"
            "order_items: all of order_id=3\norder_items: write order_id=1 line=1 sku=a\n");
  EXPECT_EQ(Orders().changes({change('c', "null", R"({"id":1,"items":" [{\"sku\":\"a\"}]"})"),
                              change('c', "null", R"({"id":2,"items":"null"})")}),
            "aa\norders: write id=1\norders: write id=2\norder_items: all of order_id=1\n"
            "order_items: all of order_id=2\norder_items: write order_id=1 line=1 sku=a\n");
}

TEST(MappingChildren, a_field_with_children_is_a_column_too_where_the_parent_has_one) {
  Orders orders;
  orders.add_table("orders", {{"id", "int4"}, {"items", "jsonb"}}, {0});
  EXPECT_EQ(orders.changes({row(R"({"id":1,"items":[]})")}),
            "a\norders: write id=1 items=[]\norder_items: all of order_id=1\n");
}

TEST(MappingChildren, policies_of_the_route_hold_for_the_elements_and_are_noted_for_their_table) {
  Orders orders;
  orders.route().values.out_of_range = RangePolicy::clamp;
  orders.complete();
  const Changes made = orders.map({row(R"({"id":1,"items":[{"n":1},{"n":9999999999}]})")});
  EXPECT_EQ(outcomes(made), "a");
  ASSERT_EQ(made.policy_uses.size(), 1);
  EXPECT_EQ(made.policy_uses.front().table->name, "order_items");
  EXPECT_EQ(made.policy_uses.front().column, 3);
}

TEST(MappingChildren, a_row_with_children_is_refused_where_only_the_table_knows_whether_it_meets_the_condition) {
  Orders conditional;
  conditional.route().where = Expression::parse("note = 'x'").value();
  conditional.table_of("orders")->condition.columns = {1};
  EXPECT_THAT(conditional.reason(R"({"id":1,"items":[{"sku":"a"}]})"),
              testing::StartsWith("22004 orders: value: found"));
}

TEST(MappingChildren, parents_whose_keys_may_be_equal_are_written_one_after_the_other) {
  Orders orders;
  orders.add_table("orders", {{"id", "citext"}, {"note", "text"}}, {0});
  orders.add_table("order_items", {{"order_id", "citext"}, {"line", "int4"}, {"sku", "text"}}, {0, 1});
  EXPECT_EQ(
      orders
          .changes({row(R"({"id":"a","items":[{"sku":"1"},{"sku":"2"}]})"), row(R"({"id":"A","items":[{"sku":"3"}]})")})
          .substr(0, 3),
      "aa\n");
  orders.add(row(R"({"id":"a","items":[{"sku":"1"}]})"));
  orders.add(row(R"({"id":"A","items":[{"sku":"3"}]})"));
  const Changes made = orders.take();
  for (const auto& table : made.tables) {
    EXPECT_TRUE(!table.parent || table.steps.size() == 2);
  }
}

TEST(MappingChildren, arrays_whose_elements_may_have_equal_keys_are_written_one_after_the_other) {
  const auto after_first = [](const std::string& type, const std::vector<Message>& messages) {
    Orders orders;
    orders.add_table("order_items", {{"order_id", "int4"}, {"sku", type}, {"n", "int4"}}, {0, 1});
    orders.child().key = {"order_id", "sku"};
    orders.child().fills = {{"order_id", "$.id"}};
    return orders.changes(messages);
  };
  const std::vector<Message> two = {row(R"({"id":1,"items":[{"sku":"a","n":5}]})"),
                                    row(R"({"id":1,"items":[{"sku":"A"}]})")};
  EXPECT_EQ(after_first("citext", two),
            "aa\norders: write id=1\norder_items: all of order_id=1\norder_items: write order_id=1 sku=a n=5\n"
            "order_items: step\norder_items: all of order_id=1\norder_items: write order_id=1 sku=A\n")
      << "PostgreSQL keeps n";
  EXPECT_EQ(after_first("text", two),
            "fa\norders: write id=1\norder_items: all of order_id=1\norder_items: remove order_id=1 sku=a n=5\n"
            "order_items: replace order_id=1 sku=A\n");
  EXPECT_EQ(after_first("citext", {two[0], row(R"({"id":2,"items":[{"sku":"A"}]})")}).find("step"), std::string::npos)
      << "of two parents";
}

TEST(MappingChildren, a_parent_that_goes_behind_doubtful_elements_goes_in_a_later_round) {
  Orders orders;
  orders.add_table("order_items", {{"order_id", "int4"}, {"sku", "citext"}, {"n", "int4"}}, {0, 1});
  orders.child().key = {"order_id", "sku"};
  orders.child().fills = {{"order_id", "$.id"}};
  orders.complete();
  const Changes made = orders.map({row(R"({"id":1,"items":[{"sku":"a"}]})"), tombstone(1)});
  for (const auto& one : made.tables) {
    ASSERT_EQ(one.steps.size(), 2u) << one.table->name;
    EXPECT_GT(one.steps[1].round, one.steps[0].round) << one.table->name;
  }
}

// A document of the model and the events about it.
struct Model {
  std::uint32_t seed;
  std::uint32_t next(std::uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
  }
  std::string items() {
    std::string text = "[";
    for (std::uint32_t n = next(4); n > 0; --n) {
      text += text.size() > 1 ? "," : "";
      text += next(3) == 0 ? fmt::format(R"({{"sku":"{}"}})", next(9))
                           : fmt::format(R"({{"sku":"{}","n":{}}})", next(9), next(100));
    }
    return text + "]";
  }
  std::string document(std::uint32_t id) {
    std::string text = fmt::format(R"({{"id":{})", id);
    if (next(2) == 0) text += fmt::format(R"(,"note":"{}")", next(9));
    const auto what = next(8);
    if (what == 0) text += R"(,"items":null)";
    if (what == 1) text += R"(,"items":"wrong")";
    if (what > 2) text += R"(,"items":)" + items();
    return text + "}";
  }
  Message event() {
    const auto id = next(4);
    const auto what = next(12);
    if (what == 0) return tombstone(static_cast<int>(id));
    if (what == 1) return change('d', fmt::format(R"({{"id":{}}})", id), "null");
    if (what == 2) return row(R"({"op":"t","before":null,"after":null})");
    if (what == 3) return change('u', fmt::format(R"({{"id":{}}})", id), document((id + 1) % 4));
    return row(document(id));
  }
};

TEST(MappingChildren, the_tables_are_the_same_however_a_batch_is_cut) {
  const int rounds = rounds_wanted(500);
  for (int round = 0; round < rounds; ++round) {
    Model model{static_cast<std::uint32_t>(round)};
    std::vector<Message> messages;
    for (int n = 0; n < 20; ++n) messages.push_back(model.event());
    std::int64_t total = 0;
    const auto run = [&](std::uint32_t one_in) {
      Orders orders;
      orders.route().on_truncate = config::OnTruncate::apply;
      orders.table_of("order_items")->columns[3].has_default = true;
      orders.complete();
      std::map<std::string, Rows> tables;
      const auto take = [&] {
        const Changes made = orders.take();
        total += std::ssize(made.outcomes);
        for (const TableChanges& one : made.tables) take_effect(made, one, tables[one.table->name]);
      };
      for (const Message& message : messages) {
        orders.add(message);
        if (model.next(one_in) == 0) take();
      }
      take();
      return tables;
    };
    auto expected = run(1), found = run(3), whole = run(1000);
    ASSERT_EQ(total, 60);
    for (const char* table : {"orders", "order_items"}) {
      ASSERT_EQ(expected[table], found[table]) << "round " << round << ' ' << table;
      ASSERT_EQ(expected[table], whole[table]) << "round " << round << ' ' << table;
    }
    for (const auto& [key, child] : expected["order_items"])
      ASSERT_TRUE(expected["orders"].contains(child.at("order_id"))) << "round " << round << ": an orphan";
  }
}

}  // namespace
}  // namespace sluice::mapping::test

// Arrays as rows of children of parents with versions: which of them may be written in one round.
#include "config/children.h"
#include "tests/unit/mapping/several_support.h"

namespace sluice::mapping::test {
namespace {

// orders(id, note, v) with order_items(order_id, line, sku, n); v is the version.
struct VersionedOrders : Several {
  VersionedOrders() {
    config::Route& route = add_route("orders", {{"id", "int4"}, {"note", "text"}, {"v", "int8"}});
    route.version = config::VersionPath::parse("v");
    table_of("orders")->guard = 2;
    add_table("order_items", {{"order_id", "int4"}, {"line", "int4"}, {"sku", "text"}, {"n", "int4"}}, {0, 1});
    config::Route& child = route.children.emplace_back();
    child.path = "items";
    child.table = "order_items";
    child.key = {"order_id", "line"};
    child.fills = {{"order_id", "$.id"}, {"line", "@index"}};
    config::complete_child(child, route);
  }

  config::Route& route() { return pipeline->routes[0]; }

  // Outcomes, and of each round what it does to the order and to its items, with the version that they came with.
  std::string rounds(const std::vector<std::string>& values) {
    std::vector<Message> messages;
    for (const auto& value : values) messages.push_back({R"({"id":1})", value});
    for (Message& message : messages)
      if (message.value == "") message.value.reset();  // a tombstone
    const Changes made = map(messages);
    std::map<std::uint32_t, std::string> found;
    const auto version = [&](const Cell& cell) {
      return cell.length < 0 ? "-" : std::to_string(static_cast<int>(made.bytes(cell).back()));
    };
    for (const bool of_children : {false, true})
      for (const TableChanges& one : made.tables)
        for (const Step& step : one.steps) {
          if ((one.parent != nullptr) != of_children) continue;
          for (const RowChange& row : step.rows) {
            const bool removes = row.kind == ChangeKind::remove;
            if (of_children && removes) continue;
            const Cell* cells = made.row(row);
            found[step.round] += of_children ? fmt::format(" {}@{}", made.bytes(cells[2]), version(made.bond(row, 1)))
                                             : fmt::format(" {}{}", removes ? "-" : "+", version(cells[2]));
          }
          for (const RowChange& row : step.parents) found[step.round] += " all@" + version(made.bond(row, 1));
        }
    std::string text = outcomes(made);
    for (const auto& [round, changes] : found) text += ":" + changes;
    return text;
  }
};

std::string order_of(int version, std::string_view items = "") {
  return fmt::format(R"({{"id":1,"note":"x","v":{}{}}})", version, items);
}
constexpr std::string_view a = R"(,"items":[{"sku":"a","n":1}])", b = R"(,"items":[{"sku":"b","n":2}])";
constexpr std::string_view part_of_c = R"(,"items":[{"sku":"c"}])";

TEST(MappingChildVersions, a_newer_array_replaces_an_older_one_and_an_older_one_is_left_out) {
  EXPECT_EQ(VersionedOrders().rounds({order_of(5, a), order_of(7, b)}), "fa: +7 b@7 all@7");
  EXPECT_EQ(VersionedOrders().rounds({order_of(7, a), order_of(5, b)}), "as: +7 a@7 all@7");
  EXPECT_EQ(VersionedOrders().rounds({order_of(7), order_of(5, b)}), "as: +7") << "the parent alone is newer";
  EXPECT_EQ(VersionedOrders().rounds({order_of(5, a), order_of(5, b)}), "fa: +5 b@5 all@5") << "equal versions apply";
}

TEST(MappingChildVersions, what_makes_the_parent_newer_than_its_array_is_a_round_behind) {
  EXPECT_EQ(VersionedOrders().rounds({order_of(5, a), order_of(7)}), "aa: +5 a@5 all@5: +7");
  EXPECT_EQ(VersionedOrders().rounds({order_of(5), order_of(7, b)}), "fa: +7 b@7 all@7") << "no array came before";
}

TEST(MappingChildVersions, elements_that_lack_a_column_take_nothing_from_an_array_that_may_have_had_no_effect) {
  EXPECT_EQ(VersionedOrders().rounds({order_of(5, a), order_of(7, part_of_c)}), "aa: +5 a@5 all@5: +7 c@7 all@7");
  EXPECT_EQ(VersionedOrders().rounds({order_of(5, a), order_of(5, part_of_c)}), "fa: +5 c@5 all@5");
}

TEST(MappingChildVersions, a_delete_takes_the_children_along_by_its_version_and_a_tombstone_without) {
  const std::string gone = R"({"op":"d","before":{"id":1,"v":8},"after":null})";
  EXPECT_EQ(VersionedOrders().rounds({gone}), "a: -8 all@8");
  EXPECT_EQ(VersionedOrders().rounds({order_of(5, a), gone}), "fa: -8 all@8");
  EXPECT_EQ(VersionedOrders().rounds({order_of(5, a), ""}), "fa: -- all@-");
  EXPECT_EQ(VersionedOrders().rounds({"", order_of(3, a)}), "aa: -- all@-: +3 a@3 all@3");
}

TEST(MappingChildVersions, a_mark_leaves_the_children_as_they_are) {
  VersionedOrders orders;
  orders.route().on_delete = {config::OnDelete::soft, "note"};
  orders.add_table("orders", {{"id", "int4"}, {"note", "bool"}, {"v", "int8"}}, {0})->guard = 2;
  orders.table_of("orders")->marker = 1;
  EXPECT_EQ(orders.rounds({R"({"op":"d","before":{"id":1,"v":8},"after":null})"}), "a: +8");
}

}  // namespace
}  // namespace sluice::mapping::test
